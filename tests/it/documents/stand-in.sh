#!/usr/bin/env bash
# Stands in for the programs that docs/ runs, under their names. A program that uses AWS succeeds only if it would get a session
# made with MFA, without a prompt.
set -eu
name=${0##*/}

# Prints the value of a key ($3) in a section ($2) of an AWS file ($1).
setting() {
    [[ -e ~/.aws/$1 ]] || return 0
    awk -v header="[$2]" -v key="$3" '
        /^\[/ { inside = $0 == header }
        inside && $1 == key && $2 == "=" { sub(/^[^=]*= */, ""); print; exit }' ~/.aws/"$1"
}

fail() {
    echo "$name: $*" >&2
    exit 1
}

# Prints a code that was not used yet, as the device would after a while.
code() {
    local address=${AWS_ENDPOINT_URL#http://} code
    while :; do
        exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
        printf 'GET /_fake/code/alice HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$address" >&3
        code=$(sed -n 's/.*"code":"\([0-9]*\)".*/\1/p' <&3)
        [[ -z $code ]] || break
        sleep 1
    done
    echo "$code"
    exit
}

# Uses the credentials of a profile, as SDKs do.
use_profile() {
    local section="profile $1" source
    [[ $1 == default ]] && section=default
    source=$(setting config "$section" source_profile)
    if [[ -n $source && -n $(setting config "$section" role_arn) ]]; then
        [[ -z $(setting config "$section" mfa_serial) ]] || fail "prompts for a code because of \`mfa_serial\` in [$section]"
        use_profile "$source"
        return
    fi
    if [[ -n $(setting credentials "$1" aws_access_key_id) ]]; then
        [[ -n $(setting credentials "$1" aws_session_token) ]] || fail "[$1] has long-term keys"
        return
    fi
    local process
    process=$(setting config "$section" credential_process)
    [[ -n $process ]] || fail "profile $1 has no credentials"
    sh -c "$process" </dev/null | grep -q '"ASIA' || fail "\`$process\` prints no session"
}

# Uses the profile on the command line, the environment, or the profile of the environment.
use_aws() {
    if [[ -n ${profile-} ]]; then
        use_profile "$profile"
    elif [[ -n ${AWS_ACCESS_KEY_ID-} ]]; then
        [[ $AWS_ACCESS_KEY_ID == ASIA* && -n ${AWS_SESSION_TOKEN-} ]] || fail "the environment has long-term keys"
    elif [[ -n ${AWS_CONTAINER_CREDENTIALS_FULL_URI-} ]]; then
        [[ -n ${AWS_CONTAINER_AUTHORIZATION_TOKEN-} ]] || fail "there is no token for $AWS_CONTAINER_CREDENTIALS_FULL_URI"
    else
        use_profile "${AWS_PROFILE:-default}"
    fi
}

case $name in
docker)
    [[ $1 == run ]] || fail "what is \`$1\`?"
    shift
    variables=()
    while [[ $1 == -* ]]; do
        case $1 in
        --rm) shift; continue ;;
        --env-file) while IFS= read -r line; do variables+=("$line"); done <"$2" ;;
        -e)
            if [[ $2 == *=* ]]; then
                variables+=("$2")
            elif [[ -v $2 ]]; then
                variables+=("$2=${!2}")
            fi
            ;;
        -v) [[ -e ${2%%:*} ]] || fail "cannot mount ${2%%:*}: it does not exist" ;;
        --network | --user) ;;
        *) fail "what is \`$1\`?" ;;
        esac
        shift 2
    done
    # After the image. That of the AWS CLI runs `aws`.
    shift
    [[ $1 == awsmfa ]] || set -- aws "$@"
    # A variable that is not passed on is not there, but for the address of the fake AWS.
    exec env -i HOME=/nowhere PATH="$PATH" AWS_ENDPOINT_URL="$AWS_ENDPOINT_URL" "${variables[@]}" "$@"
    ;;
aws)
    while (($#)); do
        [[ $1 == --profile ]] && profile=$2
        shift
    done
    use_aws
    ;;
terraform)
    shopt -s nullglob
    profile=$(cat -- *.tf </dev/null | sed -n 's/^ *profile *= *"\(.*\)"$/\1/p' | head -1)
    case ${1-} in
    init | plan | apply) use_aws ;;
    *) fail "what is \`$1\`?" ;;
    esac
    ;;
aws-vault)
    [[ $1 == export && $2 == --no-session ]] || fail "what is \`$1\`?"
    cat ~/stand-ins/keys.json
    exit
    ;;
ykman)
    [[ $* == 'oath accounts code --single aws' ]] || fail "what is \`$*\`?"
    code
    ;;
op)
    [[ $* == 'item get AWS --otp' ]] || fail "what is \`$*\`?"
    code
    ;;
bw)
    case $* in
    'unlock --raw') echo token; exit ;;
    'get totp AWS') [[ ${BW_SESSION-} == token ]] || fail "the vault is locked"; code ;;
    *) fail "what is \`$*\`?" ;;
    esac
    ;;
pass)
    [[ $* == 'otp aws/alice' ]] || fail "what is \`$*\`?"
    code
    ;;
oathtool)
    [[ $* == '--totp --base32 @'*/.aws/mfa-secret ]] || fail "what is \`$*\`?"
    code
    ;;
direnv)
    # shellcheck disable=SC1091
    case $1 in
    allow) [[ -e .envrc ]] || fail "there is no .envrc" ;;
    exec) (cd "$2" && . ./.envrc && shift 2 && "$@") ;;
    *) fail "what is \`$1\`?" ;;
    esac
    ;;
*) use_aws ;;
esac
echo "$name has a session"
