#!/usr/bin/env bash
# Runs clippy for Windows and macOS and builds the Windows program, on Debian 12. Without arguments, runs the first three
# steps:
#
#     tests/real/foreign-targets.sh [install] [windows] [macos] [windows-tests]
#
# The standard library is built from source, so that no target has to be downloaded with rustup. Debian's `-web` packages
# contain that source, its dependencies and the matching compiler. They conflict with Debian's other Rust packages, so
# they are unpacked, not installed.
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
    # The packages and their missing dependencies.
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
    # ring's build script compiles C. Nothing is linked for macOS, so empty objects will do.
    printf '#!/bin/sh\nwhile [ $# -gt 0 ]; do [ "$1" = -o ] && : >"$2"; shift; done\n' >"$ROOT/bin/no-cc"
    printf '#!/bin/sh\nfor a; do case $a in *.a) : >"$a" ;; esac; done\n' >"$ROOT/bin/no-ar"
    chmod +x "$ROOT"/bin/*
    touch "$ROOT/complete"
}

# Runs that toolchain's cargo with a separate target folder. Warnings, including clippy's, are errors.
foreign() {
    env PATH="$ROOT/bin:$PATH" RUSTC="$ROOT/bin/rustc" RUSTDOC="$ROOT/bin/rustdoc" RUSTC_BOOTSTRAP=1 \
        CARGO_UNSTABLE_BUILD_STD=std,panic_abort CARGO_UNSTABLE_WARNINGS=true CARGO_BUILD_WARNINGS=deny \
        CARGO_TARGET_DIR="$CI_DIR/foreign" CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_STRIP=symbols CARGO_TERM_QUIET=true "$@"
}

windows() {
    # Linking requires two objects that `-Zbuild-std` does not build.
    local objects=$LIB/$WINDOWS/lib/self-contained object
    mkdir -p "$objects"
    for object in rsbegin rsend; do
        [[ -e $objects/$object.o ]] || RUSTC_BOOTSTRAP=1 "$ROOT/bin/rustc" --target "$WINDOWS" --crate-type lib \
            --emit=obj -o "$objects/$object.o" "$LIB/src/rust/library/rtstartup/$object.rs"
    done
    # Clippy is the compiler of this workspace; `cargo clippy` would compile all dependencies again.
    foreign RUSTC_WORKSPACE_WRAPPER="$ROOT/bin/clippy-driver" \
        cargo build --locked --target "$WINDOWS" -p awsmfa-cli --all-targets
    # Used by the `windows` suite.
    local c=tests/real/windows
    x86_64-w64-mingw32-gcc -shared -o "$CI_DIR/foreign/bcryptprimitives.dll" $c/bcryptprimitives.c -ladvapi32
    x86_64-w64-mingw32-gcc -o "$CI_DIR/foreign/hold.exe" $c/hold.c
}

# Runs the unit tests in the wine prefix set by WINEPREFIX.
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
