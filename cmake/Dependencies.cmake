# Everything here is a Debian 12 package; ./dev setup installs the list in deploy/packages.txt.
find_package(PkgConfig REQUIRED)
find_package(absl REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(RocksDB CONFIG REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(GTest CONFIG REQUIRED)
find_package(tomlplusplus CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(curl REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(hiredis REQUIRED IMPORTED_TARGET hiredis)
# A definition that says nothing on machines of 64 bits, and that precompiled headers do not have.
set_target_properties(PkgConfig::hiredis PROPERTIES INTERFACE_COMPILE_OPTIONS "")
pkg_check_modules(smartcols REQUIRED IMPORTED_TARGET smartcols)
# Under another name than re2, which is what gRPC looks for by a module of its own.
pkg_check_modules(libre2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(jemalloc REQUIRED IMPORTED_TARGET jemalloc)
add_library(nlohmann_json INTERFACE)  # header only, found on the default include path
