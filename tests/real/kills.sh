#!/bin/sh
# Kills `enroll`, `keys`, `setup` and `store` at each system call in turn, with strace's fault injection, and checks that the next
# run succeeds (kills.rs in tests/it/enroll, keys, keys_rotate, setup and store). Takes minutes. Needs strace and permission to trace
# processes.
set -eu
cd "$(dirname "$0")/../.."
command -v strace >/dev/null || { echo "strace is not installed" >&2; exit 1; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
set -- enroll::kills::enrollment_survives_a_kill_at_every_system_call \
    keys::kills::moving_keys_survives_a_kill_at_every_system_call \
    keys_rotate::kills::rotation_survives_a_kill_at_every_system_call \
    setup::kills::setup_survives_a_kill_at_every_system_call \
    store::kills::moving_secrets_survives_a_kill_at_every_system_call \
    store::kills::new_passphrase_survives_a_kill_at_every_system_call \
    store::kills::backup_survives_a_kill_at_every_system_call \
    store::kills::restoring_survives_a_kill_at_every_system_call \
    store::kills::rebuilding_survives_a_kill_at_every_system_call
# Some steps wait, so there are more threads than processors.
{ cargo test --workspace --test it -- --ignored --nocapture --test-threads 8 --exact "$@" || :; } | tee "$log"
# cargo succeeds even if a filter matches no test.
grep -q "^test result: ok\. $# passed" "$log"
