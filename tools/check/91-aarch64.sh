#!/bin/bash
# The core's functional tests, without nodes (TP_BUILD_NET=OFF), cross-compiled for aarch64, under
# qemu's user mode. msgpack-c and libsodium for aarch64 are fetched with apt into
# build/aarch64-root; the system's own package lists are not touched. A mirror need not have them:
# then the step is a skip that is counted.
source "$(dirname "$0")/common.sh"

no_mirror() {
    echo "SKIP aarch64.packages: apt-get $1 failed for arm64"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}
root=$PWD/build/aarch64-root
if [ ! -e "$root/usr/lib/aarch64-linux-gnu/libsodium.so" ]; then
    mkdir -p "$root/apt/lists/partial" "$root/apt/cache/archives/partial"
    apt=(apt-get -qq -o APT::Architectures::="$(dpkg --print-architecture)"
        -o APT::Architectures::=arm64 -o Dir::State::Lists="$root/apt/lists"
        -o Dir::Cache="$root/apt/cache" -o APT::Sandbox::User=root)
    "${apt[@]}" update || no_mirror update
    (cd "$root/apt" && "${apt[@]}" download libmsgpack-dev:arm64 libmsgpackc2:arm64 \
        libsodium-dev:arm64 libsodium23:arm64) ||
        no_mirror download
    for package in "$root"/apt/*.deb; do dpkg-deb -x "$package" "$root" || verdict 1 "unpack"; done
    # Its CMake files name /usr; pkg-config can be told where they really are.
    rm -rf "$root/apt" "$root/usr/lib/aarch64-linux-gnu/cmake"
fi
export PKG_CONFIG_LIBDIR="$root/usr/lib/aarch64-linux-gnu/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root"
configure_and_build aarch64 -DTP_BUILD_NET=OFF -DTP_AARCH64_ROOT="$root" || verdict 1 "build"
# Without what the emulator cannot do: programs that start programs or copy themselves, faults that
# become signals with a foreign stack; without the story's programs, which are about time; and
# without the simulator's, for whose many thousand runtimes qemu 7.2 takes 24 GB of its own.
left_out='test_sim|test_process|test_isolate|test_crash|guide\.1[6-9]-.*|story\..*|bench\..*'
bash tools/check/ctest.sh aarch64 --label-regex quick --exclude-regex "^($left_out)\$"
