# The web UI: npm builds ui/ into ui-dist/ of the build folder, and its bytes go into the library rowledger_ui.
find_program(ROWLEDGER_NODE NAMES node nodejs REQUIRED)
find_program(ROWLEDGER_NPM npm REQUIRED)

set(ui ${CMAKE_SOURCE_DIR}/ui)
set(ui_packages ${ui}/node_modules/.package-lock.json)
add_custom_command(OUTPUT ${ui_packages}
  # Nothing but what the lock file names, and none of its install scripts.
  COMMAND ${ROWLEDGER_NPM} ci --ignore-scripts --no-audit --no-fund --loglevel=error
  DEPENDS ${ui}/package.json ${ui}/package-lock.json
  WORKING_DIRECTORY ${ui} COMMENT "Fetching the packages of the web UI" VERBATIM)

file(GLOB_RECURSE ui_sources CONFIGURE_DEPENDS ${ui}/src/*)
set(ui_bundle ${CMAKE_BINARY_DIR}/ui_bundle.cc)
add_custom_command(OUTPUT ${ui_bundle}
  COMMAND ${ROWLEDGER_NODE} build.mjs --out ${CMAKE_BINARY_DIR}/ui-dist
  COMMAND ${ROWLEDGER_NODE} embed.mjs ${CMAKE_BINARY_DIR}/ui-dist ${ui_bundle}
  DEPENDS ${ui_sources} ${ui}/build.mjs ${ui}/embed.mjs ${ui_packages}
  WORKING_DIRECTORY ${ui} COMMENT "Building the web UI" VERBATIM)

add_library(rowledger_ui STATIC ${ui_bundle})
target_include_directories(rowledger_ui PRIVATE ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(rowledger_ui PRIVATE rowledger_base)
