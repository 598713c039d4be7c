#include "client/cli/next_step.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/cli/exit_codes.h"
#include "client/error_detail.h"

namespace keyturn::cli {
namespace {

constexpr char kCommand[] = "keyturn ";

// The first word of a command with several: "secret" of "secret read".
absl::string_view GroupOf(const Asked& asked) {
  return absl::string_view(asked.command).substr(0, asked.command.find(' '));
}

std::string HelpFor(const Asked& asked) {
  return absl::StrCat("keyturn ", asked.command, asked.command.empty() ? "" : " ", "--help");
}

// What there is of the kind that the command is about; "" for commands about something else.
std::string ListFor(const Asked& asked) {
  const absl::string_view group = GroupOf(asked);
  if (group == "can-i") return "keyturn policy list shows what there is";
  for (const absl::string_view listed :
       {"policy", "role", "token", "password-policy", "profile", "apikey", "webhook"}) {
    if (group == listed) return absl::StrCat("keyturn ", listed, " list shows what there is");
  }
  return "";
}

std::string Again(const ErrorDetail& detail) {
  if (!detail.retry_after.has_value()) return "type it again in a moment";
  const absl::Duration wait = absl::Ceil(*detail.retry_after, absl::Seconds(1));
  return absl::StrCat("type it again in ", absl::FormatDuration(wait));
}

// Of reasons that say the same whatever the command is about.
std::string ReasonStep(const ErrorDetail& detail, const Asked& asked) {
  const std::string& reason = detail.reason;
  if (reason == "SEALED") return "unseal the vault: keyturn operator unseal";
  if (reason == "INIT_INCOMPLETE" || reason == "ALREADY_INITIALIZED") {
    return "keyturn operator status";
  }
  if (reason == "OPERATOR_SOCKET" || reason == "OPERATOR_SOCKET_ONLY") {
    return absl::StrCat("on the server's machine, as the server's user: keyturn ", asked.command,
                        " --socket DATA_DIRECTORY/operator.sock");
  }
  if (reason == "DELEGATION") {
    return "keyturn whoami says which policies you have; nobody gives or takes more than they let";
  }
  if (reason == "NO_CERTIFICATE") return "give --client-cert FILE and --client-key FILE";
  if (reason == "NO_ROLE") {
    return "an operator binds the certificate to a role: keyturn role put NAME --policy POLICY "
           "--spiffe-id SPIFFE_ID; keyturn role list shows what there is";
  }
  if (reason == "UNKNOWN_POLICY") return "keyturn policy list shows what there is";
  if (reason == "NO_PASSWORD_POLICY") return "keyturn password-policy list shows what there is";
  if (reason == "NO_TOKEN") return "keyturn whoami says who you are without one";
  if (reason == "DEADLINE_REQUIRED") return "give --timeout 15s";
  if (reason == "REVISION_AHEAD") return "keyturn operator status says the newest revision";
  if (reason == "REPLY_FULL") return "ask for fewer secrets at once";
  if (reason == "WRONG_KEY") return "keyturn operator rekey status says which keys are asked for";
  if (reason == "OLD_STATE_READ") return "keyturn operator purge";
  if (reason == "MALFORMED_REQUEST") return "keyturn doctor compares the versions of both sides";
  return "";
}

// Of an API key; commands about one know its id, which is not kept.
std::string ApiKeyStep(const std::string& reason, const Asked& asked) {
  if (reason == "KEY_REVOKED") return "keyturn apikey create PATH makes another one";
  if (reason == "TOO_MANY_LISTED_KEYS") {
    return "keyturn jwt update PATH --unlisted takes one out of the published set";
  }
  if (reason == "TOO_MANY_KEYS") return "keyturn apikey list shows what there is";
  if (GroupOf(asked) != "apikey") return "";
  if (reason == "GRACE_ACTIVE" || reason == "NO_GRACE") {
    return "keyturn apikey show ID shows which secrets work";
  }
  return "";
}

// Of a webhook; commands about one know its id, which is not kept.
std::string WebhookStep(const std::string& reason, const Asked& asked) {
  if (reason == "WEBHOOKS_OFF") {
    return "set webhooks.enabled = true in the server's configuration, and restart it";
  }
  if (reason == "WEBHOOK_DISABLED") return "keyturn webhook enable ID, once its endpoint is mended";
  if (GroupOf(asked) == "webhook" && reason == "GRACE_ACTIVE") {
    return "keyturn webhook show ID shows which keys sign";
  }
  return "";
}

// Of the rotation of the secret at `path`.
std::string RotationStep(const std::string& reason, absl::string_view path) {
  const std::string word = path.empty() ? "PATH" : ShellWord(path);
  if (reason == "NO_POLICY") {
    return absl::StrCat("keyturn rotation policy set ", word, " gives it one");
  }
  if (reason == "NO_CURRENT_VERSION") {
    return absl::StrCat("keyturn secret put ", word, " gives it a value");
  }
  if (reason == "GRACE_ACTIVE" || reason == "NO_GRACE" || reason == "NO_RUN" ||
      reason == "ROTATION_IN_PROGRESS" || reason == "STILL_AT_TARGET") {
    return absl::StrCat("keyturn rotation status ", word, " shows which versions work");
  }
  if (reason == "CONSUMER_NOT_FOUND") {
    return absl::StrCat("keyturn consumer list ", word, " shows who there is");
  }
  return "";
}

// Of keys that sign, and what they signed.
std::string JwtStep(const std::string& reason, absl::string_view path) {
  const std::string word = path.empty() ? "PATH" : ShellWord(path);
  if (reason == "NOT_A_SIGNING_KEY") {
    return absl::StrCat("keyturn secret show ", word, " says what it is");
  }
  if (reason == "NOT_READABLE") {
    return absl::StrCat("keyturn jwt update ", word,
                        " --readable, if a service must sign by itself");
  }
  if (reason == "MANAGED_KEY") {
    return absl::StrCat("keyturn rotation run ", word, " makes the next key sign");
  }
  if (reason == "NO_SIGNING_KEY" || reason == "NO_PUBLIC_KEY" || reason == "ALREADY_SIGNS") {
    return absl::StrCat("keyturn jwt show ", word, " shows its keys");
  }
  if (reason == "SECRET_EXISTS") {
    return absl::StrCat("keyturn secret show ", word, " shows what is there");
  }
  if (absl::StartsWith(reason, "REFRESH_")) {
    return absl::StrCat("keyturn jwt sign ", word, " --refresh-token begins anew");
  }
  return "";
}

// When a server's or this machine's own state is in the way.
std::string StateStep(const ErrorDetail& detail, const Asked& asked) {
  // No server was asked: a file or a setting is not as the command needs it.
  if (detail.correlation_id.empty()) return HelpFor(asked);
  const absl::string_view group = GroupOf(asked);
  if (group == "operator") return "keyturn operator status";
  const std::string list = ListFor(asked);
  return list.empty() ? "keyturn doctor" : list;
}

// Of a refusal: the question that `can-i` answers, with the permission that the server named and
// the path, as far as they are known.
std::string DeniedStep(const absl::Status& status, absl::string_view path) {
  const absl::string_view message = status.message();
  constexpr absl::string_view kBefore = " grants ", kAfter = " here";
  const size_t begin = message.find(kBefore);
  const size_t end = message.find(kAfter, begin == absl::string_view::npos ? 0 : begin);
  std::string permission = "PERMISSION";
  if (begin != absl::string_view::npos && end != absl::string_view::npos) {
    permission = std::string(message.substr(begin + kBefore.size(), end - begin - kBefore.size()));
  }
  const bool of_paths = !absl::StartsWith(permission, "admin:");
  return absl::StrCat("keyturn can-i ", permission, of_paths ? " " : "",
                      !of_paths      ? ""
                      : path.empty() ? "PATH"
                                     : ShellWord(path),
                      " says which grant is missing");
}

}  // namespace

std::string ShellWord(absl::string_view text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("_-./:@%+,", static_cast<char>(c));
  });
  return plain ? std::string(text)
               : absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

