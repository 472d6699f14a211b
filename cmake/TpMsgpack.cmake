# Makes the imported target troupe::msgpack from whatever name this system's msgpack-c goes by:
# upstream renamed the package twice (msgpack, msgpackc, msgpack-c). Used by the build and by the
# installed package, so it stands alone.
if(NOT TARGET troupe::msgpack)
    add_library(troupe::msgpack INTERFACE IMPORTED)
    set(tp_msgpack_target "")
    foreach(tp_name IN ITEMS msgpackc msgpack-c msgpack)
        find_package(${tp_name} CONFIG QUIET)
        foreach(tp_candidate IN ITEMS msgpackc msgpack-c)
            if(TARGET ${tp_candidate})
                set(tp_msgpack_target ${tp_candidate})
                break()
            endif()
        endforeach()
        if(tp_msgpack_target)
            break()
        endif()
    endforeach()
    if(tp_msgpack_target)
        set_target_properties(troupe::msgpack PROPERTIES INTERFACE_LINK_LIBRARIES
                                                         ${tp_msgpack_target})
        set(TP_MSGPACK_PC msgpack)
    endif()
    find_package(PkgConfig QUIET)
    if(PkgConfig_FOUND)
        foreach(tp_name IN ITEMS msgpack-c msgpackc msgpack)
            pkg_check_modules(TP_MSGPACK_${tp_name} QUIET ${tp_name})
            if(TP_MSGPACK_${tp_name}_FOUND)
                set(TP_MSGPACK_PC ${tp_name})
                if(NOT tp_msgpack_target)
                    set_target_properties(
                        troupe::msgpack
                        PROPERTIES INTERFACE_LINK_LIBRARIES
                                   "${TP_MSGPACK_${tp_name}_LINK_LIBRARIES}"
                                   INTERFACE_INCLUDE_DIRECTORIES
                                   "${TP_MSGPACK_${tp_name}_INCLUDE_DIRS}")
                    set(tp_msgpack_target ${tp_name})
                endif()
                break()
            endif()
        endforeach()
    endif()
    if(NOT tp_msgpack_target)
        message(FATAL_ERROR "troupe needs msgpack-c (Debian: libmsgpack-dev)")
    endif()
endif()
