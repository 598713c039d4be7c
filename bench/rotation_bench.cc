// What the scheduler of rotations costs with many secrets, on a simulated clock:
//   rotation_bench COUNT...
// For each COUNT: writes so many secrets that rotate (API keys of others, whose owners are
// reminded), without fdatasync; gives each its plan; asks again and again while nothing is due;
// then lets two hours pass by the minute, from the first one that is due, and does what falls due.
// One row each.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include "bench/measure.h"
#include "bench/vault_world.h"
#include "rotation/rotation.h"
#include "vault/fields.h"

namespace keyturn::bench {
namespace {

constexpr int kThreads = 32;
constexpr int kIdleTicks = 100'000;
constexpr int kMinutes = 120;

class RotationWorld {
 public:
  RotationWorld() : vault_(directory_.path() + "/vault", false, clock_) {
    rotation_ = Rotation::Create(
        {.store = vault_.store(),
         .keyring = vault_.keyring(),
         .clock = clock_,
         .update = [this](absl::string_view, absl::string_view,
                          UpdateFn fn) { return vault_.store().Update(fn); },
         .password_policy = [](const std::string&) -> absl::StatusOr<v1::PasswordPolicy> {
           return absl::NotFoundError("none");
         },
         .driver = [](const SecretMetadata&, const std::string&) -> Driver* { return nullptr; },
         .users = [](const Uuid&, SecretVersion) { return std::vector<std::string>(); }});
    vault_.store().SetCommitListener([this](absl::Span<const CommittedUpdate> group) {
      vault_.vault().OnCommitted(group);
      rotation_->OnCommitted(group);
    });
    CheckOk(rotation_->OnUnsealed());
  }

  void Fill(uint64_t count) {
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([this, count, t] {
        for (uint64_t i = static_cast<uint64_t>(t); i < count; i += kThreads) {
          PutParams params;
          params.path = OrDie(SecretPath::Parse(PathOf(i)));
          params.kind = v1::KIND_API_KEY;
          params.principal = "bench";
          const FieldView field{"value", 1, "sk_live_4242"};
          OrDie(vault_.vault().Put(vault_.store(), params, OrDie(EncodeFields({&field, 1}))));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  // Until nothing is due; how much was.
  uint64_t DoDue(absl::Time* next) {
    uint64_t done = 0;
    for (int handled = 1; handled > 0;) {
      handled = OrDie(rotation_->RunDue(next));
      done += static_cast<uint64_t>(handled);
    }
    return done;
  }

  SimulatedClock& clock() { return clock_; }
  Rotation& rotation() { return *rotation_; }

 private:
  SimulatedClock clock_;
  ScratchDirectory directory_;
  VaultWorld vault_;
  std::unique_ptr<Rotation> rotation_;
};

// Of this process, finer than CpuSeconds.
double Cpu() {
  timespec time = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double MicrosSince(double cpu, uint64_t count) {
  return (Cpu() - cpu) * 1e6 / static_cast<double>(std::max<uint64_t>(count, 1));
}

void Measure(uint64_t count) {
  RotationWorld world;
  absl::Time next;
  world.DoDue(&next);  // what falls due in a while that nobody looked would be counted first
  const int64_t empty = Clock::Real().MonotonicNanos();
  world.Fill(count);
  std::fprintf(stderr, "%llu secrets written in %.1f s\n", static_cast<unsigned long long>(count),
               static_cast<double>(Clock::Real().MonotonicNanos() - empty) / 1e9);
  double cpu = Cpu();
  const uint64_t planned = world.DoDue(&next);
  const double plan_us = MicrosSince(cpu, planned);

  cpu = Cpu();
  for (int i = 0; i < kIdleTicks; ++i) {
    if (OrDie(world.rotation().RunDue(&next)) != 0) Die("something was due");
  }
  const double idle_us = MicrosSince(cpu, kIdleTicks);

  // By the hour: a longer step would look as if no server had run.
  while (world.clock().Now() + absl::Minutes(1) < next) {
    world.clock().AdvanceTime(std::min(absl::Hours(1), next - world.clock().Now()));
    world.DoDue(&next);
  }
  cpu = Cpu();
  uint64_t begun = 0;
  for (int minute = 0; minute < kMinutes; ++minute) {
    world.clock().AdvanceTime(absl::Minutes(1));
    begun += world.DoDue(&next);
  }
  std::printf("| %llu | %.1f | %.2f | %llu | %.1f | %lld |\n",
              static_cast<unsigned long long>(count), plan_us, idle_us,
              static_cast<unsigned long long>(begun), MicrosSince(cpu, begun),
              static_cast<long long>(MemoryKb(0, "RssAnon") / 1000));
  std::fflush(stdout);
}

}  // namespace
}  // namespace keyturn::bench

int main(int argc, char** argv) {
  if (argc < 2) keyturn::bench::Die("usage: rotation_bench COUNT...");
  std::printf(
      "| secrets | CPU of a plan, us | of a tick with nothing due, us | begun in 2 h | CPU of "
      "each, "
      "us | anonymous MB |\n|---|---|---|---|---|---|\n");
  for (int i = 1; i < argc; ++i) keyturn::bench::Measure(std::stoull(argv[i]));
  return 0;
}
