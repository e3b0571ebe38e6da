#!/usr/bin/env bash
# Checks Windows and macOS with clippy and builds the Windows program, on Debian 12 (all but windows-tests by default):
#
#     tests/real/foreign-targets.sh [install] [windows] [macos] [windows-tests]
#
# rustup has the standard library of neither, so it is built from source. Debian's `-web` packages have that source with
# all it depends on, and the compiler of the same version. They conflict with other Rust packages of Debian, so they
# are unpacked and not installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

CI_DIR=${CARGO_TARGET_DIR:-$PWD/target}/ci
ROOT=$CI_DIR/rust-web
LIB=$ROOT/usr/lib/rustlib
WINDOWS=x86_64-pc-windows-gnu
MAC=aarch64-apple-darwin

install_toolchain() {
    [[ -e $ROOT/complete ]] && return
    rm -rf "$ROOT" && mkdir -p "$ROOT/debs" "$ROOT/bin"
    # The packages, and those of their dependencies that this machine lacks.
    local packages
    packages=$(apt-get -s install --no-install-recommends rustc-web cargo-web rust-web-clippy rust-web-src |
        awk '$1 == "Inst" { print $2 }')
    # shellcheck disable=SC2086
    (cd "$ROOT/debs" && apt-get download -qq -o APT::Sandbox::User=root $packages)
    local deb
    for deb in "$ROOT"/debs/*.deb; do dpkg -x "$deb" "$ROOT"; done
    rm -r "$ROOT/debs"
    local tool
    for tool in cargo rustc rustdoc cargo-clippy clippy-driver; do
        cat >"$ROOT/bin/$tool" <<-END
			#!/bin/sh
			LD_LIBRARY_PATH='$ROOT/usr/lib/x86_64-linux-gnu' exec '$ROOT/usr/bin/$tool' "\$@"
		END
    done
    # ring compiles C for the target. Nothing is linked for macOS, so its objects may be empty.
    printf '#!/bin/sh\nwhile [ $# -gt 0 ]; do [ "$1" = -o ] && : >"$2"; shift; done\n' >"$ROOT/bin/no-cc"
    printf '#!/bin/sh\nfor a; do case $a in *.a) : >"$a" ;; esac; done\n' >"$ROOT/bin/no-ar"
    chmod +x "$ROOT"/bin/*
    touch "$ROOT/complete"
}

# cargo of that toolchain, with a target folder of its own. A warning is an error, from clippy too.
foreign() {
    env PATH="$ROOT/bin:$PATH" RUSTC="$ROOT/bin/rustc" RUSTDOC="$ROOT/bin/rustdoc" RUSTC_BOOTSTRAP=1 \
        CARGO_UNSTABLE_BUILD_STD=std,panic_abort CARGO_UNSTABLE_WARNINGS=true CARGO_BUILD_WARNINGS=deny \
        CARGO_TARGET_DIR="$CI_DIR/foreign" CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_STRIP=symbols CARGO_TERM_QUIET=true "$@"
}

windows() {
    # To link, the standard library needs two objects that `-Zbuild-std` does not build.
    local objects=$LIB/$WINDOWS/lib/self-contained object
    mkdir -p "$objects"
    for object in rsbegin rsend; do
        [[ -e $objects/$object.o ]] || RUSTC_BOOTSTRAP=1 "$ROOT/bin/rustc" --target "$WINDOWS" --crate-type lib \
            --emit=obj -o "$objects/$object.o" "$LIB/src/rust/library/rtstartup/$object.rs"
    done
    # A build with clippy as the compiler of this workspace: `cargo clippy` would compile all dependencies a second time.
    foreign RUSTC_WORKSPACE_WRAPPER="$ROOT/bin/clippy-driver" \
        cargo build --locked --target "$WINDOWS" -p awsmfa-cli --all-targets
    # What the suite `windows` needs beside it under wine.
    local c=tests/real/windows
    x86_64-w64-mingw32-gcc -shared -o "$CI_DIR/foreign/bcryptprimitives.dll" $c/bcryptprimitives.c -ladvapi32
    x86_64-w64-mingw32-gcc -o "$CI_DIR/foreign/hold.exe" $c/hold.c
}

# The library's own tests, in the wine prefix of the environment.
windows_tests() {
    foreign RUSTC_WORKSPACE_WRAPPER="$ROOT/bin/clippy-driver" CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=wine \
        cargo test --locked --target "$WINDOWS" -p awsmfa-cli --lib
}

macos() {
    mkdir -p "$ROOT/sdk"
    foreign CC_aarch64_apple_darwin="$ROOT/bin/no-cc" AR_aarch64_apple_darwin="$ROOT/bin/no-ar" SDKROOT="$ROOT/sdk" \
        cargo clippy --locked --target "$MAC" --workspace --all-targets
}

[[ $# -gt 0 ]] || set -- install windows macos
for step; do
    case $step in
    install) install_toolchain ;;
    windows | macos) "$step" ;;
    windows-tests) windows_tests ;;
    *) echo "$0: unknown step: $step" >&2 && exit 2 ;;
    esac
done
