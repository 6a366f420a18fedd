# A room is one folder of src/ and one static library. Its sources, tests and fuzz targets are
# found by name, so that adding a file needs no edit here:
#   x.cc         part of the library
#   x_test.cc    part of <room>_test, pure: no process, no server
#   x_pgtest.cc  part of <room>_pgtest, starts a real PostgreSQL (label pg)
#   x_fuzz.cc    a libFuzzer target of its own (preset fuzz) with the seeds in tests/fuzz/corpus/x; the other
#                builds have the test fuzz.x, which runs it for ROWLEDGER_FUZZ_SECONDS after the test fuzz.build
# FUZZED names the sources that the room's fuzz targets, and those of later rooms, reach; without it they
# are all. In the fuzz build a room has only these, so that it takes seconds.
#
# Most of the time that a source takes goes into the headers that it includes. So a room's sources are compiled eight
# together, its tests all together (CMAKE_UNITY_BUILD of the presets); names of unnamed namespaces are therefore a
# room's. ALONE names the sources that are compiled by themselves. scripts/tidy.py looks at each by itself all the same.
#
# A test's own source compiles in half the time so, and runs hardly longer.
set(ROWLEDGER_TEST_OPTIONS -O1)
function(rowledger_room room)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LIBRARIES;PRIVATE_LIBRARIES;FUZZED;ALONE" ${ARGN})
  set(dir ${CMAKE_SOURCE_DIR}/src/${room})
  file(GLOB all CONFIGURE_DEPENDS ${dir}/*.cc)
  set(sources ${all})
  list(FILTER sources EXCLUDE REGEX "(_test|_pgtest|_fuzz|/main)\\.cc$")
  if(ROWLEDGER_FUZZ AND (ARG_FUZZED OR "FUZZED" IN_LIST ARG_KEYWORDS_MISSING_VALUES))
    list(TRANSFORM ARG_FUZZED PREPEND ${dir}/ OUTPUT_VARIABLE sources)
  endif()
  if(sources)
    add_library(rowledger_${room} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(rowledger_${room} INTERFACE)
    set(scope INTERFACE)
  endif()
  list(TRANSFORM ARG_ALONE PREPEND ${dir}/)
  set_source_files_properties(${ARG_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  target_include_directories(rowledger_${room} ${scope} ${CMAKE_SOURCE_DIR}/src)
  foreach(dep ${ARG_DEPENDS})
    target_link_libraries(rowledger_${room} ${scope} rowledger_${dep})
  endforeach()
  target_link_libraries(rowledger_${room} ${scope} ${ARG_LIBRARIES})
  if(sources)
    target_link_libraries(rowledger_${room} PRIVATE ${ARG_PRIVATE_LIBRARIES})
  endif()

  file(GLOB tests CONFIGURE_DEPENDS ${dir}/*_test.cc)
  if(tests AND NOT ROWLEDGER_FUZZ)
    add_executable(${room}_test ${tests})
    target_link_libraries(${room}_test PRIVATE rowledger_${room} GTest::gmock GTest::gtest_main ${ARG_PRIVATE_LIBRARIES})
    target_compile_options(${room}_test PRIVATE ${ROWLEDGER_TEST_OPTIONS})
    set_target_properties(${room}_test PROPERTIES UNITY_BUILD_BATCH_SIZE 0)
    add_test(NAME ${room} COMMAND ${room}_test WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${room} PROPERTIES LABELS unit PROCESSORS 4)
  endif()
  file(GLOB pgtests CONFIGURE_DEPENDS ${dir}/*_pgtest.cc)
  if(pgtests AND NOT ROWLEDGER_FUZZ)
    add_executable(${room}_pgtest ${pgtests})
    target_link_libraries(${room}_pgtest PRIVATE rowledger_${room} rowledger_test_support GTest::gmock GTest::gtest_main ${ARG_PRIVATE_LIBRARIES})
    target_compile_options(${room}_pgtest PRIVATE ${ROWLEDGER_TEST_OPTIONS})
    set_target_properties(${room}_pgtest PROPERTIES UNITY_BUILD_BATCH_SIZE 0)
    add_test(NAME ${room}.pg COMMAND ${room}_pgtest WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${room}.pg PROPERTIES LABELS pg TIMEOUT 600 PROCESSORS 2)
  endif()
  file(GLOB fuzzers CONFIGURE_DEPENDS ${dir}/*_fuzz.cc)
  foreach(file ${fuzzers})
    get_filename_component(name ${file} NAME_WE)
    string(REGEX REPLACE "_fuzz$" "" what ${name})
    if(ROWLEDGER_FUZZ)
      add_executable(${name} ${file})
      target_link_options(${name} PRIVATE -fsanitize=fuzzer)
      target_link_libraries(${name} PRIVATE rowledger_${room} ${ARG_PRIVATE_LIBRARIES})
    else()
      add_test(NAME fuzz.${what} COMMAND /usr/bin/python3 -B ${CMAKE_SOURCE_DIR}/scripts/fuzz.py
               --fresh --build ${CMAKE_SOURCE_DIR}/build-fuzz --seconds ${ROWLEDGER_FUZZ_SECONDS} ${what})
      set_tests_properties(fuzz.${what} PROPERTIES LABELS fuzz PROCESSORS 4 TIMEOUT 120 SKIP_RETURN_CODE 77
                           FIXTURES_REQUIRED fuzz_targets)
    endif()
  endforeach()
endfunction()
