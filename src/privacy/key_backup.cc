#include "privacy/key_backup.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/bytes.h"
#include "privacy/key_ring.h"

namespace rowledger::privacy {
namespace {

constexpr std::string_view kMagic = "RLKEYBAK";
constexpr size_t kIdAt = 16, kIdBytes = 16;
constexpr size_t kBackupPieceBytes = 1 << 20;
constexpr std::string_view kKeyLabel = "rowledger keys backup v1";

// Each backup has a key of its own, so that its parts' numbers can be their nonces.
WrapKey key_of(const RecoveryKey& recovery, std::string_view header) {
  Digest key = HmacSha256(recovery.view())(kKeyLabel, header);
  WrapKey out(as_view(key));
  sodium_memzero(key.data(), key.size());
  return out;
}

Nonce nonce_of(uint64_t part) {
  Nonce nonce{};
  for (size_t i = 0; i < 8; ++i) nonce[kNonceBytes - 1 - i] = static_cast<unsigned char>(part >> (8 * i));
  return nonce;
}

tl::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::kCorrupt, fmt::format("the backup of the keys {}: take another one", what));
}

KeyFileKind file_of(PartKind kind) {
  return kind == PartKind::kTenants ? KeyFileKind::kTenants : KeyFileKind::kSubjects;
}

}  // namespace

std::string encode_part(const BackupPart& part) {
  std::string out;
  out.reserve(64 + part.slots.size());  // never moved: there are keys in it
  ByteWriter writer(out);
  writer.u8(static_cast<uint8_t>(part.kind));
  switch (part.kind) {
    case PartKind::kManifest:
      out.append(part.manifest.ring_id.data(), part.manifest.ring_id.size());
      writer.raw(part.manifest.master.view());
      writer.u64(static_cast<uint64_t>(part.manifest.made_at.us));
      writer.u64(part.manifest.tenants);
      writer.u64(part.manifest.subjects);
      break;
    case PartKind::kTenants:
    case PartKind::kSubjects:
      writer.u64(part.first_slot);
      writer.raw(part.slots);
      break;
    case PartKind::kEnd: break;
  }
  return out;
}

Result<BackupPart> decode_part(std::string_view bytes) {
  ByteReader reader(bytes);
  BackupPart part{.kind = static_cast<PartKind>(reader.u8())};
  switch (part.kind) {
    case PartKind::kManifest: {
      const std::string_view ring = reader.raw(part.manifest.ring_id.size()), master = reader.raw(kKeyBytes);
      part.manifest.made_at.us = static_cast<int64_t>(reader.u64());
      part.manifest.tenants = reader.u64();
      part.manifest.subjects = reader.u64();
      if (!reader.ok() || part.manifest.tenants > kMaxTenants || part.manifest.subjects > kMaxSubjects) break;
      std::copy(ring.begin(), ring.end(), part.manifest.ring_id.begin());
      part.manifest.master = MasterKey(master);
      if (reader.at_end()) return part;
      break;
    }
    case PartKind::kTenants:
    case PartKind::kSubjects:
      part.first_slot = reader.u64();
      part.slots = reader.rest();
      if (reader.ok() && !part.slots.empty() && part.slots.size() % slot_bytes(file_of(part.kind)) == 0) return part;
      break;
    case PartKind::kEnd:
      if (reader.ok() && reader.at_end()) return part;
      break;
  }
  return damaged("is malformed");
}

BackupWriter::BackupWriter(PrivateFile file, std::string header, const WrapKey& key)
    : file_(std::move(file)), header_(std::move(header)), key_(key) {}

Result<BackupWriter> BackupWriter::create(const std::filesystem::path& path, const RecoveryKey& recovery) {
  std::string header(kMagic);
  ByteWriter(header).u8(kBackupVersion);
  header.resize(kIdAt);
  header += random_bytes(kIdBytes);
  header.resize(kBackupHeaderBytes);
  RL_ASSIGN(PrivateFile file, PrivateFile::create(path));
  RL_TRY(file.write_at(0, header));
  const WrapKey key = key_of(recovery, header);
  BackupWriter writer(std::move(file), std::move(header), key);
  writer.offset_ = kBackupHeaderBytes;
  return writer;
}

Status BackupWriter::add(const BackupPart& part) {
  std::string plain = encode_part(part);
  CHECK(plain.size() <= kMaxPartBytes);
  std::string out;
  ByteWriter(out).u32(static_cast<uint32_t>(plain.size() + kTagBytes));
  seal(key_.view(), nonce_of(parts_++), header_, plain, out);
  digest_ = sha256(as_view(digest_), plain);
  wipe(plain);
  RL_TRY(file_.write_at(offset_, out));
  offset_ += out.size();
  return {};
}

Status BackupWriter::finish(const RecoveryKey& recovery) {
  RL_TRY(add({.kind = PartKind::kEnd}));
  RL_TRY(file_.sync());
  RL_TRY(sync_directory(file_.path().parent_path()));
  file_.drop_cached(0, 0);
  RL_ASSIGN(BackupReader reader, BackupReader::open(file_.path(), recovery));
  for (;;) {
    auto part = reader.next();
    if (!part) return fail(std::move(part.error()).with_context("reading the backup of the keys after writing it"));
    if (part->kind == PartKind::kEnd) break;
  }
  if (reader.digest() == digest_) return {};
  return fail(ErrorCode::kIo, fmt::format("{} does not hold what was written to it", file_.path().string()));
}