std::string WithProfile(absl::string_view step, const std::string& profile) {
  std::string out(step);
  const bool free = absl::StrContains(step, "--profile") || absl::EndsWith(step, "--help");
  if (profile.empty() || free) return out;
  const std::string named = absl::StrCat(kCommand, "--profile ", profile, " ");
  return absl::StrReplaceAll(out, {{kCommand, named}});
}

std::string SecretStep(const absl::Status& status, absl::string_view path,
                       absl::string_view field) {
  const std::string reason = DetailOf(status).reason;
  const std::string word = path.empty() ? "PATH" : ShellWord(path);
  const std::string newest = absl::StrCat("keyturn secret show ", word, " says which is newest");
  if (reason == "VERSION_MISMATCH") return newest;
  if (reason == "IF_VERSION_REQUIRED") return absl::StrCat("add --if-version N; ", newest);
  if (reason == "KIND_MISMATCH") {
    return absl::StrCat("leave out --kind; keyturn secret show ", word, " says which it is");
  }
  if (reason == "VERSION_DELETED") {
    return absl::StrCat("keyturn secret undelete ", word,
                        " brings it back; keyturn secret history ", word, " shows the versions");
  }
  if (absl::StartsWith(reason, "VERSION_")) {
    return absl::StrCat("keyturn secret history ", word, " shows the versions");
  }
  if (absl::IsPermissionDenied(status)) return DeniedStep(status, path);
  if (!absl::IsNotFound(status)) return "";
  if (!field.empty() && absl::StrContains(status.message(), "field")) {
    return absl::StrCat("keyturn secret get ", word, " shows its fields, values hidden");
  }
  const size_t slash = path.rfind('/');
  if (slash == absl::string_view::npos) return "keyturn secret list";
  return absl::StrCat("keyturn secret list ", ShellWord(path.substr(0, slash + 1)));
}

