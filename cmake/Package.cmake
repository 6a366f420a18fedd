# `cpack -G DEB` (or the target `package`) makes a Debian package of the program with its unit and examples.
set(ops ${CMAKE_SOURCE_DIR}/ops)
install(TARGETS rowledger RUNTIME DESTINATION bin)
install(FILES ${ops}/systemd/rowledger.service DESTINATION lib/systemd/system)
install(FILES ${ops}/debian/sysusers.conf DESTINATION lib/sysusers.d RENAME rowledger.conf)
install(FILES ${ops}/debian/default DESTINATION /etc/default RENAME rowledger)
install(FILES ${ops}/debian/copyright README.md DESTINATION share/doc/rowledger)
install(DIRECTORY docs/ DESTINATION share/doc/rowledger/docs)
install(DIRECTORY ${ops}/prometheus ${ops}/grafana ${ops}/proxy DESTINATION share/rowledger
        PATTERN "*.test.yml" EXCLUDE)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME rowledger)
set(CPACK_PACKAGE_CONTACT "The Rowledger authors <rowledger@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "audit log that reads PostgreSQL's write-ahead log")
set(CPACK_PACKAGE_DESCRIPTION
"Who changed what, when, from what to what: Rowledger reads PostgreSQL's write-ahead log and keeps a complete,
searchable record of every change of the tables that it is pointed at, with proof that nothing was altered.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# tzdata: display.time_zone. systemd-sysusers makes the user.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "tzdata, systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${ops}/debian/conffiles ${ops}/debian/postinst ${ops}/debian/prerm ${ops}/debian/postrm)
include(CPack)
