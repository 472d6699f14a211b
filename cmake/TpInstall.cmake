# What `cmake --install` puts where, and the two ways to find it again: find_package and pkg-config.
include(CMakePackageConfigHelpers)

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/troupe" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h"
        # of libtroupe-net, see below
        PATTERN "node.h" EXCLUDE PATTERN "cluster.h" EXCLUDE PATTERN "gateway.h" EXCLUDE
        PATTERN "inspect.h" EXCLUDE
        PATTERN "simnet.h" EXCLUDE)
install(TARGETS troupe troupe_static EXPORT troupe
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/troupe)
install(EXPORT troupe NAMESPACE troupe:: FILE troupeTargets.cmake DESTINATION ${package_dir})
configure_package_config_file(
    "${PROJECT_SOURCE_DIR}/cmake/troupeConfig.cmake.in" "${PROJECT_BINARY_DIR}/troupeConfig.cmake"
    INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/troupeConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/troupeConfig.cmake"
              "${PROJECT_BINARY_DIR}/troupeConfigVersion.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/TpMsgpack.cmake" DESTINATION ${package_dir})

# The prefix is found from the file's own place, so that an installation can be moved.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    message(FATAL_ERROR "CMAKE_INSTALL_LIBDIR and _INCLUDEDIR are paths below the prefix")
endif()
file(RELATIVE_PATH TP_PC_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" TP_PC_PREFIX "${TP_PC_PREFIX}")
configure_file("${PROJECT_SOURCE_DIR}/cmake/troupe.pc.in" "${PROJECT_BINARY_DIR}/troupe.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/troupe.pc" DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION ${CMAKE_INSTALL_DOCDIR})

# libtroupe-net: the component `net` of find_package, and troupe-net for pkg-config.
if(TARGET troupe_net_static)
    set(net_headers "${PROJECT_SOURCE_DIR}/include/troupe")
    install(FILES "${net_headers}/node.h" "${net_headers}/cluster.h" "${net_headers}/gateway.h"
                  "${net_headers}/inspect.h" "${net_headers}/simnet.h"
            DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/troupe)
    install(TARGETS troupe_net_static EXPORT troupe_net
            ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(EXPORT troupe_net NAMESPACE troupe:: FILE troupeNetTargets.cmake
            DESTINATION ${package_dir})
    configure_file("${PROJECT_SOURCE_DIR}/cmake/troupe-net.pc.in"
                   "${PROJECT_BINARY_DIR}/troupe-net.pc" @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/troupe-net.pc"
            DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()
