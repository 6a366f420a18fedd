# rowledger_embed(target file symbol): a text file becomes `extern const std::string_view symbol` of rowledger::api in the target.
# Run as a script (cmake -P) it writes the source.
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ ${FILE} text)
  # A raw string literal; its delimiter does not occur in text that people write.
  file(WRITE ${OUT} "#include <string_view>\nnamespace rowledger::api {\nextern const std::string_view ${SYMBOL};\n"
                    "const std::string_view ${SYMBOL} = R\"~embedded~(${text})~embedded~\";\n}\n")
  return()
endif()

function(rowledger_embed target file symbol)
  set(out ${CMAKE_BINARY_DIR}/embedded/${symbol}.cc)
  add_custom_command(OUTPUT ${out} DEPENDS ${file} ${CMAKE_SOURCE_DIR}/cmake/Embed.cmake VERBATIM
                     COMMAND ${CMAKE_COMMAND} -DFILE=${file} -DOUT=${out} -DSYMBOL=${symbol}
                             -P ${CMAKE_SOURCE_DIR}/cmake/Embed.cmake)
  target_sources(${target} PRIVATE ${out})
endfunction()