std::string NextStep(const absl::Status& status, const Asked& asked) {
  if (status.ok() || absl::IsCancelled(status)) return HelpOf(status).value_or("");
  if (const std::optional<std::string> attached = HelpOf(status)) return *attached;
  const ErrorDetail detail = DetailOf(status);
  if (!detail.help.empty()) return detail.help;
  if (const std::string step = ReasonStep(detail, asked); !step.empty()) return step;
  const bool about_secret = GroupOf(asked) == "secret" || GroupOf(asked) == "rotation" ||
                            GroupOf(asked) == "jwt" || GroupOf(asked) == "consumer";
  const size_t hash = asked.path.find('#');
  const absl::string_view path = absl::string_view(asked.path).substr(0, hash);
  if (const std::string step = ApiKeyStep(detail.reason, asked); !step.empty()) return step;
  if (const std::string step = WebhookStep(detail.reason, asked); !step.empty()) return step;
  if (const std::string step = RotationStep(detail.reason, path); !step.empty()) return step;
  if (const std::string step = JwtStep(detail.reason, path); !step.empty()) return step;
  if (asked.command == "secret rename" && absl::IsNotFound(status)) {
    return "keyturn secret list shows what there is; to rename a directory: --directory";
  }
  if (about_secret && !detail.correlation_id.empty()) {
    // A refusal of a move may be about either end.
    const bool either = absl::IsPermissionDenied(status) && !asked.new_path.empty();
    const std::string step =
        SecretStep(status, either ? absl::string_view() : path,
                   hash == std::string::npos ? "" : asked.path.substr(hash + 1));
    if (!step.empty()) return step;
  }
  switch (status.code()) {
    case absl::StatusCode::kUnauthenticated:
      return "log in again: keyturn login; keyturn whoami shows who you are";
    case absl::StatusCode::kPermissionDenied:
      return DeniedStep(status, "");
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return "keyturn doctor finds out why";
    case absl::StatusCode::kAlreadyExists:
      if (about_secret && !asked.new_path.empty()) {
        return absl::StrCat("choose another name; keyturn secret show ", ShellWord(asked.new_path),
                            " shows what is there");
      }
      return StateStep(detail, asked);
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kResourceExhausted:
      return Again(detail);
    case absl::StatusCode::kFailedPrecondition:
      if (about_secret && !path.empty() && !detail.correlation_id.empty()) {
        return absl::StrCat("keyturn secret show ", ShellWord(path), " shows how it is");
      }
      return StateStep(detail, asked);
    case absl::StatusCode::kNotFound:
      if (const std::string list = ListFor(asked);
          !list.empty() && (!detail.correlation_id.empty() || GroupOf(asked) == "profile")) {
        return list;
      }
      return StateStep(detail, asked);
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return HelpFor(asked);
    case absl::StatusCode::kUnimplemented:
      return "keyturn doctor compares the versions of both sides";
    case absl::StatusCode::kDataLoss:
      return "keyturn operator verify lists what does not open";
    default:
      if (detail.correlation_id.empty()) return "keyturn doctor";
      return "keyturn doctor; the server's log has more under the request id";
  }
}

}  // namespace keyturn::cli
