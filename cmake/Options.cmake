option(KEYTURN_DEV "Build the --dev server mode (in-memory, self-signed, unsealed)" ON)
option(KEYTURN_BENCH "Build the benchmarks" OFF)
option(KEYTURN_FUZZ "Build the fuzz targets (clang only)" OFF)
set(KEYTURN_SANITIZE "" CACHE STRING "Sanitizers to build with: address,undefined or thread")

add_compile_options(-Wall -Wextra -Wpedantic -Werror -Wno-psabi -fno-omit-frame-pointer
                    -fstack-protector-strong)
# One flag for libraries and programs, so that they share precompiled headers.
add_compile_options(-fPIE -pthread)
add_link_options(-pie -Wl,-z,relro,-z,now)
if(CMAKE_BUILD_TYPE MATCHES "Rel" AND NOT KEYTURN_SANITIZE)
  add_compile_definitions(_FORTIFY_SOURCE=2)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # ccache cannot share precompiled headers that hold a time.
  add_compile_options(-Wthread-safety "SHELL:-Xclang -fno-pch-timestamp")
else()
  add_compile_options(-fpch-preprocess)
  # GCC 12 reports these inside std::string and std::optional (GCC bugs 105329, 105562, 105651).
  add_compile_options(-Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict
                      -Wno-maybe-uninitialized -Wno-array-bounds)
endif()
if(KEYTURN_SANITIZE)
  add_compile_options(-fsanitize=${KEYTURN_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${KEYTURN_SANITIZE})
endif()
if(KEYTURN_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()
# The server's allocator: a tenth less CPU a call than glibc's (bench/README.md). Sanitizers bring
# their own. Nothing refers to it by name, so a linker may think that it is not needed.
add_library(keyturn_malloc INTERFACE)
if(NOT KEYTURN_SANITIZE)
  target_link_options(keyturn_malloc INTERFACE -Wl,--no-as-needed)
  target_link_libraries(keyturn_malloc INTERFACE PkgConfig::jemalloc)
endif()
# In every program of a TSan build: what the libraries do unseen.
if(KEYTURN_SANITIZE STREQUAL "thread")
  # TSan knows no fences; asio's stand beside locks that it does know.
  add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
  add_library(keyturn_tsan OBJECT ${CMAKE_SOURCE_DIR}/tests/tsan/abseil.cc)
else()
  add_library(keyturn_tsan INTERFACE)
endif()
if(KEYTURN_DEV)
  add_compile_definitions(KEYTURN_DEV=1)
endif()

# ccache reads sources through the precompiled headers, so it needs to be told which macros vary.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
