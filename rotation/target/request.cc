#include "rotation/target/request.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/status_macros.h"
#include "crypto/mac.h"
#include "keyturn/v1/types.pb.h"
#include "rotation/target/json_sink.h"
#include "vault/fields.h"

namespace keyturn {
namespace {

absl::Status PutFields(absl::string_view name, absl::string_view encodings,
                       const SecretBytes& value, JsonSink* sink) {
  bool binary = false;
  sink->Name(name);
  sink->Begin();
  RETURN_IF_ERROR(ForEachField(value.ExposeForWire(), [&](const FieldView& field) {
    sink->Name(field.name);
    if (field.encoding == v1::ENCODING_BINARY) {
      binary = true;
      sink->Base64(field.value);
    } else if (field.encoding == v1::ENCODING_JSON) {
      sink->Put(field.value);
    } else {
      sink->String(field.value);
    }
    return true;
  }));
  sink->End();
  if (!binary) return absl::OkStatus();
  sink->Name(encodings);
  sink->Begin();
  RETURN_IF_ERROR(ForEachField(value.ExposeForWire(), [&](const FieldView& field) {
    if (field.encoding != v1::ENCODING_BINARY) return true;
    sink->Name(field.name);
    sink->String("base64");
    return true;
  }));
  sink->End();
  return absl::OkStatus();
}

absl::Status Put(absl::string_view target, const TargetRequest& request, JsonSink* sink) {
  const auto text = [sink](absl::string_view name, absl::string_view value) {
    sink->Name(name);
    sink->String(value);
  };
  const auto number = [sink](absl::string_view name, uint64_t value) {
    sink->Name(name);
    sink->Put(absl::StrCat(value));
  };
  const DriverCall& about = request.about;
  sink->Begin();
  text("call", request.call);
  text("id", CallId(request));
  text("target", target);
  text("secret", about.path);
  text("secret_id", about.secret.ToString());
  number("version", about.version.value());
  if (about.beside != SecretVersion(0)) number("previous_version", about.beside.value());
  if (request.end != absl::InfiniteFuture()) {
    text("grace_end_time", absl::FormatTime(absl::RFC3339_full, request.end, absl::UTCTimeZone()));
  }
  RETURN_IF_ERROR(PutFields("value", "encodings", request.value, sink));
  if (request.current != nullptr) {
    RETURN_IF_ERROR(PutFields("current", "current_encodings", *request.current, sink));
  }
  sink->End();
  sink->Put("\n");
  return absl::OkStatus();
}

}  // namespace

std::string CallId(const TargetRequest& request) {
  const int64_t end = request.end == absl::InfiniteFuture() ? 0 : absl::ToUnixMillis(request.end);
  const std::string hash = Sha256(absl::StrCat(
      request.about.secret.bytes(), BigEndian64(request.about.version.value()),
      BigEndian64(request.about.run), BigEndian64(static_cast<uint64_t>(end)), request.call));
  return absl::StrCat("msg_", absl::BytesToHexString(absl::string_view(hash).substr(0, 16)));
}

absl::StatusOr<SecretBytes> EncodeRequest(absl::string_view target, const TargetRequest& request) {
  JsonSink counted(nullptr);
  RETURN_IF_ERROR(Put(target, request, &counted));
  ASSIGN_OR_RETURN(SecretBytes out, SecretBytes::Allocate(counted.size()));
  JsonSink written(out.Mutable().data());
  RETURN_IF_ERROR(Put(target, request, &written));
  return out;
}

}  // namespace keyturn
