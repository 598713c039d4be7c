#include "client/cli/renderer.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/exit_codes.h"
#include "client/cli/fetch.h"
#include "client/cli/reference.h"
#include "client/wipe.h"

namespace keyturn::cli {
namespace {

int Lines(absl::string_view text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

Renderer::~Renderer() {
  WipeBuffer(&text_);
  for (auto& [reference, value] : values_) WipeBuffer(&value);
}

absl::Status Renderer::Render(absl::string_view source) {
  text_.reserve(source.size() + limits::kSecretValueBytesMax);
  while (!source.empty()) {
    const size_t open = source.find("{{");
    absl::StrAppend(&text_, source.substr(0, open));
    line_ += Lines(source.substr(0, open));
    if (open == absl::string_view::npos) break;
    source.remove_prefix(open);
    const size_t close = source.find("}}");
    const absl::string_view inside = absl::StripAsciiWhitespace(source.substr(2, close - 2));
    // Other programs' templates use the same braces.
    if (close == absl::string_view::npos || !IsReference(inside)) {
      text_.append("{{");
      source.remove_prefix(2);
      continue;
    }
    RETURN_IF_ERROR(Append(inside));
    line_ += Lines(source.substr(0, close));
    source.remove_prefix(close + 2);
  }
  return absl::OkStatus();
}

std::vector<absl::string_view> Renderer::Values() const {
  std::vector<absl::string_view> values;
  for (const auto& [reference, value] : values_) values.emplace_back(value);
  return values;
}

absl::Status Renderer::Append(absl::string_view text) {
  const auto known = values_.find(std::string(text));
  if (known != values_.end()) {
    text_.append(known->second);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const Reference reference, ParseReference(text));
  absl::StatusOr<v1::GetResponse> secret = Fetch(shell_, reference);
  if (!secret.ok()) {
    return WithMessage(secret.status(),
                       absl::StrCat("line ", line_, ": ", text, ": ", secret.status().message()));
  }
  const ScopedWipe<v1::GetResponse> wipe(&*secret);
  ASSIGN_OR_RETURN(const v1::Field* const field, OnlyField(*secret));
  text_.append(field->value());
  values_[std::string(text)] = field->value();
  return absl::OkStatus();
}

}  // namespace keyturn::cli
