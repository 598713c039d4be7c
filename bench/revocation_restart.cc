// How long a start takes with many revoked tokens, and what they take of memory and disk:
//   revocation_restart COUNT [DIRECTORY]
// It revokes COUNT tokens, takes a snapshot, revokes a hundredth more, and starts anew in the same
// process, with the files still in the page cache. Then each token is asked for, and as many that
// were never revoked: it ends with 1 when an answer is wrong. DIRECTORY is where a directory is
// made for it; 100 M tokens need 10 GB there while the log is not dropped.
#include <filesystem>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "bench/measure.h"
#include "bench/vault_world.h"
#include "keyring/keyring_codec.h"
#include "revocation/list.h"
#include "storage/rocks_store.h"

namespace keyturn::bench {
namespace {

constexpr size_t kPerTransaction = 1000;
constexpr int64_t kLifeMillis = int64_t{7} * 24 * 3'600'000;

std::string Name(uint64_t number, absl::string_view kind) {
  const uint64_t mixed = number * 0x9e3779b97f4a7c15;
  return absl::StrFormat("%s:%08x-%04x-4%03x-a%03x-%012x", kind, mixed >> 32,
                         (mixed >> 16) & 0xffff, mixed & 0xfff, number & 0xfff, number);
}

class PlainCommitter : public GroupCommitter {
 public:
  explicit PlainCommitter(Store& store) : store_(store) {}
  absl::StatusOr<Revision> Commit(absl::Span<const WriterChanges>, absl::string_view,
                                  UpdateFn fn) override {
    return store_.Update(fn);
  }

 private:
  Store& store_;
};

double SecondsSince(int64_t nanos) { return static_cast<double>(NowNanos() - nanos) / 1e9; }
double Each(double bytes, uint64_t count) { return bytes / static_cast<double>(count); }

uint64_t BytesIn(const std::string& directory) {
  uint64_t bytes = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory)) {
    if (file.is_regular_file()) bytes += file.file_size();
  }
  return bytes;
}

// A store and its list, from a start to the end.
class World {
 public:
  World(const std::string& directory, const std::shared_ptr<const KeyringSnapshot>& keys)
      : store_(OrDie(OpenRocksStore({.directory = directory}, Clock::Real()))),
        committer_(*store_),
        // However few they are, there is a snapshot.
        list_(OrDie(RevocationList::Create({.snapshots = {.log_bytes_min = 1}}, *store_, committer_,
                                           Clock::Real()))) {
    const int64_t before = NowNanos();
    CheckOk(list_->Load(keys));
    load_seconds_ = SecondsSince(before);
  }

  double load_seconds() const { return load_seconds_; }
  RevocationList::Stats stats() const { return list_->stats(); }

  void Revoke(uint64_t from, uint64_t to) {
    uint64_t change = 0;
    while (from < to) {
      const ListTime now = list_->Now();
      auto transaction = list_->Begin(writer_, now);
      if (absl::IsResourceExhausted(transaction.status())) {
        CheckOk(list_->WaitFor(change));
        continue;
      }
      CheckOk(transaction.status());
      const uint64_t end = std::min(to, from + kPerTransaction);
      for (; from < end; ++from) {
        CheckOk((*transaction)->Put(Name(from, "revoked"), "1", now.now_ms + kLifeMillis));
      }
      change = (*transaction)->Commit();
    }
    CheckOk(list_->WaitFor(change));
  }

  // Until a snapshot was taken and what it stands for is dropped.
  void Snapshot() {
    const uint64_t before = list_->stats().snapshots;
    while (list_->stats().snapshots == before) CheckOk(list_->Sweep());
    CheckOk(list_->Sweep());
  }

  uint64_t Found(uint64_t count, absl::string_view kind) const {
    constexpr size_t kAtOnce = 16;
    const ListTime now = list_->Now();
    uint64_t found = 0;
    for (uint64_t from = 0; from < count; from += kAtOnce) {
      std::array<std::string, kAtOnce> names;
      std::array<absl::string_view, kAtOnce> views;
      std::array<bool, kAtOnce> results;
      const size_t some = std::min<uint64_t>(kAtOnce, count - from);
      for (size_t i = 0; i < some; ++i) views[i] = names[i] = Name(from + i, kind);
      list_->ExistsMany({views.data(), some}, now, {results.data(), some});
      for (size_t i = 0; i < some; ++i) found += results[i] ? 1 : 0;
    }
    return found;
  }

 private:
  const std::unique_ptr<Store> store_;
  PlainCommitter committer_;
  const std::unique_ptr<RevocationList> list_;
  const std::shared_ptr<const RevocationWriter> writer_ = std::make_shared<RevocationWriter>();
  double load_seconds_ = 0;
};

// False when a token is lost, or a stranger is taken for one.
bool Run(uint64_t count, const std::string& directory) {
  const auto keys = OrDie(KeyringCodec::Generate(Uuid(), 0));
  const uint64_t after = count / 100;
  {
    World world(directory, keys);
    int64_t before = NowNanos();
    world.Revoke(0, count);
    std::printf("%llu tokens revoked in %.1f s; %.0f bytes of log each\n",
                static_cast<unsigned long long>(count), SecondsSince(before),
                Each(static_cast<double>(BytesIn(directory)), count));
    before = NowNanos();
    world.Snapshot();
    std::printf("snapshot written in %.1f s\n", SecondsSince(before));
    world.Revoke(count, count + after);
  }
  const uint64_t all = count + after;
  const int64_t before_kb = MemoryKb(0, "RssAnon");
  const int64_t before = NowNanos();
  const World world(directory, keys);
  const double seconds = SecondsSince(before);
  std::printf("start in %.2f s, %.2f s of it the list; %.1f bytes of memory each, %.1f on disk\n",
              seconds, world.load_seconds(),
              Each(static_cast<double>(world.stats().index_bytes), all),
              Each(static_cast<double>(BytesIn(directory)), all));
  std::printf("memory of the process grew by %.1f bytes each\n",
              Each(static_cast<double>(MemoryKb(0, "RssAnon") - before_kb) * 1024, all));
  const uint64_t found = world.Found(all, "revoked");
  const uint64_t strangers = world.Found(all, "another");
  std::printf("%llu of %llu tokens are revoked, and %llu of as many strangers\n",
              static_cast<unsigned long long>(found), static_cast<unsigned long long>(all),
              static_cast<unsigned long long>(strangers));
  return found == all && strangers == 0;
}

}  // namespace
}  // namespace keyturn::bench

int main(int argc, char** argv) {
  uint64_t count = 0;
  if ((argc != 2 && argc != 3) || !absl::SimpleAtoi(argv[1], &count) || count == 0) {
    keyturn::bench::Die("usage: revocation_restart COUNT [DIRECTORY]");
  }
  if (argc == 3) setenv("TMPDIR", argv[2], 1);
  const keyturn::bench::ScratchDirectory scratch;
  return keyturn::bench::Run(count, scratch.path() + "/store") ? 0 : 1;
}
