# keyturn_protos(): generates C++ for everything under proto/. Messages (keyturn_proto) and gRPC
# stubs (keyturn_grpc_proto) are two libraries, so that rooms below the server never see gRPC.
function(keyturn_protos)
  set(root ${CMAKE_SOURCE_DIR}/proto)
  set(gen ${CMAKE_BINARY_DIR}/gen)
  file(MAKE_DIRECTORY ${gen})
  file(GLOB_RECURSE protos RELATIVE ${root} CONFIGURE_DEPENDS ${root}/*.proto)
  foreach(proto ${protos})
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    set(outputs ${gen}/${stem}.pb.cc ${gen}/${stem}.pb.h)
    set(plugin "")
    if(proto MATCHES "_service\\.proto$")
      list(APPEND outputs ${gen}/${stem}.grpc.pb.cc ${gen}/${stem}.grpc.pb.h)
      set(plugin --grpc_out=${gen} --plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin>)
      list(APPEND grpc_sources ${gen}/${stem}.grpc.pb.cc)
    endif()
    add_custom_command(
      OUTPUT ${outputs}
      COMMAND protobuf::protoc --cpp_out=${gen} ${plugin} -I ${root} ${proto}
      DEPENDS ${root}/${proto} WORKING_DIRECTORY ${root} VERBATIM)
    list(APPEND message_sources ${gen}/${stem}.pb.cc)
  endforeach()
  add_library(keyturn_proto STATIC ${message_sources})
  target_include_directories(keyturn_proto SYSTEM PUBLIC ${gen})
  target_link_libraries(keyturn_proto PUBLIC protobuf::libprotobuf)
  add_library(keyturn_grpc_proto STATIC ${grpc_sources})
  target_link_libraries(keyturn_grpc_proto PUBLIC keyturn_proto gRPC::grpc++)
  foreach(target keyturn_proto keyturn_grpc_proto)
    target_compile_options(${target} PRIVATE -w)
  endforeach()
  # Most of the compile time is in the headers. Messages have statics of one name in each file, so
  # that they cannot be compiled together.
  target_precompile_headers(keyturn_proto PRIVATE <google/protobuf/generated_message_reflection.h>
    <google/protobuf/reflection_ops.h> <google/protobuf/wire_format.h> <google/protobuf/map_entry.h>)
  set_target_properties(keyturn_grpc_proto PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 4)
endfunction()
