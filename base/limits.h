// Every bound of Keyturn, in one place, with the relations between them checked at compile time.
// A bound that users can meet is named in the error they get. Sizes are bytes unless named.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/rotation_limits.h"
#include "base/units.h"

namespace keyturn::limits {

// Secrets.
inline constexpr size_t kSecretValueBytesMax = 512 * kKiB;  // all fields of one version, encoded
inline constexpr size_t kFieldsMax = 256;
inline constexpr size_t kFieldNameBytesMax = 128;
inline constexpr size_t kPathBytesMax = 1024;
inline constexpr size_t kPathSegmentBytesMax = 255;
inline constexpr size_t kPathSegmentsMax = 32;
inline constexpr uint32_t kVersionsKeptDefault = 10;
inline constexpr uint32_t kVersionsKeptMax = 100;
inline constexpr size_t kCustomMetadataEntriesMax = 64;
inline constexpr size_t kCustomMetadataKeyBytesMax = 128;
inline constexpr size_t kCustomMetadataValueBytesMax = 512;
inline constexpr size_t kBatchGetMax = 100;
inline constexpr int64_t kRecoverySecondsDefault = 30 * kDaySeconds;  // a deleted version is kept
inline constexpr int64_t kRecoverySecondsMin = 3600;
inline constexpr int64_t kRecoverySecondsMax = 365 * kDaySeconds;
inline constexpr int64_t kVersionTtlSecondsMax = int64_t{10} * 365 * kDaySeconds;
inline constexpr size_t kDirectoriesPerUpdate = 64;  // given records by AddMissingDirectories
inline constexpr size_t kVersionsPerUpdateMax = 40;  // destroyed in one update: two records each

// API keys that are issued to clients of others. One that has ended is kept for a while.
inline constexpr size_t kApiKeysMax = 100'000;
inline constexpr int64_t kApiKeyTtlSecondsDefault = 90 * kDaySeconds;
inline constexpr int64_t kApiKeyTtlSecondsMax = 90 * kDaySeconds;
inline constexpr int64_t kApiKeyGraceSecondsDefault = 7 * kDaySeconds;
inline constexpr int64_t kApiKeyGraceSecondsMax = 90 * kDaySeconds;
inline constexpr int64_t kApiKeyDueSeconds = 14 * kDaySeconds;   // before its end
inline constexpr int64_t kApiKeyKeptSeconds = 90 * kDaySeconds;  // after its end
inline constexpr int kApiKeySecretsMax = 3;                      // that work at once
inline constexpr size_t kApiKeyScopesMax = 64;
inline constexpr size_t kApiKeyScopeBytesMax = 128;
inline constexpr size_t kApiKeyDescriptionBytesMax = 512;
inline constexpr size_t kApiKeyTextBytesMax = 512;  // of what is presented
inline constexpr size_t kApiKeyCacheMax = 16'384;   // opened records
inline constexpr size_t kApiKeyImportMax = 32;      // in one call, which is one update
inline constexpr size_t kApiKeyImportFileBytesMax = 32 * kMiB;
inline constexpr int kApiKeyLockoutFailures = 5;  // of one id from one network
inline constexpr int64_t kApiKeyLockoutSeconds = 900;
inline constexpr double kApiKeyIdPerSecond = 2'000;  // verifications of one id by one caller
inline constexpr double kApiKeyNetworkPerSecond = 10'000;
inline constexpr double kApiKeysPerSecond = 50'000;
inline constexpr size_t kApiKeysPerUpdate = 16;  // whose uses are written, or that are removed
inline constexpr int64_t kApiKeyUsesSeconds = 60;

// Listing.
inline constexpr size_t kListPageDefault = 1000;
inline constexpr size_t kListPageMax = 10'000;
inline constexpr size_t kListScanMax = 100'000;      // entries looked at for one page
inline constexpr size_t kRenameScanMax = 1'000'000;  // entries below a directory that moves deeper
inline constexpr size_t kListSortedMax = 10'000;     // beyond, a directory is listed in MAC order

// Store (DESIGN section 4: also what an etcd transaction takes).
inline constexpr size_t kBatchKeysMax = 100;
inline constexpr size_t kBatchBytesMax = kMiB;
inline constexpr size_t kCommitGroupMax = 256;          // updates that share one fdatasync
inline constexpr int64_t kBusyRetryMilliseconds = 100;  // the advice when a queue is full
inline constexpr size_t kCommitQueueMax = 4096;  // waiting updates; beyond, RESOURCE_EXHAUSTED
inline constexpr int64_t kUpdateNanosMax = 1'000'000;   // longer functions are counted as offenders
inline constexpr size_t kRecentRecordBytes = 4 * kMiB;  // in memory twice; see RecentRecords
inline constexpr int kUpdateRetriesMax = 3;

// Memory for plaintext.
inline constexpr size_t kArenaBytesDefault = 4 * kMiB;
inline constexpr size_t kArenaBytesMax = 256 * kMiB;
inline constexpr size_t kRepliesArenaDivisor = 2;     // replies not yet sent take half of the arena
inline constexpr size_t kReplyShareArenaDivisor = 4;  // and those of one caller a quarter
inline constexpr size_t kReplySharesMax = 4096;  // counters of callers; by hash, so shared beyond

// Caches of the vault (entries).
inline constexpr size_t kPathCacheMax = 65'536;
inline constexpr size_t kMetadataCacheMax = 65'536;
inline constexpr size_t kDekCacheMax = 32'768;           // and at most a quarter of the arena
inline constexpr size_t kCachedPayloadBytesMax = 1'100;  // sealed; larger ones are read each time
inline constexpr int kDueItemsPerRun = 64;

// Calls.
inline constexpr size_t kRequestBytesMax = kMiB;
inline constexpr size_t kReplyBytesMax = 4 * kMiB;
inline constexpr int64_t kDeadlineSecondsMax = 30;  // unary calls; longer deadlines are cut
inline constexpr size_t kWatchersMax = 1024;
inline constexpr size_t kChangesScanMax = 100'000;  // changes looked at for one answer
inline constexpr int64_t kChangesKeptSeconds = kDaySeconds;
inline constexpr size_t kCorrelationIdBytesMax = 64;
inline constexpr size_t kUserAgentBytesMax = 256;    // the rest is not logged
inline constexpr uint64_t kRevisionAheadMax = 4096;  // of min_revision, before the newest revision
inline constexpr int kRevisionWaitersMax = 2;        // reads that wait for one, a worker each
inline constexpr int kWorkStreamsMax = 2;            // verifications at once, a worker each
inline constexpr int kWorkerThreadsDefault = 160;  // more than half a commit group can wait at once
inline constexpr int kWorkerThreadsMin = 8;
inline constexpr int kWorkerThreadsMax = 1024;
inline constexpr size_t kWorkerStackBytes = 512 * kKiB;
inline constexpr size_t kWorkerQueueMax = 4096;
inline constexpr int kStreamBatchMax = 256;           // events fetched at once for one stream
inline constexpr size_t kPeerCertificatesMax = 4096;  // parsed client certificates kept
inline constexpr size_t kRateBucketsMax = 65'536;
inline constexpr double kCallsPerSecondDefault = 50'000;  // of one source, of one identity
inline constexpr int64_t kWatchTickSeconds = 10;  // idle streams are told progress and rechecked
inline constexpr int64_t kProgressEveryRecords = 4096;
inline constexpr int kVerifyProblemsMax = 1000;  // told of; the rest is as bad

// Keys.
inline constexpr int64_t kKekSecondsMax = 90 * kDaySeconds;  // then it is rotated
// As Vault's barrier: a tenth below 2^32, the messages of one key with random nonces in SP 800-38D.
// Keyturn's single-use keys would bear more.
inline constexpr uint64_t kKekUsesMax = 3'865'470'566;
inline constexpr uint64_t kKekUsesStep = uint64_t{1} << 20;  // counted ahead in keyring.ktn
inline constexpr size_t kKeksMax = 64;                       // not yet retired
inline constexpr size_t kRetiredKeksKept = 64;               // terms and times, without keys
inline constexpr size_t kRewrapRecordsPerUpdate = 32;
inline constexpr size_t kRewrapBytesPerUpdate = 256 * kKiB;  // but one record always
inline constexpr size_t kRewrapScanMax = 4096;               // records looked at in one snapshot
inline constexpr int64_t kKeyTurnMilliseconds = 100;         // between looks for older keys
inline constexpr int64_t kRewrapRetrySeconds = 60;           // after a failure
inline constexpr int64_t kDamageRetrySeconds = 3600;         // after records that do not open
inline constexpr int64_t kFormerCallsSecondsMax = 300;       // then they are told of

// Connections (docs: gRPC core's channel arguments).
inline constexpr int kMetadataBytesMax = 8192;
inline constexpr int kConcurrentStreamsMax = 100;  // calls at once on one connection
inline constexpr int kHandshakeMillis = 10'000;
inline constexpr int kKeepaliveMillis = 60'000;
inline constexpr int kKeepaliveTimeoutMillis = 10'000;
inline constexpr int kPingStrikesMax = 2;
inline constexpr int kConnectionIdleMillis = 300'000;
inline constexpr int kConnectionAgeMillis = 1'800'000;  // bounds the life of a revoked certificate
inline constexpr int kConnectionGraceMillis = 30'000;
inline constexpr int kConnectionBacklog = 512;       // connections that wait to be accepted
inline constexpr uint64_t kConnectionsMax = 16'384;  // with what files there are
// Kept from connections, for files of the store and the audit log; at most half of what there are.
inline constexpr uint64_t kDescriptorsReserved = 1024;
inline constexpr int64_t kAcceptPauseMillis = 100;       // when the system cannot accept
inline constexpr int64_t kAcceptWarningMillis = 60'000;  // strangers cause them at will
inline constexpr size_t kGrpcBufferBytesMax = 512 * kMiB;
inline constexpr int kGrpcThreadsMax = 64;
inline constexpr size_t kHttpHeaderBytesMax = 8192;
inline constexpr size_t kHttpBodyBytesMax = 1024;  // the paths of this listener take none
inline constexpr int64_t kHttpSeconds = 10;        // one request, from its first byte
inline constexpr int kHttpConnectionsMax = 64;
inline constexpr int kHttpConnectionsOfSourceMax = 16;  // from one /24 or /64, which many share
inline constexpr int64_t kHttpAcceptPauseMillis = 100;  // after a failed accept
inline constexpr int64_t kHttpRetryAfterSecondsMax = kDaySeconds;  // that a server asks us to wait

// Requests of the Redis protocol. Lengths are those of Redis 7.0 (networking.c) except where it has
// hundreds of MiB.
inline constexpr size_t kRespLineBytesMax = 64 * kKiB;  // an inline command, or a length as text
inline constexpr int64_t kRespArgumentsMax = int64_t{1024} * 1024;
inline constexpr int64_t kRespBulkBytesMax = 512 * kKiB;  // one argument
inline constexpr size_t kRespRequestBytesMax = 4 * kMiB;  // as sent, lengths and line ends included
inline constexpr int64_t kRespStrangerArgumentsMax = 10;  // before a caller is authenticated
inline constexpr int64_t kRespStrangerBulkBytesMax = 16 * kKiB;
inline constexpr size_t kRespStrangerBytesMax = kMiB;  // what they make us hold; follows from these
inline constexpr size_t kRespBufferBytesMin = 16 * kKiB;
inline constexpr size_t kRespBufferBytesKept = 64 * kKiB;  // more is given back when it is empty
inline constexpr size_t kRespStrangerOutputBytesMax = 16 * kKiB;  // replies that wait; then closed
inline constexpr size_t kRespOutputBytesMax = 32 * kMiB;          // replies that wait; then closed
inline constexpr size_t kRespOutputBytesPause =
    kMiB;                                            // replies that wait; no request is run beyond
inline constexpr size_t kRespQueuedBytesMax = kMiB;  // of commands between MULTI and EXEC
inline constexpr size_t kRespQueuedCommandsMax = 10'000;
inline constexpr size_t kRespScanCountMax = 10'000;    // keys looked at for one SCAN
inline constexpr size_t kRespNameBytesMax = 128;       // of a client, a library
inline constexpr size_t kRespConnectionsMax = 10'000;  // with what files there are
inline constexpr int64_t kRespStrangerSeconds = 60;    // until AUTH, from connecting
inline constexpr int64_t kRespTlsHandshakeSeconds = 10;
inline constexpr int kRespThreadsMax = 64;

// Publish and subscribe, and client tracking, of the Redis protocol. `Bytes` of names.
inline constexpr size_t kRespSubscriptionsMax = 10'000;  // channels and patterns of a connection
inline constexpr size_t kRespSubscriptionBytesMax = kMiB;
inline constexpr size_t kRespSubscriptionsTotalMax = 1'000'000;
inline constexpr size_t kRespSubscriptionBytesTotalMax = 256 * kMiB;
inline constexpr size_t kRespPatternsTotalMax = 10'000;  // different ones: each message asks each
inline constexpr size_t kRespPatternBytesMax = kKiB;
inline constexpr size_t kRespMailBytesMax = 32 * kMiB;  // for one connection; then closed
inline constexpr size_t kRespMailBytesTotalMax = 512 * kMiB;
inline constexpr size_t kRespMailBytesSlow = 8 * kMiB;  // so much for so long; then closed
inline constexpr int64_t kRespMailSlowSeconds = 60;
inline constexpr size_t kRespTrackedKeysMax = 1'000'000;
inline constexpr size_t kRespTrackedBytesMax = 256 * kMiB;
inline constexpr size_t kRespTrackedPrefixesMax = 1'000;  // of a connection
inline constexpr size_t kRespTrackedPrefixesTotalMax = 10'000;

// Certificates that the server makes.
inline constexpr int64_t kCertificateTtlSecondsDefault = 90 * kDaySeconds;
inline constexpr int64_t kCertificateTtlSecondsMin = 60;
inline constexpr int64_t kCertificateTtlSecondsMax = 397 * kDaySeconds;
inline constexpr int64_t kCaTtlSeconds = int64_t{10} * 365 * kDaySeconds;
inline constexpr size_t kCsrBytesMax = 16 * kKiB;

// Identities.
inline constexpr size_t kNameBytesMax = 128;  // policies, roles, password policies
inline constexpr size_t kGrantsPerPolicyMax = 256;
inline constexpr size_t kPoliciesPerIdentityMax = 32;
inline constexpr size_t kBoundCidrsMax = 32;
inline constexpr size_t kTokenTextBytesMax = 2048;
inline constexpr int64_t kTokenTtlSecondsDefault = 3600;
inline constexpr int64_t kTokenTtlSecondsMax = 32 * kDaySeconds;
inline constexpr int kSharesMax = 255;
inline constexpr int kLockoutFailures = 100;  // of one source within kLockoutSeconds
inline constexpr int64_t kLockoutSeconds = 60;
inline constexpr size_t kLockoutSourcesMax = 65'536;
inline constexpr size_t kIdentityCacheMax = 8192;
inline constexpr size_t kTokensPurgedMax = 40;  // by one update
inline constexpr size_t kPassphraseBytesMin = 12;
inline constexpr size_t kPassphraseBytesMax = 1024;

// Generated values (bits of entropy, bytes of key).
inline constexpr int kGeneratedBitsMin = 128;
inline constexpr size_t kGeneratedBytesMax = 4096;
inline constexpr size_t kApiKeyBytesMin = 32;
inline constexpr size_t kHs256KeyBytesMin = 64;

// JSON web tokens (RFC 7519) and their keys.
inline constexpr size_t kJwsBytesMax = 8 * kKiB;  // one token, as sent
inline constexpr size_t kJwsKeyIdBytesMax = 64;
inline constexpr size_t kJsonDepthMax = 16;         // objects and arrays in each other, in a token
inline constexpr size_t kJwtStringBytesMax = 2048;  // iss, sub, jti, an audience: a SPIFFE id fits
inline constexpr size_t kJwtAudiencesMax = 16;
inline constexpr size_t kJwtPermissionsMax = 256;
inline constexpr size_t kJwtPermissionBytesMax = 128;
inline constexpr uint64_t kJwtSecondsMax = 100'000'000'000;  // the year 5138; more is milliseconds
inline constexpr int64_t kJwtLeewaySecondsDefault = 30;
inline constexpr int64_t kJwtLeewaySecondsMax = 300;
inline constexpr int64_t kJwtLifetimeSecondsDefault = 900;
inline constexpr int64_t kJwtUserSecondsMax = kDaySeconds;  // from iat to exp
inline constexpr int64_t kJwtServiceSecondsMax = 3600;
inline constexpr int64_t kJwtPublishLeadSecondsDefault = 3600;
inline constexpr int64_t kJwtPublishLeadSecondsMin = 120;
inline constexpr int64_t kJwtPublishLeadSecondsMax = 7 * kDaySeconds;
inline constexpr int64_t kJwksMaxAgeSeconds = 300;  // at most half of the lead
inline constexpr int64_t kJwtRefreshSeconds = 7 * kDaySeconds;
inline constexpr int64_t kJwtRefreshFamilySecondsMax = 90 * kDaySeconds;
inline constexpr int kJwtRefreshAccessKept = 100;  // of one family, that may still be valid
inline constexpr int kJwtRefreshPurgedMax = 40;    // by one update
inline constexpr size_t kJwtKeySetsCached = 1024;
inline constexpr int kJwtKeysTriedMax = 8;            // for a token that names no key
inline constexpr size_t kJwtKeysListedMax = 1000;     // in one published set
inline constexpr size_t kHs256ImportedBytesMin = 32;  // RFC 7518 section 3.2
inline constexpr size_t kHs256KeyBytesMax = 1024;
inline constexpr int kRsaBitsMin = 3072;  // 128-bit strength (ASVS 11.2.3)
inline constexpr int kRsaBitsMax = 4096;
inline constexpr size_t kPrivateKeyPemBytesMax = 16 * kKiB;

// The `keyturn` command.
inline constexpr size_t kPromptLineBytesMax = 16 * kKiB;  // a value typed at a prompt
inline constexpr size_t kTokenFileBytesMax = 4096;
inline constexpr size_t kSmallFileBytesMax = 64 * kKiB;  // profiles, certificates, policies
inline constexpr size_t kImportFileBytesMax = kMiB - 1;
inline constexpr size_t kImportEntriesMax = 1000;
inline constexpr size_t kTemplateBytesMax = kMiB - 1;
inline constexpr size_t kMountBytesMax = kMiB;                  // one file of `run --mount`
inline constexpr int64_t kOfflineSecondsMax = 7 * kDaySeconds;  // of `run --offline`
inline constexpr size_t kOfflineFileBytesMax = kMiB - 1;        // what it keeps, sealed

// The client's cache of secrets, and the watch that keeps it true.
inline constexpr size_t kSecretCacheEntriesMax = 1024;
inline constexpr size_t kSecretCacheBytesMax = 64 * kMiB;
inline constexpr int64_t kSecretCacheTtlSecondsDefault = 300;
inline constexpr int64_t kSecretCacheTtlSecondsMax = 3600;
inline constexpr double kSecretCacheTtlJitter = 0.1;         // of the ttl, either way
inline constexpr int64_t kSecretCacheRetryMillisMin = 1000;  // after a failed fetch, then doubled
inline constexpr int64_t kSecretCacheRetryMillisMax = 30'000;
inline constexpr int64_t kWatchRetryMillisMin = 100;
inline constexpr int64_t kWatchRetryMillisMax = 30'000;

// Audit.
inline constexpr int64_t kAuditSyncMillis = 100;
inline constexpr uint64_t kAuditSignEntries = 1024;  // a checkpoint signs at most so many
inline constexpr int64_t kAuditSignMillis = 1000;    // after the first entry that is not signed yet
inline constexpr size_t kAuditSegmentBytesMax = 16 * kMiB;
inline constexpr size_t kAuditEntryBytesMax = 16 * kKiB;
inline constexpr int kAuditRefusalsPerSecondPerSource = 10;

// Revocation index.
inline constexpr uint32_t kRevocationRegions = 1 << 18;          // each grows by itself
inline constexpr size_t kRevocationIndexBytesMax = 8192 * kMiB;  // addresses, not memory
inline constexpr size_t kRevocationSideBytesMax = 1024 * kMiB;   // of keys kept by name
inline constexpr int64_t kRevocationTtlMillisMin = 10'000;       // shorter lives are kept by name
inline constexpr size_t kRevocationGroupBytesMax = 512 * kKiB;   // one record of the log, opened
inline constexpr size_t kRevocationGroupHoursMax = 32;           // of expiry, in one group
inline constexpr size_t kRevocationWaitingBytesMax = 64 * kMiB;  // of changes not durable yet
inline constexpr int64_t kRevocationClockJumpSeconds = 300;  // forward; beyond it is not believed
inline constexpr size_t kRevocationChangeBytesMax = 640 * kKiB;  // a name with its value or member
inline constexpr size_t kRevocationGroupWritersMax = 128;       // an audit entry each, in one batch
inline constexpr size_t kRevocationReplayBytesMax = 64 * kMiB;  // of sealed records held at Load
inline constexpr size_t kRevocationDropKeysPerUpdate = 90;      // records whose hour has passed
inline constexpr size_t kRevocationDropUpdatesMax = 128;        // in one Sweep
inline constexpr size_t kRevocationChunkBytesMax =
    512 * kKiB;  // of a snapshot, but for one large key
inline constexpr size_t kRevocationSetPartBytes =
    64 * kKiB;  // of a set, in one change of a snapshot
inline constexpr int64_t kRevocationSnapshotClockBackMillis = int64_t{30} * 86'400'000;
inline constexpr size_t kRevocationCopyKeys = 4096;                    // looked at under one lock
inline constexpr int kRevocationChunksPerSweep = 32;                   // written: 16 MiB a second
inline constexpr uint64_t kRevocationSnapshotLogBytesMin = 64 * kMiB;  // of log before there is one
inline constexpr uint64_t kRevocationRecordOverhead =
    512;                                                  // what reading one costs, as if of bytes
inline constexpr uint32_t kRevocationSweepRegions = 256;  // at once: 2.5 ms at most for who changes
inline constexpr int kRevocationSweepSteps = 16;          // in one Sweep: all regions in a minute
inline constexpr size_t kRevocationSweepKeys = 256;       // of the side table, in one step
inline constexpr size_t kRevocationNameBytesMax = 2048;   // of what is revoked by a call
inline constexpr int kRevocationsPerCallMax = 1000;       // or questions, or keys taken over
inline constexpr size_t kRevocationCallBytesMax = 256 * kKiB;  // of names in one call
inline constexpr size_t kRevocationPrefixBytesMax = 64;

static_assert(kSecretValueBytesMax < kBatchBytesMax);
static_assert(kSecretValueBytesMax < kRequestBytesMax);
static_assert(2 * kSecretValueBytesMax < kArenaBytesDefault);
static_assert(2 * kSecretValueBytesMax <= kArenaBytesDefault / kReplyShareArenaDivisor);
static_assert(2 * (kRevisionWaitersMax + kWorkStreamsMax) <= kWorkerThreadsMin);
static_assert(kListPageMax <= kListSortedMax);
static_assert(kApiKeysMax <= kListScanMax);
// A key that is removed may leave a mark of the secret that it had from elsewhere.
static_assert(kApiKeyImportMax + 8 <= kBatchKeysMax && 2 * kApiKeysPerUpdate + 8 <= kBatchKeysMax);
static_assert(kPathSegmentBytesMax < kPathBytesMax);
static_assert(kWindowSecondsMin < kWindowSecondsMax && kWindowSecondsMax <= kWindowRunSecondsMax);
// A record of uses beside another that fills the batch.
static_assert(kConsumersPerSecretMax * (kConsumerNameBytesMax + 256) + kUsageBytesPerUpdate <
              kBatchBytesMax);
static_assert(2 * kUsageRecordsPerUpdate <= kBatchKeysMax);
// One batch: the records, the state, and what the audit log adds (AuditedUpdater).
static_assert(kRevocationGroupHoursMax + 8 <= kBatchKeysMax);
static_assert(kRevocationDropKeysPerUpdate + 1 <= kBatchKeysMax);
static_assert(kRevocationChangeBytesMax > kSecretValueBytesMax);
static_assert(kRevocationChangeBytesMax + 256 * kKiB < kBatchBytesMax);
static_assert(kRevocationChunkBytesMax + 256 * kKiB < kBatchBytesMax);
static_assert(kHs256ImportedBytesMin <= kHs256KeyBytesMin &&
              kHs256KeyBytesMin <= kHs256KeyBytesMax);
static_assert(2 * kJwtStringBytesMax < kJwsBytesMax);
static_assert(kRespBulkBytesMax < kRespRequestBytesMax && kRespLineBytesMax < kRespRequestBytesMax);
static_assert(kRespStrangerArgumentsMax * kRespStrangerBulkBytesMax + 2 * kRespLineBytesMax <
              kRespStrangerBytesMax);

}  // namespace keyturn::limits
