// What Debian's abseil does unseen by ThreadSanitizer, told to it. The library is not instrumented,
// so TSan sees neither its locks nor what they order, and every guarded access looks like a race.
// These definitions stand before the library's own: each tells TSan what happens and calls the
// library's. Linked into every program of the `tsan` preset, into no other.
//
// As in abseil's own annotations (absl/base/internal/tsan_mutex_interface.h), what runs between
// pre_lock and post_lock (conditions, too) is left out of the search for races.
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"

namespace {

constexpr unsigned kWrite = 0;
constexpr unsigned kRead = __tsan_mutex_read_lock;

// The library's own function of this mangled name.
template <typename Function>
Function* Library(const char* name) {
  void* const found = dlsym(RTLD_NEXT, name);
  if (found == nullptr) __builtin_trap();  // another version of abseil: the names have changed
  return reinterpret_cast<Function*>(found);
}

template <typename Function>
void Locking(void* mutex, unsigned how, const Function& lock) {
  __tsan_mutex_pre_lock(mutex, how);
  lock();
  __tsan_mutex_post_lock(mutex, how, 0);
}

template <typename Function>
bool TryLocking(void* mutex, unsigned how, const Function& lock) {
  how |= __tsan_mutex_try_lock;
  __tsan_mutex_pre_lock(mutex, how);
  const bool taken = lock();
  __tsan_mutex_post_lock(mutex, how | (taken ? 0 : __tsan_mutex_try_lock_failed), 0);
  return taken;
}

template <typename Function>
void Unlocking(void* mutex, unsigned how, const Function& unlock) {
  __tsan_mutex_pre_unlock(mutex, how);
  unlock();
  __tsan_mutex_post_unlock(mutex, how);
}

// A wait gives the lock up and takes it again. Only holders of the exclusive lock wait here.
template <typename Function>
bool Waiting(void* mutex, const Function& wait) {
  __tsan_mutex_pre_unlock(mutex, kWrite);
  __tsan_mutex_post_unlock(mutex, kWrite);
  __tsan_mutex_pre_lock(mutex, kWrite);
  const bool result = wait();
  __tsan_mutex_post_lock(mutex, kWrite, 0);
  return result;
}

}  // namespace

#define KEYTURN_LIBRARY(function, mangled) \
  static auto* const real = Library<function>("_ZN4absl7debian3" mangled)
#define KEYTURN_LIBRARY_CONST(function, mangled) \
  static auto* const real = Library<function>("_ZNK4absl7debian3" mangled)

namespace absl {
ABSL_NAMESPACE_BEGIN

void Mutex::Lock() {
  KEYTURN_LIBRARY(void(Mutex*), "5Mutex4LockEv");
  Locking(this, kWrite, [this] { real(this); });
}

void Mutex::Unlock() {
  KEYTURN_LIBRARY(void(Mutex*), "5Mutex6UnlockEv");
  Unlocking(this, kWrite, [this] { real(this); });
}

bool Mutex::TryLock() {
  KEYTURN_LIBRARY(bool(Mutex*), "5Mutex7TryLockEv");
  return TryLocking(this, kWrite, [this] { return real(this); });
}

void Mutex::ReaderLock() {
  KEYTURN_LIBRARY(void(Mutex*), "5Mutex10ReaderLockEv");
  Locking(this, kRead, [this] { real(this); });
}

void Mutex::ReaderUnlock() {
  KEYTURN_LIBRARY(void(Mutex*), "5Mutex12ReaderUnlockEv");
  Unlocking(this, kRead, [this] { real(this); });
}

bool Mutex::ReaderTryLock() {
  KEYTURN_LIBRARY(bool(Mutex*), "5Mutex13ReaderTryLockEv");
  return TryLocking(this, kRead, [this] { return real(this); });
}

void Mutex::LockWhen(const Condition& condition) {
  KEYTURN_LIBRARY(void(Mutex*, const Condition&), "5Mutex8LockWhenERKNS0_9ConditionE");
  Locking(this, kWrite, [&] { real(this, condition); });
}

void Mutex::Await(const Condition& condition) {
  KEYTURN_LIBRARY(void(Mutex*, const Condition&), "5Mutex5AwaitERKNS0_9ConditionE");
  Waiting(this, [&] { return real(this, condition), true; });
}

// AwaitWithTimeout comes here too: told of twice, the lock would seem to be held for ever.
bool Mutex::AwaitWithDeadline(const Condition& condition, absl::Time deadline) {
  KEYTURN_LIBRARY(bool(Mutex*, const Condition&, absl::Time),
                  "5Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  return Waiting(this, [&] { return real(this, condition, deadline); });
}

void CondVar::Wait(Mutex* mutex) {
  KEYTURN_LIBRARY(void(CondVar*, Mutex*), "7CondVar4WaitEPNS0_5MutexE");
  Waiting(mutex, [&] { return real(this, mutex), true; });
}

bool CondVar::WaitWithDeadline(Mutex* mutex, absl::Time deadline) {
  KEYTURN_LIBRARY(bool(CondVar*, Mutex*, absl::Time),
                  "7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE");
  return Waiting(mutex, [&] { return real(this, mutex, deadline); });
}

bool CondVar::WaitWithTimeout(Mutex* mutex, absl::Duration timeout) {
  KEYTURN_LIBRARY(bool(CondVar*, Mutex*, absl::Duration),
                  "7CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE");
  return Waiting(mutex, [&] { return real(this, mutex, timeout); });
}

// The library looks at the flag without the lock first. Read here, the flag is seen by TSan.
void Notification::Notify() {
  KEYTURN_LIBRARY(void(Notification*), "12Notification6NotifyEv");
  __tsan_release(&notified_yet_);
  real(this);
}

void Notification::WaitForNotification() const {
  KEYTURN_LIBRARY_CONST(void(const Notification*), "12Notification19WaitForNotificationEv");
  real(this);
  static_cast<void>(HasBeenNotified());
}

bool Notification::WaitForNotificationWithTimeout(absl::Duration timeout) const {
  KEYTURN_LIBRARY_CONST(bool(const Notification*, absl::Duration),
                        "12Notification30WaitForNotificationWithTimeoutENS0_8DurationE");
  real(this, timeout);
  return HasBeenNotified();
}

ABSL_NAMESPACE_END
}  // namespace absl
