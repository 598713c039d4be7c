// The person at the other end: whether there is one, colours, questions. Questions and messages go
// to the controlling terminal or standard error, never to standard output. Not thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/secret_bytes.h"

namespace keyturn::cli {

class Terminal {
 public:
  struct Options {
    bool no_input = false;  // --no-input: never ask
    bool no_color = false;  // --no-color
  };
  explicit Terminal(Options options) : options_(options) {}

  bool stdout_is_terminal() const;
  bool stderr_is_terminal() const;
  // Whether a question can be asked: standard input and error are terminals and --no-input is off.
  bool can_ask() const;
  // `text` in bold, red, ... on `fd` if that shows colours (NO_COLOR, TERM=dumb, --no-color).
  enum class Style { kBold, kRed, kGreen, kDim };
  std::string Styled(Style style, absl::string_view text, int fd) const;

  // A line typed without echo. FAILED_PRECONDITION when nobody can be asked; CANCELLED at ctrl-D.
  absl::StatusOr<SecretBytes> AskSecret(absl::string_view question) const;
  // Asks twice until both agree.
  absl::StatusOr<SecretBytes> AskNewSecret(absl::string_view question) const;

  // For what cannot be undone: OK when `given` (--confirm) or what is typed is `name`. `what` says
  // what will happen.
  absl::Status Confirm(absl::string_view what, const std::string& name,
                       const std::string& given) const;

  // A line to standard error.
  void Say(absl::string_view message) const;

 private:
  const Options options_;
};

}  // namespace keyturn::cli
