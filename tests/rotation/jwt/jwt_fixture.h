// Keys that sign, over the engine that rotates them, with a list of what is revoked.
#pragma once

#include "crypto/jwt_claims.h"
#include "rotation/jwt/jwt.h"
#include "tests/rotation/rotation_fixture.h"

namespace keyturn {

class JwtFixture : public RotationFixture {
 protected:
  JwtFixture() { OpenJwt(); }

  // After Open.
  void OpenJwt() {
    jwt_ = Jwt::Create({.store = *store_,
                        .keyring = *keyring_,
                        .clock = clock_,
                        .vault = *vault_,
                        .rotation = *rotation_,
                        .update = [this](absl::string_view event, absl::string_view path,
                                         UpdateFn fn) { return Update(event, path, fn); },
                        .revoked = [this](const v1::RevocationQuery& query) { return By(query); },
                        .revoke =
                            [this](const std::vector<JwtContext::Issued>& tokens) {
                              const absl::MutexLock lock(&revoked_mu_);
                              for (const auto& token : tokens) {
                                revoked_jtis_[token.jti] = token.expires;
                              }
                              return absl::OkStatus();
                            },
                        .revoke_kid =
                            [this](const std::string& kid, absl::Time until) {
                              if (!revoke_fails_.ok()) return revoke_fails_;
                              const absl::MutexLock lock(&revoked_mu_);
                              revoked_kids_[kid] = until;
                              return absl::OkStatus();
                            }});
    store_->SetCommitListener([this](absl::Span<const CommittedUpdate> group) {
      vault_->OnCommitted(group);
      rotation_->OnCommitted(group);
      usage_->OnCommitted(group);
      jwt_->OnCommitted(group);
    });
    ASSERT_OK(jwt_->OnUnsealed());
  }
  void Reopen() {
    jwt_.reset();
    Open();
    OpenJwt();
  }

  absl::StatusOr<std::optional<std::string>> By(const v1::RevocationQuery& query) const {
    RETURN_IF_ERROR(list_status_);
    const absl::Time issued = absl::FromUnixSeconds(query.issue_time().seconds()) +
                              absl::Nanoseconds(query.issue_time().nanos());
    const absl::MutexLock lock(&revoked_mu_);
    if (revoked_jtis_.count(query.jti()) > 0) return std::optional<std::string>("jti");
    if (revoked_kids_.count(query.kid()) > 0) return std::optional<std::string>("kid");
    const auto subject = ended_subjects_.find(query.subject());
    if (subject != ended_subjects_.end() && issued < subject->second) {
      return std::optional<std::string>("subject");
    }
    return std::optional<std::string>();
  }

  static v1::JwtKeySettings Settings(const std::string& algorithm) {
    v1::JwtKeySettings settings;
    settings.set_algorithm(algorithm);
    settings.set_issuer("alcs-auth");
    settings.add_audiences("alcs-api");
    return settings;
  }
  absl::StatusOr<v1::JwtKey> Create(const std::string& path, const v1::JwtKeySettings& settings,
                                    const v1::RotationPolicy& policy = NoJitter()) {
    v1::CreateJwtKeyRequest request;
    request.set_path(path);
    *request.mutable_settings() = settings;
    *request.mutable_policy() = policy;
    return jwt_->CreateKey(*store_, request, "test");
  }
  static v1::RotationPolicy NoJitter() {
    v1::RotationPolicy policy;
    policy.set_jitter_max_seconds(-1);
    return policy;
  }

  absl::Status SetSettings(const std::string& path, const v1::JwtKeySettings& settings) {
    v1::UpdateJwtKeyRequest request;
    request.set_path(path);
    *request.mutable_settings() = settings;
    return jwt_->UpdateKey(*store_, request, absl::OkStatus()).status();
  }

  static v1::SignJwtRequest ToSign(const std::string& path, const std::string& subject = "u1") {
    v1::SignJwtRequest request;
    request.set_path(path);
    request.set_subject(subject);
    request.add_permissions("read");
    return request;
  }
  absl::StatusOr<v1::SignJwtResponse> Sign(const v1::SignJwtRequest& request) {
    return jwt_->Sign(*store_, request);
  }
  std::string Token(const std::string& path, const std::string& subject = "u1") {
    const auto signed_ = Sign(ToSign(path, subject));
    EXPECT_OK(signed_);
    return signed_.ok() ? signed_->token() : "";
  }
  absl::StatusOr<v1::SignJwtResponse> SignWithRefresh(const std::string& path) {
    v1::SignJwtRequest request = ToSign(path);
    request.set_with_refresh_token(true);
    return Sign(request);
  }
  absl::StatusOr<v1::SignJwtResponse> Refresh(const std::string& path, const std::string& token) {
    v1::RefreshJwtRequest request;
    request.set_path(path);
    request.set_refresh_token(token);
    return jwt_->Refresh(*store_, request);
  }
  absl::StatusOr<v1::VerifyJwtResponse> Verify(const std::string& path, const std::string& token,
                                               const std::string& audience = "") {
    v1::VerifyJwtRequest request;
    request.set_path(path);
    request.set_token(token);
    request.set_audience(audience);
    return jwt_->Verify(request);
  }
  // "valid", or the reason.
  std::string Judge(const std::string& path, const std::string& token,
                    const std::string& audience = "") {
    const auto answer = Verify(path, token, audience);
    if (!answer.ok()) return ReasonOf(answer.status());
    return answer->valid() ? "valid" : answer->reason();
  }
  // "valid", or "REASON: message".
  std::string Verdict(const std::string& path, const std::string& token) {
    const auto answer = Verify(path, token);
    if (!answer.ok()) return Said(answer);
    return answer->valid() ? "valid" : absl::StrCat(answer->reason(), ": ", answer->message());
  }
  v1::JwtKey Key(const std::string& path) {
    v1::GetJwtKeyRequest request;
    request.set_path(path);
    const auto key = jwt_->GetKey(request);
    EXPECT_OK(key);
    return key.value_or(v1::JwtKey());
  }
  // The ids of the keys that everybody may fetch.
  std::set<std::string> PublishedKids() {
    const auto published = jwt_->Published();
    EXPECT_OK(published);
    std::set<std::string> kids;
    std::string rest = published.ok() ? published->document : "";
    const std::string mark = "\"kid\":\"";
    for (size_t at = rest.find(mark); at != std::string::npos; at = rest.find(mark)) {
      rest = rest.substr(at + mark.size());
      kids.insert(rest.substr(0, rest.find('"')));
    }
    return kids;
  }

  std::unique_ptr<Jwt> jwt_;
  absl::Status list_status_;        // what the list says when it is asked
  mutable absl::Mutex revoked_mu_;  // threads of a test fill the lists
  std::map<std::string, absl::Time> revoked_jtis_;
  std::map<std::string, absl::Time> ended_subjects_;  // what was issued before
};

}  // namespace keyturn
