# The vocabulary of the build: rooms, the library, programs.
include(GNUInstallDirs)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
include(CheckCCompilerFlag)

# What the compiler may do for us. Nobody puts another function in the place of one of ours, so
# calls within a file may be inlined. And gcc clears and copies structs by `rep stos` and
# `rep movs`, which take long to begin: without them a restart is 5 % faster.
set(TP_CODE_OPTIONS)
check_c_compiler_flag(-fno-semantic-interposition TP_HAS_NO_INTERPOSITION)
if(TP_HAS_NO_INTERPOSITION)
    list(APPEND TP_CODE_OPTIONS -fno-semantic-interposition)
endif()
set(strategy "unrolled_loop:256:noalign,libcall:-1:noalign")
check_c_compiler_flag("-mmemset-strategy=${strategy}" TP_HAS_MEMSET_STRATEGY)
if(TP_HAS_MEMSET_STRATEGY)
    list(APPEND TP_CODE_OPTIONS "-mmemset-strategy=${strategy}" "-mmemcpy-strategy=${strategy}")
endif()

set(TP_WARNINGS
    -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion
    -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2)
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
    list(APPEND TP_WARNINGS -Watomic-implicit-seq-cst -Wno-string-conversion
         -Wno-gnu-zero-variadic-macro-arguments -Wno-gnu-statement-expression)
else()
    list(APPEND TP_WARNINGS -Wlogical-op -Wduplicated-cond)
endif()

# How everything of ours is compiled. Nothing of it reaches a user of the library.
function(tp_compile target)
    target_compile_features(${target} PRIVATE c_std_17)
    set_target_properties(
        ${target} PROPERTIES C_EXTENSIONS ON C_VISIBILITY_PRESET hidden
                             POSITION_INDEPENDENT_CODE ON)
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}")
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:C>:${TP_WARNINGS}>" -g
                                             -fno-plt -ftls-model=initial-exec)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|aarch64")
        target_compile_options(${target} PRIVATE -fstack-clash-protection)
    endif()
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:C>:${TP_CODE_OPTIONS}>")
    if(TP_WERROR)
        target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:C>:-Werror>)
    endif()
    if(TP_CHECKED)
        target_compile_definitions(${target} PRIVATE TP_CHECKED)
    endif()
    if(TP_SANITIZE)
        target_compile_options(${target} PRIVATE -fsanitize=${TP_SANITIZE}
                                                 -fno-sanitize-recover=all -fno-omit-frame-pointer)
        # A report names functions and lines: the rest takes a fifth of the compiler's time.
        target_compile_options(${target} PRIVATE -g1)
        target_link_options(${target} PRIVATE -fsanitize=${TP_SANITIZE})
    endif()
endfunction()

# The sources of one folder that are meant for this processor: *_x86_64.S and *_aarch64.S name
# theirs.
function(tp_sources out folder)
    file(GLOB found CONFIGURE_DEPENDS "${folder}/*.c" "${folder}/*.S")
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
        list(FILTER found EXCLUDE REGEX "_aarch64\\.[cS]$")
    elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
        list(FILTER found EXCLUDE REGEX "_x86_64\\.[cS]$")
    endif()
    set(${out} "${found}" PARENT_SCOPE)
endfunction()

# libtroupe is compiled once and linked twice. A room adds its folder to it.
macro(tp_begin_library)
    add_library(troupe_objects OBJECT)
    tp_compile(troupe_objects)
    target_compile_definitions(troupe_objects PRIVATE TP_BUILD_SHARED)
    target_include_directories(troupe_objects PRIVATE "${PROJECT_SOURCE_DIR}/include")
    target_link_libraries(troupe_objects PRIVATE troupe::msgpack Threads::Threads)
endmacro()

# tp_room(queue) adds the sources of the current folder's queue/ to libtroupe.
function(tp_room room)
    tp_sources(sources "${CMAKE_CURRENT_SOURCE_DIR}/${room}")
    target_sources(troupe_objects PRIVATE ${sources})
endfunction()

function(tp_finish_library)
    foreach(target IN ITEMS troupe troupe_static)
        if(target STREQUAL troupe)
            add_library(troupe SHARED $<TARGET_OBJECTS:troupe_objects>)
        else()
            add_library(troupe_static STATIC $<TARGET_OBJECTS:troupe_objects>)
        endif()
        add_library(troupe::${target} ALIAS ${target})
        target_include_directories(
            ${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                             $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
        target_link_libraries(${target} PRIVATE troupe::msgpack Threads::Threads)
        target_compile_features(${target} INTERFACE c_std_17)
        set_target_properties(
            ${target} PROPERTIES OUTPUT_NAME troupe LINKER_LANGUAGE C POSITION_INDEPENDENT_CODE ON)
    endforeach()
    set_target_properties(troupe PROPERTIES VERSION ${PROJECT_VERSION}
                                            SOVERSION ${PROJECT_VERSION_MAJOR})
    if(TP_SANITIZE)
        target_link_options(troupe PRIVATE -fsanitize=${TP_SANITIZE})
        target_link_options(troupe_static INTERFACE $<BUILD_INTERFACE:-fsanitize=${TP_SANITIZE}>)
    else()
        target_link_options(troupe PRIVATE -Wl,-z,defs -Wl,-z,relro -Wl,-z,now)
    endif()
endfunction()

# libtroupe-net: what needs libraries beyond msgpack-c. A room adds its folder with tp_net_room.
# Static only: it uses what libtroupe.so does not show.
function(tp_begin_net)
    find_package(PkgConfig QUIET)
    if(PkgConfig_FOUND)
        pkg_check_modules(TP_SODIUM QUIET IMPORTED_TARGET GLOBAL libsodium)
    endif()
    if(NOT TP_SODIUM_FOUND)
        message(FATAL_ERROR "transport needs libsodium (Debian: libsodium-dev); "
                            "-DTP_BUILD_NET=OFF builds without it")
    endif()
    find_package(nng CONFIG QUIET)
    if(NOT nng_FOUND)
        message(FATAL_ERROR "transport needs nng (Debian: libnng-dev); "
                            "-DTP_BUILD_NET=OFF builds without it")
    endif()
    add_library(troupe_net_static STATIC)
    tp_compile(troupe_net_static)
    add_library(troupe::troupe_net_static ALIAS troupe_net_static)
    set_target_properties(troupe_net_static PROPERTIES OUTPUT_NAME troupe-net)
    target_link_libraries(troupe_net_static PRIVATE PkgConfig::TP_SODIUM nng::nng
                                            PUBLIC troupe_static)
endfunction()

# tp_net_room(wire) adds the sources of the current folder's wire/ to libtroupe-net.
function(tp_net_room room)
    tp_sources(sources "${CMAKE_CURRENT_SOURCE_DIR}/${room}")
    target_sources(troupe_net_static PRIVATE ${sources})
endfunction()

# tp_program(NAME SOURCES... [LINK libraries...]): a program in bin/, linked to the static library.
# No sources yet: no program.
function(tp_program name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LINK")
    if(NOT arg_UNPARSED_ARGUMENTS)
        return()
    endif()
    add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
    tp_compile(${name})
    target_link_libraries(${name} PRIVATE ${arg_LINK} troupe_static Threads::Threads)
endfunction()
