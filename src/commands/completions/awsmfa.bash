# Completes awsmfa in bash; `awsmfa completions bash` prints this.
_awsmfa() {
    # bash takes the parts of an ARN, and what follows a `=`, for words of their own: they are put together again.
    local line=${COMP_LINE:0:COMP_POINT} words=() prefix='' quoted='' blank word plain i
    for (( i = 0; i <= COMP_CWORD; i++ )); do
        blank=${line%%[![:space:]]*}
        line=${line#"$blank"}
        word=${COMP_WORDS[i]}
        if (( i == COMP_CWORD )); then word=$line; fi
        line=${line#"$word"}
        case $word in
            \"* | \'*) plain=${word:1} plain=${plain%[\"\']} quoted=yes ;;
            *) plain=${word//\\/} quoted='' ;;
        esac
        if (( i == 0 )) || [[ -n $blank ]]; then
            prefix=''
            words+=("$plain")
        else
            prefix=${words[${#words[@]} - 1]}
            words[${#words[@]} - 1]+=$plain
        fi
    done
    # Behind a `:` or `=`, the next part begins.
    if [[ -n $word && $word != *[!:=]* ]]; then prefix=${words[${#words[@]} - 1]}; fi

    local found candidates=() candidate
    found=$(
        _CLAP_IFS=$'\013' _CLAP_COMPLETE_INDEX=$(( ${#words[@]} - 1 )) _CLAP_COMPLETE_COMP_TYPE=$COMP_TYPE \
            AWSMFA_COMPLETE=bash awsmfa -- "${words[@]}" 2>/dev/null
    ) || return
    IFS=$'\013' read -ra candidates <<<"$found"
    COMPREPLY=()
    for candidate in "${candidates[@]}"; do
        candidate=${candidate#"$prefix"}
        if [[ -z $quoted && $candidate == *[!A-Za-z0-9_./:=@%+,~-]* ]]; then printf -v candidate %q "$candidate"; fi
        COMPREPLY+=("$candidate")
    done
    if [[ ${COMPREPLY-} == *[=/:] ]]; then compopt -o nospace 2>/dev/null; fi
    return 0
}
if (( BASH_VERSINFO[0] > 4 || (BASH_VERSINFO[0] == 4 && BASH_VERSINFO[1] >= 4) )); then
    complete -o bashdefault -o nosort -F _awsmfa awsmfa
else
    complete -o bashdefault -F _awsmfa awsmfa
fi
