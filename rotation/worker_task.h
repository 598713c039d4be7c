// What a Worker has at hand: a secret that is worked on, and the change of it that is to be written
// next. The worker's own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "rotation/recording_view.h"
#include "rotation/worker.h"

namespace keyturn {

// A change as it was made before its update.
struct Worker::Prepared {
  explicit Prepared(const View& view) : view(view) {}
  RecordingView view;
  absl::Time now;
  Batch batch{Revision(0)};
  RotatingSecret secret;               // as the change leaves it
  std::optional<v1::RotationRun> run;  // as it is written
};

struct Worker::Planned {
  Planned(absl::string_view event, std::string path, Edit edit)
      : event(event), path(std::move(path)), edit(std::move(edit)) {}
  const absl::string_view event;
  const std::string path;
  const Edit edit;
  std::unique_ptr<Prepared> prepared;  // nullptr: it is made in its update
  std::function<void()> written;       // called once it is, if there is one
};

struct Worker::Task {
  Task(size_t number, const Uuid& secret, bool frozen, std::string own_lane)
      : number(number), secret(secret), frozen(frozen), own_lane(std::move(own_lane)) {}
  const size_t number;
  const Uuid secret;
  const bool frozen;
  const std::string own_lane;
  Worked worked;
  absl::Status status;
  int looks = 0;
  Carried carried;
  // Of the change that is to be written.
  std::optional<Look> look;
  std::unique_ptr<Planned> planned;
};

}  // namespace keyturn
