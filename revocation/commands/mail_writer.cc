#include "revocation/commands/mail_writer.h"

namespace keyturn {
namespace {

void WriteText(absl::string_view word, const RespMail::Text& text, RespWriter& writer) {
  writer.Push(3);
  writer.Bulk(word);
  writer.Bulk(text.channel);
  writer.Bulk(text.payload);
}

void WriteInvalidation(const RespMail& mail, const RespConnection& connection, RespWriter& writer) {
  if (connection.version == RespVersion::k3) {
    writer.Push(2);
    writer.Bulk("invalidate");
  } else if (mail.redirected && connection.subscribed()) {
    writer.Array(3);
    writer.Bulk("message");
    writer.Bulk("__redis__:invalidate");
  } else {
    return;
  }
  if (mail.keys == nullptr) {
    writer.Null();
    return;
  }
  writer.Array(mail.keys->size());
  for (const std::string& key : *mail.keys) writer.Bulk(key);
}

}  // namespace

void WriteMail(const RespMail& mail, const RespConnection& connection, RespWriter& writer) {
  switch (mail.kind) {
    case RespMail::Kind::kMessage:
      if (connection.channels.Has(mail.text->channel)) WriteText("message", *mail.text, writer);
      return;
    case RespMail::Kind::kShardMessage:
      if (connection.shard_channels.Has(mail.text->channel)) {
        WriteText("smessage", *mail.text, writer);
      }
      return;
    case RespMail::Kind::kPatternMessage:
      if (!connection.patterns.Has(*mail.pattern)) return;
      writer.Push(4);
      writer.Bulk("pmessage");
      writer.Bulk(*mail.pattern);
      writer.Bulk(mail.text->channel);
      writer.Bulk(mail.text->payload);
      return;
    case RespMail::Kind::kInvalidate:
      WriteInvalidation(mail, connection, writer);
      return;
    case RespMail::Kind::kRedirectBroken:
      if (connection.version != RespVersion::k3) return;
      writer.Push(2);
      writer.Bulk("tracking-redir-broken");
      writer.Integer(static_cast<int64_t>(mail.redirect));
      return;
  }
}

}  // namespace keyturn
