#include "rotation/target/value_filter.h"

#include <algorithm>

#include "absl/functional/function_ref.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "rotation/target/json_sink.h"
#include "vault/fields.h"

namespace keyturn {
namespace {

constexpr absl::string_view kRedacted = "[redacted]";
constexpr absl::string_view kBetweenWords = " \t\r\n\"'{}[]():;,=&?@/\\";
constexpr size_t kWordBytesMin = 6;

absl::StatusOr<SecretBytes> Written(absl::FunctionRef<void(JsonSink&)> write) {
  JsonSink counted(nullptr);
  write(counted);
  ASSIGN_OR_RETURN(SecretBytes out, SecretBytes::Allocate(counted.size()));
  JsonSink sink(out.Mutable().data());
  write(sink);
  return out;
}

// The length of the longest end of `text` with which `value` begins.
size_t Overlap(absl::string_view text, absl::string_view value) {
  for (size_t size = std::min(text.size(), value.size()); size > 0; --size) {
    if (absl::EndsWith(text, value.substr(0, size))) return size;
  }
  return 0;
}

}  // namespace

absl::StatusOr<ValueFilter> ValueFilter::Create(const SecretBytes& value,
                                                const SecretBytes* other) {
  ValueFilter filter;
  RETURN_IF_ERROR(filter.Add(value));
  if (other != nullptr) RETURN_IF_ERROR(filter.Add(*other));
  std::sort(filter.hidden_.begin(), filter.hidden_.end(),
            [](absl::string_view a, absl::string_view b) { return a.size() > b.size(); });
  return filter;
}

absl::Status ValueFilter::Add(const SecretBytes& value) {
  absl::Status status;
  RETURN_IF_ERROR(ForEachField(value.ExposeForCrypto(), [&](const FieldView& field) {
    // Who shows a value leaves out the newline at its end.
    const absl::string_view shown = absl::StripTrailingAsciiWhitespace(field.value);
    if (shown.empty()) return true;
    hidden_.push_back(shown);
    AddWords(shown);
    status = AddForms(shown);
    return status.ok();
  }));
  return status;
}

absl::Status ValueFilter::AddForms(absl::string_view value) {
  ASSIGN_OR_RETURN(SecretBytes json, Written([&](JsonSink& sink) { sink.String(value); }));
  ASSIGN_OR_RETURN(SecretBytes base64, Written([&](JsonSink& sink) { sink.Base64(value); }));
  for (SecretBytes* const form : {&json, &base64}) {
    absl::string_view text = form->ExposeForCrypto();
    text = text.substr(1, text.size() - 2);
    while (absl::ConsumeSuffix(&text, "=")) {
    }
    forms_.push_back(std::move(*form));
    hidden_.push_back(text);
  }
  return absl::OkStatus();
}

void ValueFilter::AddWords(absl::string_view value) {
  while (!value.empty()) {
    const size_t end = std::min(value.find_first_of(kBetweenWords), value.size());
    if (end >= kWordBytesMin) hidden_.push_back(value.substr(0, end));
    value.remove_prefix(std::min(end + 1, value.size()));
  }
}

std::string ValueFilter::Hide(absl::string_view text, bool cut) const {
  if (cut) {
    size_t doubtful = 0;
    for (const absl::string_view value : hidden_) {
      doubtful = std::max(doubtful, Overlap(text, value));
    }
    text.remove_suffix(doubtful);
  }
  std::string out;
  while (!text.empty()) {
    const auto found =
        std::find_if(hidden_.begin(), hidden_.end(),
                     [&text](absl::string_view value) { return absl::StartsWith(text, value); });
    if (found == hidden_.end()) {
      out.push_back(text.front());
      text.remove_prefix(1);
    } else {
      out.append(kRedacted.data(), kRedacted.size());
      text.remove_prefix(found->size());
    }
  }
  return out;
}

}  // namespace keyturn
