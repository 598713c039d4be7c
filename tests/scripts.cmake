# Tests that are scripts.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME tidy COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tests/tidy_test/tidy.py
         ${CMAKE_SOURCE_DIR})
add_test(NAME tidy_selftest
         COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tests/tidy_test/tidy_selftest.py)
add_test(NAME deploy
         COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tests/tidy_test/deploy_test.py)
add_test(NAME format COMMAND ${CMAKE_SOURCE_DIR}/dev format --check)
set_tests_properties(tidy tidy_selftest deploy format PROPERTIES TIMEOUT 120
  ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1;KEYTURN_BIN=${CMAKE_BINARY_DIR}/bin")
# Of one preset and with two processes at once: it runs what ninja -C build/fuzz fuzzers has built.
if(NOT KEYTURN_SANITIZE)
  add_test(NAME fuzz COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz.py replay)
  set_tests_properties(fuzz PROPERTIES TIMEOUT 600 PROCESSORS 2 ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")
endif()
# By time of the processor, and with nothing beside it.
if(KEYTURN_BENCH)
  add_test(NAME speed_tokens
           COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tests/speed/token_ratios.py ${CMAKE_BINARY_DIR}/bench)
  set_tests_properties(speed_tokens PROPERTIES TIMEOUT 300 RUN_SERIAL TRUE
    ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")
endif()
# Beside the real redis-server, with clients as they are, and killed (servers.py starts both). By
# Debian's Python, which has python3-redis.
foreach(script differential.py clients.py connections.py import.py kill.py)
  cmake_path(GET script STEM stem)
  add_test(NAME redis_${stem}
           COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/tests/redis/${script})
  set_tests_properties(redis_${stem} PROPERTIES TIMEOUT 900
    ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1;KEYTURN_BIN=${CMAKE_BINARY_DIR}/bin;KEYTURN_SANITIZE=${KEYTURN_SANITIZE}")
endforeach()
# What these are made of is downloaded once, for all presets.
add_test(NAME jose_libraries COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/tests/jose/libraries.py
         ${CMAKE_SOURCE_DIR}/build/jose_libraries)
add_test(NAME redis_clients_more COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/tests/redis/more_clients.py
         ${CMAKE_SOURCE_DIR}/build/redis_clients)
set_tests_properties(jose_libraries redis_clients_more PROPERTIES TIMEOUT 900
  ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1;KEYTURN_BIN=${CMAKE_BINARY_DIR}/bin")
