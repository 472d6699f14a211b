#!/bin/bash
# Installs the release build into an empty prefix and into a DESTDIR, then builds and runs a
# consumer against it: C and C++20, gcc and clang, by find_package, pkg-config and add_subdirectory.
set -u
cd "$(dirname "$0")/../.." || exit 1
source_dir=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
# The two consumers of a family share a folder when they take our sources in: the library is
# compiled once for both. One family begins with C, the other with C++.
compilers=(C:gcc:gcc CXX:g++:gcc CXX:clang++:clang C:clang:clang)

attempt() { # NAME COMMAND...: counts it, shows the output of a failure
    local name=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1))
        echo "ok   $name"
    else
        failed=$((failed + 1))
        echo "FAIL $name"
        tail -n 25 "$work/log" | sed 's/^/    /'
    fi
}

expect_balance() { # COMMAND...: the consumer prints its balance
    [ "$("$@")" = 4200 ]
}

by_cmake() { # LANGUAGE COMPILER FOLDER CMAKE-OPTIONS...
    local language=$1 compiler=$2 folder=$3
    shift 3
    cmake -G Ninja -S tests/package/consumer -B "$folder" -DCONSUMER_LANGUAGE="$language" \
        -DCMAKE_"$language"_COMPILER="$compiler" \
        -DCMAKE_C_FLAGS="-Wall -Wextra -Werror" -DCMAKE_CXX_FLAGS="-Wall -Wextra -Werror" "$@" &&
        cmake --build "$folder" --parallel "$(nproc)" &&
        expect_balance "$folder/consumer_troupe" &&
        expect_balance "$folder/consumer_troupe_static" &&
        { [ "$language" = CXX ] || expect_balance "$folder/consumer_node"; }
}

by_pkg_config() { # LANGUAGE COMPILER FOLDER
    local source=consumer.c standard=gnu17 flags
    if [ "$1" = CXX ]; then source=consumer.cpp standard=c++20; fi
    mkdir -p "$3"
    read -ra flags <<<"$(pkg-config --cflags --libs troupe)"
    "$2" -std=$standard -Wall -Wextra -Werror "tests/package/consumer/$source" -o "$3/shared" \
        "${flags[@]}" -Wl,-rpath,"$(pkg-config --variable=libdir troupe)" &&
        expect_balance "$3/shared" || return 1
    read -ra flags <<<"$(pkg-config --cflags --libs --static troupe)"
    "$2" -std=$standard -Wall -Wextra -Werror "tests/package/consumer/$source" -o "$3/static" \
        -Wl,-Bstatic "${flags[@]}" -Wl,-Bdynamic && expect_balance "$3/static" || return 1
    if [ "$1" = CXX ]; then return 0; fi
    read -ra flags <<<"$(pkg-config --cflags --libs troupe-net)"
    "$2" -std=$standard -Wall -Wextra -Werror tests/package/consumer/node.c -o "$3/node" \
        "${flags[@]}" && expect_balance "$3/node"
}

library_is_versioned() { # PREFIX
    local library
    library=$(find "$1" -name 'libtroupe.so' -print -quit)
    [ -n "$library" ] && objdump -p "$library" | grep -qE 'SONAME +libtroupe\.so\.0$' &&
        [ "$(readlink "$library")" = libtroupe.so.0 ] && [ -n "$(find "$1" -name libtroupe.a)" ]
}

only_headers_and_libraries() { # DESTDIR: nothing lands outside of the prefix
    [ -f "$1/opt/troupe/include/troupe/troupe.h" ] &&
        ! find "$1" -type f ! -path "$1/opt/troupe/*" | grep .
}

# The program is there, and runs from where it was put.
installs_the_program() { # PREFIX
    [ "$("$1/bin/troupe" --version)" = "troupe $(pkg-config --modversion "$2")" ]
}

built() {
    cmake -DCMAKE_BUILD_TYPE=Release -G Ninja -S . -B "$work/build" -DTP_BUILD_TESTS=OFF \
        -DTP_BUILD_EXAMPLES=OFF -DTP_BUILD_BENCH=OFF \
        -DCMAKE_INSTALL_PREFIX="$work/prefix" && cmake --build "$work/build" --parallel "$(nproc)"
}

attempt "build of the libraries and the program" built
attempt "install" cmake --install "$work/build"
attempt "versioned soname, shared and static" library_is_versioned "$work/prefix"
attempt "install with DESTDIR" env DESTDIR="$work/dest" \
    cmake --install "$work/build" --prefix /opt/troupe
attempt "DESTDIR holds it all" only_headers_and_libraries "$work/dest"

export CMAKE_PREFIX_PATH="$work/prefix"
PKG_CONFIG_PATH=$(dirname "$(find "$work/prefix" -name troupe.pc -print -quit)")
export PKG_CONFIG_PATH
for entry in "${compilers[@]}"; do
    IFS=: read -r language compiler family <<<"$entry"
    attempt "find_package, $compiler" by_cmake "$language" "$compiler" "$work/found-$compiler"
    attempt "pkg-config, $compiler" by_pkg_config "$language" "$compiler" "$work/pc-$compiler"
    attempt "add_subdirectory, $compiler" by_cmake "$language" "$compiler" "$work/sub-$family" \
        -DTROUPE_SOURCE="$source_dir" -DCMAKE_C_COMPILER="$family"
done
attempt "the program is installed" installs_the_program "$work/prefix" troupe
attempt "and can be moved" installs_the_program "$work/dest/opt/troupe" troupe
attempt "a moved installation is found" env CMAKE_PREFIX_PATH="$work/dest/opt/troupe" \
    bash -c "cmake -G Ninja -S tests/package/consumer -B $work/moved -DCONSUMER_LANGUAGE=C"
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
