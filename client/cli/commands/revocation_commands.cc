// revocation import.
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"
#include "client/cli/progress.h"
#include "client/cli/redis_source.h"

namespace keyturn::cli {
namespace {

constexpr int kPageKeys = 500;
constexpr size_t kCallBytes = size_t{1024} * 1024;  // of keys in one call, but for a larger one
constexpr absl::Duration kRedisTimeout = absl::Seconds(10);

struct ImportFlags {
  std::string from, match = "*", password_file, resume_file;
};

struct Counts {
  uint64_t imported = 0, expired = 0;
  std::map<std::string, uint64_t> others;
};

// What a resume file is for; it must not be used with another.
std::string SourceLine(const RedisAddress& address, const ImportFlags& flags) {
  return absl::StrCat(address.host, " ", address.port, " ", address.database, " ", flags.match);
}

// Two lines: SourceLine, and the cursor of the first page that was not taken over.
absl::StatusOr<std::string> CursorToBeginAt(const ImportFlags& flags, const std::string& source) {
  if (flags.resume_file.empty()) return "0";
  const absl::StatusOr<std::string> text =
      ReadPublicFile(flags.resume_file, limits::kTokenFileBytesMax);
  if (absl::IsNotFound(text.status())) return "0";
  RETURN_IF_ERROR(text.status());
  const std::vector<std::string> lines = absl::StrSplit(*text, '\n');
  const bool is_number = lines.size() >= 2 && !lines[1].empty() &&
                         lines[1].find_first_not_of("0123456789") == std::string::npos;
  if (is_number && lines[0] == source) return lines[1];
  return WithHelp(UsageError(absl::StrCat(flags.resume_file,
                                          " is not of an import from there with this --match")),
                  "take another --resume-file, or remove this one to begin anew");
}

absl::Status Send(Shell& shell, Client& client, v1::ImportRevocationsRequest* request,
                  Counts* counts) {
  if (request->keys_size() == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(const v1::ImportRevocationsResponse response,
                   client.ImportRevocations(*request, shell.Options()));
  counts->imported += response.imported();
  counts->expired += response.expired();
  request->Clear();
  return absl::OkStatus();
}

absl::Status SendPage(Shell& shell, Client& client, RedisSource::Page page, Counts* counts) {
  v1::ImportRevocationsRequest request;
  size_t bytes = 0;
  for (v1::ImportedKey& key : page.keys) {
    const size_t more = key.ByteSizeLong();
    if (request.keys_size() > 0 &&
        (bytes + more > kCallBytes || request.keys_size() == limits::kRevocationsPerCallMax)) {
      RETURN_IF_ERROR(Send(shell, client, &request, counts));
      bytes = 0;
    }
    bytes += more;
    *request.add_keys() = std::move(key);
  }
  return Send(shell, client, &request, counts);
}

// Page by page, each of them durable before the next is asked for.
absl::Status CopyAll(Shell& shell, Client& client, RedisSource& redis, const ImportFlags& flags,
                     const std::string& source, Counts* counts) {
  ASSIGN_OR_RETURN(std::string cursor, CursorToBeginAt(flags, source));
  ASSIGN_OR_RETURN(const uint64_t total, redis.Size());
  Progress progress("keys taken over", shell.terminal(), shell.clock());
  do {
    ASSIGN_OR_RETURN(RedisSource::Page page,
                     redis.Read(cursor, flags.match, kPageKeys, shell.clock().Now()));
    cursor = page.next;
    for (const auto& [type, number] : page.others) counts->others[type] += number;
    RETURN_IF_ERROR(SendPage(shell, client, std::move(page), counts));
    if (!flags.resume_file.empty()) {
      RETURN_IF_ERROR(
          WriteFileWhole(flags.resume_file, absl::StrCat(source, "\n", cursor, "\n"), 0600));
    }
    progress.Update(counts->imported, flags.match == "*" ? total : 0);
  } while (cursor != "0");
  return absl::OkStatus();
}

absl::Status Import(Shell& shell, const ImportFlags& flags) {
  ASSIGN_OR_RETURN(const RedisAddress address, ParseRedisAddress(flags.from));
  SecretBytes password;
  if (!flags.password_file.empty()) {
    ASSIGN_OR_RETURN(const SecretBytes read,
                     ReadSecretFile(flags.password_file, limits::kTokenFileBytesMax));
    ASSIGN_OR_RETURN(password,
                     SecretBytes::CopyOf(absl::StripAsciiWhitespace(read.ExposeForWire())));
  }
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const std::unique_ptr<RedisSource> redis,
                   RedisSource::Connect(address, password, kRedisTimeout));
  Counts counts;
  const std::string source = SourceLine(address, flags);
  absl::Status status = CopyAll(shell, *client, *redis, flags, source, &counts);
  if (!status.ok()) {
    if (counts.imported == 0) return status;
    return WithHelp(
        WithMessage(status, absl::StrCat(counts.imported,
                                         " keys were taken over, then: ", status.message())),
        flags.resume_file.empty() ? "run it again: keys that are there already stay as they are"
                                  : "run it again with the same --resume-file: it goes on there");
  }
  Pairs pairs = {{"taken over", absl::StrCat(counts.imported)},
                 {"expired", counts.expired == 0 ? "" : absl::StrCat(counts.expired)}};
  Json value = {{"imported", counts.imported}, {"expired", counts.expired}};
  std::vector<std::string> left;
  for (const auto& [type, number] : counts.others) {
    left.push_back(absl::StrCat(number, " of type ", type));
    value["left"][type] = number;
  }
  if (!left.empty()) pairs.emplace_back("left out", absl::StrJoin(left, ", "));
  RETURN_IF_ERROR(shell.out().Object(pairs, value));
  if (left.empty()) return absl::OkStatus();
  return WithExitCode(
      absl::FailedPreconditionError("only strings and sets are taken over; see what was left out"),
      kExitPartial);
}

}  // namespace

void AddRevocationCommands(Command app, Shell& shell) {
  const Command revocation = app.Add("revocation", "The revocation list");
  revocation.NeedSubcommand();
  const auto flags = std::make_shared<ImportFlags>();
  ImportFlags* const f = flags.get();
  const Command import = revocation.Add(
      "import", "Take over the keys of a running Redis, with their ends",
      "  keyturn revocation import --from redis://cache.internal:6379/0 --match 'revoked:*'\n"
      "  keyturn revocation import --from redis://reader@10.0.0.7 --password-file redis.password "
      "--resume-file import.state");
  import.AddOption("--from", f->from, "redis://[USER@]HOST[:PORT][/DATABASE]").Required();
  import.AddOption("--match", f->match, "which keys, as a pattern of Redis; default: all");
  import.AddOption("--password-file", f->password_file, "the password of Redis");
  import.AddOption("--resume-file", f->resume_file,
                   "keeps where it is, so that the same command goes on after an interruption");
  import.On(shell, [&shell, flags] { return Import(shell, *flags);
});
}  // namespace keyturn::cli

}  // namespace keyturn::cli