BackupReader::BackupReader(Source source, std::string header, const WrapKey& key)
    : source_(std::move(source)), header_(std::move(header)), key_(key) {}

Result<BackupReader> BackupReader::open(Source source, const RecoveryKey& recovery) {
  RL_ASSIGN(std::string header, source(kBackupHeaderBytes));
  if (header.size() != kBackupHeaderBytes || !header.starts_with(kMagic)) {
    return fail(ErrorCode::kCorrupt, "the file is no backup of keys");
  }
  if (const auto version = static_cast<uint8_t>(header[kMagic.size()]); version != kBackupVersion) {
    return fail(ErrorCode::kInvalid, fmt::format("the backup of the keys has format {}; this program reads format {}",
                                                 version, kBackupVersion));
  }
  const WrapKey key = key_of(recovery, header);
  return BackupReader(std::move(source), std::move(header), key);
}

Result<BackupReader> BackupReader::open(const std::filesystem::path& path, const RecoveryKey& recovery) {
  RL_ASSIGN(PrivateFile opened, PrivateFile::open_sealed(path));
  RL_ASSIGN(const uint64_t size, opened.size());
  const auto file = std::make_shared<PrivateFile>(std::move(opened));  // std::function copies what it holds
  return open(
      [file, size, at = uint64_t{0}](size_t n) mutable -> Result<std::string> {
        std::string out(std::min<uint64_t>(n, size - at), '\0');
        RL_TRY(file->read_at(at, out.data(), out.size()));
        at += out.size();
        return out;
      },
      recovery);
}

Result<BackupPart> BackupReader::next() {
  RL_ASSIGN(const std::string length, source_(4));
  const uint32_t size = ByteReader(length).u32();
  if (length.size() != 4 || size < kTagBytes || size > kMaxPartBytes + kTagBytes) return damaged("ends too early");
  RL_ASSIGN(const std::string sealed, source_(size));
  if (sealed.size() != size) return damaged("ends too early");
  wipe(part_);
  if (!unseal(key_.view(), nonce_of(parts_), header_, sealed, part_)) {
    if (parts_ > 0) return damaged("is damaged");
    return fail(ErrorCode::kPermission,
                "the recovery key is not the one that the backup of the keys was made with, or "
                "the backup is damaged at its beginning");
  }
  digest_ = sha256(as_view(digest_), part_);
  RL_ASSIGN(BackupPart part, decode_part(part_));
  if ((parts_++ == 0) != (part.kind == PartKind::kManifest)) return damaged("has its parts in the wrong order");
  const uint64_t count = part.slots.size() / slot_bytes(file_of(part.kind));
  if (part.kind == PartKind::kManifest) {
    manifest_ = part.manifest;
  } else if (part.kind == PartKind::kEnd) {
    if (next_tenant_ != manifest_.tenants || next_subject_ != manifest_.subjects) return damaged("lacks slots");
  } else {
    uint64_t& next = part.kind == PartKind::kTenants ? next_tenant_ : next_subject_;
    const bool late = part.kind == PartKind::kTenants && next_subject_ > 0;
    if (part.first_slot != next || late) return damaged("has its parts in the wrong order");
    next += count;
    if (next_tenant_ > manifest_.tenants || next_subject_ > manifest_.subjects) return damaged("has too many slots");
    if (part.kind == PartKind::kSubjects && next_tenant_ != manifest_.tenants) return damaged("lacks slots");
  }
  return part;
}

Status KeyRing::backup(const std::filesystem::path& path, const RecoveryKey& recovery) {
  RL_ASSIGN(BackupWriter writer, BackupWriter::create(path, recovery));
  const auto write = [&]() -> Status {
    uint64_t subjects = 0;
    {
      const std::lock_guard lock(writer_mutex_);
      RL_TRY(sync_locked());
      subjects = subjects_file_.slots();
      RL_TRY(writer.add({.kind = PartKind::kManifest,
                         .manifest = {.ring_id = ring_id(),
                                      .master = master_,
                                      .made_at = Timestamp::now(),
                                      .tenants = tenants_file_.slots(),
                                      .subjects = subjects}}));
      // All at once: what stands under the one master key must not be mixed with what stands under the next.
      RL_TRY(add_slots(writer, PartKind::kTenants, 0, tenants_file_.slots()));
    }
    const uint64_t step = kBackupPieceBytes / slot_bytes(KeyFileKind::kSubjects);
    for (uint64_t first = 0; first < subjects; first += step) {
      const std::lock_guard lock(writer_mutex_);  // for a piece: new keys must not wait for all of it
      RL_TRY(add_slots(writer, PartKind::kSubjects, first, std::min(step, subjects - first)));
    }
    return writer.finish(recovery);
  };
  auto written = write();
  if (!written) {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
  return written;
}

Status KeyRing::add_slots(BackupWriter& writer, PartKind kind, uint64_t first, uint64_t count) const {
  const SlotFile& file = kind == PartKind::kTenants ? tenants_file_ : subjects_file_;
  const uint64_t step = kBackupPieceBytes / slot_bytes(file_of(kind));
  std::string slots;
  for (const uint64_t end = first + count; first < end; first += step) {
    RL_TRY(file.read(first, std::min(step, end - first), slots));
    RL_TRY(writer.add({.kind = kind, .first_slot = first, .slots = slots}));
  }
  return {};
}

}  // namespace rowledger::privacy
