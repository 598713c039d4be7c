#include "revocation/commands/connection.h"

namespace keyturn {

bool RespQueue::Add(const RespCommand& command, absl::Span<const absl::string_view> arguments) {
  size_t bytes = memory() + sizeof(Command) + arguments.size() * sizeof(uint32_t);
  for (const absl::string_view argument : arguments) bytes += argument.size();
  if (size() == limits::kRespQueuedCommandsMax || bytes > limits::kRespQueuedBytesMax) return false;
  commands_.push_back({&command, sizes_.size(), bytes_.size()});
  for (const absl::string_view argument : arguments) {
    sizes_.push_back(static_cast<uint32_t>(argument.size()));
    bytes_.append(argument.data(), argument.size());
  }
  return true;
}

void RespQueue::Arguments(size_t i, std::vector<absl::string_view>* arguments) const {
  arguments->clear();
  const size_t end = i + 1 < size() ? commands_[i + 1].sizes : sizes_.size();
  size_t at = commands_[i].bytes;
  for (size_t j = commands_[i].sizes; j < end; ++j) {
    arguments->emplace_back(bytes_.data() + at, sizes_[j]);
    at += sizes_[j];
  }
}

size_t RespQueue::memory() const {
  return commands_.size() * sizeof(Command) + sizes_.size() * sizeof(uint32_t) + bytes_.size();
}

void RespConnection::Unsubscribe(RespHub& hub) {
  for (const auto& [kind, names] : {std::make_pair(ChannelKind::kChannel, &channels),
                                    std::make_pair(ChannelKind::kPattern, &patterns),
                                    std::make_pair(ChannelKind::kShard, &shard_channels)}) {
    for (const std::string& name : names->all()) hub.Unsubscribe(kind, name, *mailbox);
    *names = ChannelNames();
  }
  client.channels = client.patterns = client.shard_channels = 0;
}

void RespConnection::Unwatch() {
  watched.clear();
  watched_bytes = 0;
  watch_failed = false;
}

void RespConnection::Discard() {
  queue.reset();
  queue_failed = false;
  Unwatch();
}

size_t RespConnection::memory() const {
  return (queue.has_value() ? queue->memory() : 0) + watched_bytes + channels.bytes() +
         patterns.bytes() + shard_channels.bytes();
}

}  // namespace keyturn
