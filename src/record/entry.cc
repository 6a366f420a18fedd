#include "record/entry.h"

#include <array>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"

namespace rowledger::record {
namespace {

constexpr uint8_t kHeaderVersion = 1;
constexpr uint8_t kBodyVersion = 1;
constexpr std::string_view kCommitmentLabel = "rowledger values v1";
// PostgreSQL's limit is 1,600 columns, and under REPLICA IDENTITY FULL any of them can belong to the key.
constexpr uint64_t kMaxKeyParts = 1'664;
// A table that was made anew while nobody looked differs in its old and its new columns.
constexpr uint64_t kMaxChanges = 4'096;

template <class Enum>
struct Name {
  Enum value;
  std::string_view text;
};

constexpr Name<EntryKind> kKinds[] = {
    {EntryKind::kBaseline, "baseline"}, {EntryKind::kInsert, "insert"},     {EntryKind::kUpdate, "update"},
    {EntryKind::kDelete, "delete"},     {EntryKind::kTruncate, "truncate"}, {EntryKind::kSchema, "schema"},
    {EntryKind::kGap, "gap"},           {EntryKind::kControl, "control"},   {EntryKind::kAccess, "access"},
    {EntryKind::kAlert, "alert"},       {EntryKind::kUndo, "undo"},         {EntryKind::kErase, "erase"},
};
constexpr Name<Trust> kTrusts[] = {{Trust::kUnknown, "unknown"},
                                   {Trust::kDatabase, "database"},
                                   {Trust::kClaimed, "claimed"},
                                   {Trust::kVerified, "verified"}};
constexpr Name<Via> kVias[] = {{Via::kUnknown, "unknown"}, {Via::kApp, "app"},       {Via::kJob, "job"},
                               {Via::kFlow, "flow"},       {Via::kImport, "import"}, {Via::kTrigger, "trigger"},
                               {Via::kSql, "sql"},         {Via::kUndo, "undo"}};

template <class Enum, size_t N>
std::string_view name_of(const Name<Enum> (&names)[N], Enum value) {
  for (const auto& name : names)
    if (name.value == value) return name.text;
  CHECK(!"a value outside its enumeration");
  return {};
}

template <class Enum, size_t N>
std::optional<Enum> value_of(const Name<Enum> (&names)[N], std::string_view text) {
  for (const auto& name : names)
    if (name.text == text) return name.value;
  return std::nullopt;
}

// Bits that say which optional parts of a header follow.
enum HeaderPart : uint8_t { kHasPrev = 1, kHasPrevAtKey = 2, kHasTx = 4, kHasRow = 8, kHasActor = 16, kHasTenant = 32 };

void write_ref(ByteWriter& writer, const Ref& ref) {
  writer.raw({reinterpret_cast<const char*>(ref.data()), ref.size()});
}

template <size_t N>
void read_bytes(ByteReader& reader, std::array<unsigned char, N>& out) {
  const std::string_view bytes = reader.raw(N);
  if (reader.ok()) std::memcpy(out.data(), bytes.data(), N);
}

void write_key(ByteWriter& writer, const std::vector<KeyPart>& key) {
  CHECK(key.size() <= kMaxKeyParts);
  writer.varint(key.size());
  for (const KeyPart& part : key) {
    writer.string(part.column);
    writer.string(part.value);
  }
}

void read_key(ByteReader& reader, std::vector<KeyPart>& out) {
  const uint64_t count = reader.varint();
  if (count > kMaxKeyParts) return reader.fail();
  out.reserve(count);
  for (uint64_t i = 0; i < count && reader.ok(); ++i) {
    const std::string_view column = reader.string();
    out.push_back({column, reader.string()});
  }
}

Value read_value(ByteReader& reader) {
  const uint64_t head = reader.varint();
  if (head < static_cast<uint64_t>(Presence::kValue)) return {static_cast<Presence>(head), {}};
  return Value::of(reader.raw(head - static_cast<uint64_t>(Presence::kValue)));
}

constexpr Ref kNoRef{};

}  // namespace

std::string_view to_string(EntryKind kind) { return name_of(kKinds, kind); }
std::optional<EntryKind> parse_kind(std::string_view text) { return value_of(kKinds, text); }
std::span<const EntryKind> entry_kinds() {
  static constexpr auto kAll = [] {
    std::array<EntryKind, std::size(kKinds)> out{};
    for (size_t i = 0; i < out.size(); ++i) out[i] = kKinds[i].value;
    return out;
  }();
  return kAll;
}
std::string_view to_string(Trust trust) { return name_of(kTrusts, trust); }
std::string_view to_string(Via via) { return name_of(kVias, via); }
std::optional<Via> parse_via(std::string_view text) { return value_of(kVias, text); }

void encode_header(const EntryHeader& header, std::string& out) {
  const size_t start = out.size();
  ByteWriter writer(out);
  const bool has_row = header.row_ref != kNoRef, has_actor = header.actor_ref != kNoRef;
  writer.u8(kHeaderVersion);
  writer.u8(static_cast<uint8_t>(header.kind));
  writer.u8(static_cast<uint8_t>((header.prev ? kHasPrev : 0) | (header.prev_at_key ? kHasPrevAtKey : 0) |
                                 (header.tx ? kHasTx : 0) | (has_row ? kHasRow : 0) | (has_actor ? kHasActor : 0) |
                                 (header.tenant.empty() ? 0 : kHasTenant)));
  writer.varint(header.flags);
  writer.u8(static_cast<uint8_t>(header.trust));
  writer.u8(static_cast<uint8_t>(header.via));
  writer.u64(header.seq.value);
  writer.u64(static_cast<uint64_t>(header.received_at.us));
  writer.string(header.source);
  writer.string(header.table);
  if (!header.tenant.empty()) {
    writer.string(header.tenant);
    writer.varint(header.tenant_seq);
  }
  if (header.prev) writer.varint(header.prev->value);
  if (header.prev_at_key) writer.varint(header.prev_at_key->value);
  if (const auto& tx = header.tx) {
    writer.u64(tx->system_id);
    writer.varint(tx->timeline);
    writer.u64(tx->commit_lsn.value);
    writer.varint(tx->ordinal);
    writer.u32(tx->xid);
    writer.u64(static_cast<uint64_t>(tx->committed_at.us));
    writer.string(tx->origin);
  }
  if (has_row) write_ref(writer, header.row_ref);
  if (has_actor) write_ref(writer, header.actor_ref);
  writer.raw(as_view(header.commitment));
  CHECK(out.size() - start <= kMaxHeaderBytes);
}

Result<EntryHeader> decode_header(std::string_view bytes) {
  ByteReader reader(bytes);
  EntryHeader header;
  if (bytes.size() > kMaxHeaderBytes) return fail(ErrorCode::kCorrupt, "entry header: too long");
  if (reader.u8() != kHeaderVersion) return fail(ErrorCode::kCorrupt, "entry header: unknown version");
  const uint8_t kind = reader.u8(), parts = reader.u8();
  const uint64_t flags = reader.varint();
  const uint8_t trust = reader.u8(), via = reader.u8();
  if (kind < static_cast<uint8_t>(EntryKind::kBaseline) || kind > static_cast<uint8_t>(EntryKind::kErase) ||
      trust > static_cast<uint8_t>(Trust::kVerified) || via > static_cast<uint8_t>(Via::kUndo) || flags > UINT16_MAX ||
      parts > 63)
    reader.fail();
  header.kind = static_cast<EntryKind>(kind);
  header.flags = static_cast<uint16_t>(flags);
  header.trust = static_cast<Trust>(trust);
  header.via = static_cast<Via>(via);
  header.seq = {reader.u64()};
  header.received_at = {static_cast<int64_t>(reader.u64())};
  header.source = reader.string();
  header.table = reader.string();
  if (parts & kHasTenant) {
    header.tenant = reader.string();
    header.tenant_seq = reader.varint();
    if (header.tenant.empty()) reader.fail();
  }
  if (parts & kHasPrev) header.prev = Seq{reader.varint()};
  if (parts & kHasPrevAtKey) header.prev_at_key = Seq{reader.varint()};
  if (parts & kHasTx) {
    TxIdentity tx;
    tx.system_id = reader.u64();
    tx.timeline = reader.varint32();
    tx.commit_lsn = Lsn{reader.u64()};
    tx.ordinal = reader.varint32();
    tx.xid = reader.u32();
    tx.committed_at = {static_cast<int64_t>(reader.u64())};
    tx.origin = reader.string();
    header.tx = tx;
  }
  if (parts & kHasRow) read_bytes(reader, header.row_ref);
  if (parts & kHasActor) read_bytes(reader, header.actor_ref);
  read_bytes(reader, header.commitment);
  if (!reader.ok() || !reader.at_end()) return fail(ErrorCode::kCorrupt, "entry header: malformed");
  return header;
}

void encode_body(const EntryBody& body, std::string& out) {
  ByteWriter writer(out);
  writer.u8(kBodyVersion);
  write_key(writer, body.key);
  write_key(writer, body.old_key);
  writer.string(body.subject);
  const Attribution& who = body.attribution;
  for (std::string_view text : {who.actor_id, who.actor_name, who.role, who.application, who.client, who.context})
    writer.string(text);
  CHECK(body.changes.size() <= kMaxChanges);
  writer.varint(body.changes.size());
  for (const FieldChange& change : body.changes) {
    writer.string(change.field);
    writer.u8(static_cast<uint8_t>(change.form));
    append_value(out, change.before);
    append_value(out, change.after);
  }
  writer.string(body.detail);
}

Result<EntryBody> decode_body(std::string_view bytes) {
  ByteReader reader(bytes);
  EntryBody body;
  if (reader.u8() != kBodyVersion) return fail(ErrorCode::kCorrupt, "entry body: unknown version");
  read_key(reader, body.key);
  read_key(reader, body.old_key);
  body.subject = reader.string();
  Attribution& who = body.attribution;
  for (std::string_view* text :
       {&who.actor_id, &who.actor_name, &who.role, &who.application, &who.client, &who.context})
    *text = reader.string();
  const uint64_t count = reader.varint();
  if (count > kMaxChanges) reader.fail();
  for (uint64_t i = 0; i < count && reader.ok(); ++i) {
    FieldChange change;
    change.field = reader.string();
    const uint8_t form = reader.u8();
    if (form > static_cast<uint8_t>(ValueForm::kJson)) reader.fail();
    change.form = static_cast<ValueForm>(form);
    change.before = read_value(reader);
    change.after = read_value(reader);
    body.changes.push_back(change);
  }
  body.detail = reader.string();
  if (!reader.ok() || !reader.at_end()) return fail(ErrorCode::kCorrupt, "entry body: malformed");
  return body;
}

Digest commitment_of(std::string_view salt, std::string_view body) {
  CHECK(salt.size() == kSaltBytes);
  return sha256(kCommitmentLabel, salt, body);
}

Result<OwnedEntry> OwnedEntry::of_header(std::string header) {
  OwnedEntry out;
  out.header_bytes_ = std::make_unique<const std::string>(std::move(header));
  out.body_bytes_ = std::make_unique<const std::string>();
  out.entry_.values = Values::kLocked;
  RL_ASSIGN(out.entry_.header, decode_header(*out.header_bytes_));
  return out;
}

Status OwnedEntry::put_body(std::string salt, std::string body, Values values) {
  body_bytes_ = std::make_unique<const std::string>(std::move(body));
  salt_ = std::move(salt);
  entry_.values = values;
  if (values == Values::kLocked) return {};
  RL_ASSIGN(entry_.body, decode_body(*body_bytes_));
  return {};
}

Result<OwnedEntry> OwnedEntry::decode(std::string header, std::string salt, std::string body, Values values) {
  RL_ASSIGN(OwnedEntry out, of_header(std::move(header)));
  RL_TRY(out.put_body(std::move(salt), std::move(body), values));
  return out;
}

}  // namespace rowledger::record
