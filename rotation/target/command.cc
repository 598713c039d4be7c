#include "rotation/target/command.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/reason.h"
#include "rotation/target/child.h"

namespace keyturn {
namespace {

constexpr char kPath[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

class CommandTransport : public Transport {
 public:
  explicit CommandTransport(const TargetSpec& spec)
      : name_(spec.name),
        words_(spec.command),
        environment_(spec.environment),
        timeout_(spec.timeout) {
    const bool has_path =
        std::any_of(environment_.begin(), environment_.end(),
                    [](const std::string& entry) { return absl::StartsWith(entry, "PATH="); });
    if (!has_path) environment_.emplace_back(kPath);
  }

  TargetAnswer Call(absl::string_view /*id: it is in the request*/, const SecretBytes& request,
                    const ValueFilter& filter, const Interrupt* interrupt) override {
    const absl::StatusOr<ChildEnd> end =
        RunChild({words_, environment_, timeout_, interrupt}, request);
    if (!end.ok()) return {end.status(), {}, {}};
    Complain(*end, filter);
    return AnswerOf(*end);
  }

 private:
  static TargetAnswer Unsure(absl::Status status) { return {std::move(status), {}, {}}; }

  TargetAnswer AnswerOf(const ChildEnd& end) const {
    switch (end.how) {
      case ChildEnd::How::kTimedOut:
        return Unsure(absl::DeadlineExceededError(
            absl::StrCat("it took longer than ", absl::FormatDuration(timeout_))));
      case ChildEnd::How::kInterrupted:
        return Unsure(absl::AbortedError("the vault was sealed meanwhile"));
      case ChildEnd::How::kSaidTooMuch:
        return Unsure(absl::UnknownError("its answer is too long"));
      case ChildEnd::How::kSignalled:
        return Unsure(absl::UnknownError(absl::StrCat("it was ended by signal ", end.code)));
      case ChildEnd::How::kExited:
        break;
    }
    TargetAnswer answer = ReadAnswer(end.out.ExposeForCrypto());
    if (end.code == 0) return answer;
    if (answer.status.ok()) {
      return Unsure(absl::UnknownError(absl::StrCat("it says ok and exited with code ", end.code)));
    }
    answer.status = WithRetryAfter(
        absl::Status(answer.status.code(), absl::StrCat(std::string(answer.status.message()),
                                                        " (exit code ", end.code, ")")),
        RetryAfterOf(answer.status));
    return answer;
  }

  void Complain(const ChildEnd& end, const ValueFilter& filter) const {
    const absl::string_view text = end.err.ExposeForCrypto();
    if (absl::StripAsciiWhitespace(text).empty()) return;
    LogInfo("a target's program said something",
            {{"target", name_}, {"text", Redact(filter.Hide(text, end.err_cut))}});
  }

  const std::string name_;
  const std::vector<std::string> words_;
  std::vector<std::string> environment_;
  const absl::Duration timeout_;
};

}  // namespace

std::unique_ptr<Transport> NewCommandTransport(const TargetSpec& spec) {
  return std::make_unique<CommandTransport>(spec);
}

}  // namespace keyturn
