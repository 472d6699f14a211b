# Tests: one program a folder. tests/unit/queue/*_test.c become test_queue; files that end in
# _heavy_test.c become test_queue_heavy; every other .c of the folder is linked into both. *_test.sh
# run with the folder of the programs as their argument.
if(NOT TP_BUILD_TESTS)
    return()
endif()

if(TP_SANITIZE MATCHES "thread" OR CMAKE_CROSSCOMPILING)
    set(runner inprocess)
else()
    set(runner ${TP_TEST_RUNNER})
endif()
if(NOT runner STREQUAL "inprocess")
    find_package(PkgConfig QUIET)
    find_library(TP_NANOMSG_LIBRARY nanomsg)
    if(PkgConfig_FOUND)
        pkg_check_modules(TP_CRITERION QUIET criterion)
    endif()
    if(TP_CRITERION_FOUND AND TP_NANOMSG_LIBRARY)
        set(runner criterion)
    elseif(runner STREQUAL "criterion")
        message(FATAL_ERROR "Criterion or nanomsg is missing (libcriterion-dev, libnanomsg-dev)")
    else()
        message(STATUS "Criterion is missing: the tests use the in-process runner")
        set(runner inprocess)
    endif()
endif()
set(TP_RUNNER ${runner})

set(suppressions "suppressions=${PROJECT_SOURCE_DIR}/tests/support/nng.supp")
set(TP_TEST_ENVIRONMENT
    "ASAN_OPTIONS=detect_stack_use_after_return=0:strict_string_checks=1:detect_leaks=1"
    "UBSAN_OPTIONS=print_stacktrace=1"
    "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:${suppressions}")

# The runner comes from test.h's two forms. nanomsg stands first: Criterion's calls must not bind to
# the symbols of the same names that nng exports.
add_library(troupe_test_runner OBJECT "${PROJECT_SOURCE_DIR}/tests/support/runner.c")
function(tp_test_runner target)
    if(TP_RUNNER STREQUAL "criterion")
        target_include_directories(${target} SYSTEM PRIVATE ${TP_CRITERION_INCLUDE_DIRS})
    else()
        target_compile_definitions(${target} PRIVATE TP_TEST_INPROCESS)
    endif()
endfunction()
tp_compile(troupe_test_runner)
tp_test_runner(troupe_test_runner)

# A test that hangs ends at this; no other verdict hangs on it. Sanitizers are twenty times slower,
# and so is an emulator.
set(TP_TEST_TIMEOUT 600)
if(TP_SANITIZE OR CMAKE_CROSSCOMPILING)
    set(TP_TEST_TIMEOUT 900)
endif()

function(tp_test_program name label timeout)
    cmake_parse_arguments(PARSE_ARGV 3 arg "" "" "SOURCES;LINK")
    add_executable(${name} ${arg_SOURCES} $<TARGET_OBJECTS:troupe_test_runner>)
    tp_compile(${name})
    tp_test_runner(${name})
    if(TP_RUNNER STREQUAL "criterion")
        target_link_libraries(${name} PRIVATE -Wl,--no-as-needed ${TP_NANOMSG_LIBRARY}
                                              ${TP_CRITERION_LINK_LIBRARIES} -Wl,--as-needed)
        add_test(NAME ${name} COMMAND ${name} --jobs 1 --timeout ${TP_TEST_TIMEOUT})
    else()
        add_test(NAME ${name} COMMAND ${name})
    endif()
    target_link_libraries(${name} PRIVATE ${arg_LINK} troupe_static troupe::msgpack
                                          Threads::Threads m)
    set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${timeout}
                                            ENVIRONMENT "${TP_TEST_ENVIRONMENT}")
endfunction()

# tp_test_folder(NAME FOLDER [HEAVY] [LINK libraries...])
function(tp_test_folder name folder)
    cmake_parse_arguments(PARSE_ARGV 2 arg "HEAVY" "" "LINK")
    file(GLOB all CONFIGURE_DEPENDS "${folder}/*.c")
    set(tests ${all})
    list(FILTER tests INCLUDE REGEX "_test\\.c$")
    set(helpers ${all})
    list(FILTER helpers EXCLUDE REGEX "_test\\.c$")
    set(heavy ${tests})
    list(FILTER heavy INCLUDE REGEX "_heavy_test\\.c$")
    if(arg_HEAVY)
        set(heavy ${tests})
        set(tests "")
    elseif(heavy)
        list(REMOVE_ITEM tests ${heavy})
    endif()
    if(tests)
        tp_test_program(${name} quick ${TP_TEST_TIMEOUT} SOURCES ${tests} ${helpers}
                        LINK ${arg_LINK})
    endif()
    if(heavy)
        if(NOT arg_HEAVY)
            string(APPEND name _heavy)
        endif()
        tp_test_program(${name} heavy 1200 SOURCES ${heavy} ${helpers} LINK ${arg_LINK})
    endif()
    file(GLOB scripts CONFIGURE_DEPENDS "${folder}/*_test.sh")
    foreach(script IN LISTS scripts)
        get_filename_component(base ${script} NAME_WE)
        tp_test_script(${name}.${base} ${script} quick)
    endforeach()
endfunction()

# A script is given the folder of the programs; it is run in the source tree.
function(tp_test_script name script label)
    if(CMAKE_CROSSCOMPILING)
        return()
    endif()
    add_test(NAME ${name} COMMAND bash ${script} "${PROJECT_BINARY_DIR}/bin"
             WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
    set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${TP_TEST_TIMEOUT}
                                            ENVIRONMENT "${TP_TEST_ENVIRONMENT}")
endfunction()
