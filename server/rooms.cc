#include "server/rooms.h"

#include "absl/strings/str_cat.h"
#include "audit/server_event.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "rotation/told_put.h"
#include "storage/rocks_store.h"

namespace keyturn {
namespace {

// A dev server's passphrase protects nothing, so it costs nothing.
constexpr Argon2Params kDevArgon2 = {1, uint64_t{64} * 1024};

KeyringOptions OptionsOf(const Config& config) {
  KeyringOptions options;
  options.directory = config.dev ? "/keyring" : config.data_directory;
  options.key_file = config.key_file;
  options.anchor_file = config.anchor_file;
  options.accept_rollback = !config.accept_rollback.empty();
  if (config.dev) options.argon2 = kDevArgon2;
  return options;
}

AuditLogOptions AuditOptionsOf(const Config& config) {
  AuditLogOptions options;
  options.directory = config.dev                       ? "/audit"
                      : config.audit_directory.empty() ? config.data_directory + "/audit"
                                                       : config.audit_directory;
  options.sync_reads = config.audit_sync_reads;
  options.accept_loss = config.accept_audit_loss;
  options.accept_rollback = config.accept_rollback;
  return options;
}

absl::StatusOr<WebhookOptions> WebhookOptionsOf(const Config& config) {
  WebhookOptions options;
  options.enabled = config.webhooks;
  options.ca_file = config.webhooks_ca_file;
  for (const std::string& block : config.webhooks_allow_addresses) {
    ASSIGN_OR_RETURN(const Cidr cidr, Cidr::Parse(block));
    options.addresses.push_back(cidr);
  }
  return options;
}

// A failure mends itself: what is held ends with its extension, if not with the next use.
void LookAtUsers(Rooms& rooms, const Uuid& secret) {
  const absl::Status looked = rooms.rotation->LookAtUsers(secret);
  if (looked.ok()) return;
  LogWarning("a version that nobody uses any more could not be ended at once",
             {{"secret", secret.ToString()}, {"error", std::string(looked.message())}});
}

// A change that the server makes by itself, with its entry in the audit log.
auto AuditedUpdate(Store& store, AuditLog& audit, Clock& clock) {
  return [&store, &audit, &clock](absl::string_view event, absl::string_view path, UpdateFn fn) {
    AuditEvent entry = ServerEvent(event, clock);
    entry.resource = std::string(path);
    return AuditedUpdater(store, audit, entry).Update(fn);
  };
}

// The endpoints are made after the vault, but before anything is put.
PutTeller PutTold(Rooms& rooms) {
  return [&rooms](const PutNews& put, const KeyringSnapshot& keys, const View& view, Batch& batch) {
    return TellOfPut(put, keys, view, [&](const RotationNews& news) {
      return rooms.webhooks->Tell(news, keys, view, batch);
    });
  };
}

// The server as one who changes the revocation list.
std::shared_ptr<const RevocationWriter> ServerWriter(absl::string_view resource) {
  auto writer = std::make_shared<RevocationWriter>();
  writer->principal = "keyturn";
  writer->auth_method = "server";
  writer->resource = std::string(resource);
  return writer;
}

// Of a key that signs: durable when it returns.
std::function<absl::Status(const std::string& kid, absl::Time until)> KidRevoker(
    CredentialList& credentials) {
  return [&credentials](const std::string& kid, absl::Time until) {
    const CredentialList::Entry entry = {.name = {RevocationKind::kKid, kid}, .expires = until};
    return credentials.Revoke({entry}, ServerWriter(KeyOf(RevocationKind::kKid, kid))).status();
  };
}

}  // namespace

JwtContext JwtParts(Store& store, Keyring& keyring, AuditLog& audit, CredentialList& credentials,
                    Vault& vault, Rotation& rotation, Clock& clock) {
  return {.store = store,
          .keyring = keyring,
          .clock = clock,
          .vault = vault,
          .rotation = rotation,
          .update = AuditedUpdate(store, audit, clock),
          .revoked = [&credentials](const v1::RevocationQuery& query)
              -> absl::StatusOr<std::optional<std::string>> {
            const std::optional<RevocationKind> by = credentials.Find(query);
            // Afterwards: what was found in a list that is not loaded is nothing.
            RETURN_IF_ERROR(credentials.CheckLoaded());
            if (!by.has_value()) return std::optional<std::string>();
            return std::optional<std::string>(WordOf(*by));
          },
          .revoke =
              [&credentials](const std::vector<JwtContext::Issued>& tokens) {
                std::vector<CredentialList::Entry> entries;
                for (const JwtContext::Issued& token : tokens) {
                  entries.push_back(
                      {.name = {RevocationKind::kJti, token.jti}, .expires = token.expires});
                }
                return credentials.Revoke(entries, ServerWriter("")).status();
              },
          .revoke_kid = KidRevoker(credentials)};
}

RotationContext RotationParts(Store& store, Keyring& keyring, AuditLog& audit, AuthStore& policies,
                              CredentialList& credentials, const Usage& usage,
                              const Targets& targets, const WebhookBook& webhooks, Clock& clock) {
  return {
      .store = store,
      .keyring = keyring,
      .clock = clock,
      .update = AuditedUpdate(store, audit, clock),
      .update_each =
          [&store, &audit, &clock](absl::Span<NamedChange> changes) {
            UpdateEachAsServer(store, audit, clock, changes);
          },
      .tell = [&webhooks](const RotationNews& news, const KeyringSnapshot& keys, const View& view,
                          Batch& batch) { return webhooks.Tell(news, keys, view, batch); },
      .password_policy =
          [&policies](const std::string& name) { return policies.GetPasswordPolicy(name); },
      .driver = [&targets](const SecretMetadata&,
                           const std::string& target) { return targets.DriverOf(target); },
      .users = [&usage](const Uuid& secret,
                        SecretVersion version) { return usage.UsersOf(secret, version); },
      .consumers =
          [&usage](const Uuid& secret, const SecretMetadata& metadata) {
            return usage.ConsumersOf(secret, metadata);
          },
      .revoke_kid = KidRevoker(credentials),
      .check_target = [&targets](const std::string& target,
                                 const std::string& path) { return targets.Check(target, path); }};
}

WebhookContext WebhookParts(Store& store, Keyring& keyring, AuditLog& audit, const Usage& usage,
                            WebhookOptions options, Clock& clock) {
  return {.store = store,
          .keyring = keyring,
          .clock = clock,
          .update = AuditedUpdate(store, audit, clock),
          .options = std::move(options),
          .users = [&usage](const Uuid& secret, SecretVersion version) {
            return usage.UsersOf(secret, version);
          }};
}

ApiKeyContext ApiKeyParts(Store& store, Keyring& keyring, AuditLog& audit, CredentialList& list,
                          Clock& clock) {
  return {.store = store,
          .keyring = keyring,
          .clock = clock,
          .update =
              [&store, &audit, &clock](absl::string_view event, UpdateFn fn) {
                return ServerUpdater(event, store, audit, clock).Update(fn);
              },
          .revoked = [&list](absl::string_view id) { return list.HasApiKey(id); }};
}

absl::StatusOr<std::unique_ptr<Rooms>> Rooms::Open(const Config& config, Clock& clock,
                                                   std::function<void()> on_committed) {
  auto rooms = std::make_unique<Rooms>();
  if (config.dev) rooms->memory = NewMemoryFileSystem();
  FileSystem& files = config.dev ? *rooms->memory : FileSystem::Posix();

  RocksStoreOptions store_options;
  store_options.directory = config.dev ? "/store" : config.data_directory + "/store";
  store_options.in_memory = config.dev;
  ASSIGN_OR_RETURN(rooms->store, OpenRocksStore(store_options, clock));
  ASSIGN_OR_RETURN(rooms->keyring, Keyring::Open(OptionsOf(config), files, clock));
  ASSIGN_OR_RETURN(rooms->audit,
                   AuditLog::Open(AuditOptionsOf(config), files, *rooms->store, clock));
  rooms->policies = AuthStore::Create(*rooms->store, clock);
  rooms->tokens = TokenStore::Create(*rooms->store, clock);
  // The commit listener tells of audit entries as well.
  rooms->committer = std::make_unique<AuditedGroupCommitter>(*rooms->store, *rooms->audit, clock);
  RevocationList::Options list_options;
  list_options.keep_names = config.revocation_scan;
  ASSIGN_OR_RETURN(rooms->revocations,
                   RevocationList::Create(list_options, *rooms->store, *rooms->committer, clock));
  rooms->credentials = std::make_unique<CredentialList>(
      *rooms->revocations,
      CredentialList::Options{config.revocation_prefix, config.revocation_guards_own});
  rooms->authenticator =
      Authenticator::Create(*rooms->policies, *rooms->tokens, *rooms->credentials, clock);
  rooms->vault = Vault::Create(*rooms->store, *rooms->keyring, clock, PutTold(*rooms));
  rooms->usage = std::make_unique<Usage>(
      Usage::Parts{*rooms->store, *rooms->keyring, clock,
                   [&rooms = *rooms](const Uuid& secret) { LookAtUsers(rooms, secret); }});
  ASSIGN_OR_RETURN(rooms->targets, Targets::Create(config.targets, clock));
  ASSIGN_OR_RETURN(WebhookOptions webhook_options, WebhookOptionsOf(config));
  WebhookContext webhook_parts = WebhookParts(*rooms->store, *rooms->keyring, *rooms->audit,
                                              *rooms->usage, std::move(webhook_options), clock);
  // Both are made after the endpoints, but before any of these tells anything.
  webhook_parts.api_keys_ending = [&rooms = *rooms](absl::Time from, absl::Time to) {
    return rooms.api_keys->EndingBetween(from, to);
  };
  webhook_parts.clock_trusted = [&rooms = *rooms] { return rooms.rotation->clock_trusted(); };
  rooms->webhooks = WebhookBook::Create(std::move(webhook_parts));
  rooms->rotation = Rotation::Create(
      RotationParts(*rooms->store, *rooms->keyring, *rooms->audit, *rooms->policies,
                    *rooms->credentials, *rooms->usage, *rooms->targets, *rooms->webhooks, clock));
  rooms->jwt = Jwt::Create(JwtParts(*rooms->store, *rooms->keyring, *rooms->audit,
                                    *rooms->credentials, *rooms->vault, *rooms->rotation, clock));
  rooms->api_keys = ApiKeys::Create(
      ApiKeyParts(*rooms->store, *rooms->keyring, *rooms->audit, *rooms->credentials, clock));
  rooms->store->SetCommitListener(
      [&audit = *rooms->audit, &vault = *rooms->vault, &rotation = *rooms->rotation,
       &jwt = *rooms->jwt, &api_keys = *rooms->api_keys, &usage = *rooms->usage,
       &webhooks = *rooms->webhooks,
       on_committed = std::move(on_committed)](absl::Span<const CommittedUpdate> group) {
        audit.OnCommitted(group);
        vault.OnCommitted(group);
        rotation.OnCommitted(group);
        jwt.OnCommitted(group);
        api_keys.OnCommitted(group);
        usage.OnCommitted(group);
        webhooks.OnCommitted(group);
        on_committed();
      });
  return rooms;
}

}  // namespace keyturn
