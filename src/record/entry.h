#pragma once
// One record of the log. It has three parts, kept apart so that values can be sealed, moved and
// destroyed while the tree over the headers stays valid (docs/format/entry.md):
//
//   header   what the tree commits to: no personal data, keyed hashes instead
//   salt     32 bytes that nobody can guess, and that go when the values' key goes
//   body     the values: key, changes, actor, database client, context
//
// header.commitment = SHA-256("rowledger values v1" || salt || body).
//
// All strings are views into the buffers that an entry was decoded from or built over; OwnedEntry
// keeps both together.
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "record/schema.h"
#include "record/value.h"

namespace rowledger::record {

enum class EntryKind : uint8_t {
  kBaseline = 1,
  kInsert = 2,
  kUpdate = 3,
  kDelete = 4,
  kTruncate = 5,
  kSchema = 6,
  kGap = 7,
  kControl = 8,  // start, stop, configuration, publication or trigger altered, ...
  kAccess = 9,
  kAlert = 10,
  kUndo = 11,
  kErase = 12,
};
std::string_view to_string(EntryKind kind);
std::optional<EntryKind> parse_kind(std::string_view text);
// All that there are.
std::span<const EntryKind> entry_kinds();
// A row's insert, update or delete.
constexpr bool is_change(EntryKind kind) {
  return kind == EntryKind::kInsert || kind == EntryKind::kUpdate || kind == EntryKind::kDelete;
}

enum class Trust : uint8_t { kUnknown = 0, kDatabase = 1, kClaimed = 2, kVerified = 3 };
std::string_view to_string(Trust trust);

enum class Via : uint8_t { kUnknown = 0, kApp, kJob, kFlow, kImport, kTrigger, kSql, kUndo };
std::string_view to_string(Via via);
std::optional<Via> parse_via(std::string_view text);

enum Flag : uint16_t {
  kHousekeeping = 1 << 0,      // every changed column is configured as housekeeping
  kForged = 1 << 1,            // a context's HMAC was wrong
  kContextMalformed = 1 << 2,  // the context was no JSON object, or too large: kept as raw text
  kActorFromColumn = 1 << 3,   // the actor was read from a column such as updated_by
  kBulk = 1 << 4,              // one of many changes of one transaction (kBulkThreshold or more)
};
inline constexpr uint32_t kBulkThreshold = 100;  // this change's ordinal or more: bulk

// Where in PostgreSQL's history a change stands. (system_id, timeline, commit_lsn, ordinal) is
// unique: an LSN alone is not.
struct TxIdentity {
  uint64_t system_id = 0;
  uint32_t timeline = 0;
  Lsn commit_lsn;        // of the commit record
  uint32_t ordinal = 0;  // 0-based position of the entry in its transaction
  uint32_t xid = 0;
  Timestamp committed_at;
  std::string_view origin;  // replication origin, empty when local

  bool operator==(const TxIdentity&) const = default;
};

using Ref = std::array<unsigned char, 16>;  // a truncated keyed hash; zeros when there is nothing

struct EntryHeader {
  EntryKind kind = EntryKind::kControl;
  Seq seq;
  uint16_t flags = 0;
  Trust trust = Trust::kUnknown;
  Via via = Via::kUnknown;
  std::string_view source;
  std::string_view table;          // empty for control entries that concern no table
  std::string_view tenant;         // empty when the table has no tenant column
  uint64_t tenant_seq = 0;         // 0-based, per tenant, without holes; meaningful when tenant is not empty
  std::optional<Seq> prev;         // the same row's previous entry
  std::optional<Seq> prev_at_key;  // the previous entry of another row that once had this key
  std::optional<TxIdentity> tx;
  Timestamp received_at;
  Ref row_ref{};    // keyed hash of table and key
  Ref actor_ref{};  // keyed hash of the actor's id
  Digest commitment{};

  bool has(Flag flag) const { return (flags & flag) != 0; }
};

struct KeyPart {
  std::string_view column;
  std::string_view value;
};

struct FieldChange {
  std::string_view field;
  ValueForm form = ValueForm::kText;
  Value before;  // JSON's "old"
  Value after;   // JSON's "new"
  // Of an entry as somebody is shown it; never stored.
  std::string_view path{};  // where in the column's JSON the values stand (RFC 6901); empty: they are the column's
  bool masked = false;      // a value is not shown as it is
};

// Everything known about who made a change. Entries of one transaction mostly share it.
struct Attribution {
  std::string_view actor_id;
  std::string_view actor_name;
  std::string_view role;         // database role: session_user
  std::string_view application;  // application_name
  std::string_view client;       // address, or "local" for a Unix socket
  std::string_view context;      // the rest of the context as JSON object text, or raw text when malformed
  // As somebody is shown it, never stored: the table that said what the actor is called.
  std::string_view name_from{};
};

struct EntryBody {
  std::vector<KeyPart> key;
  std::vector<KeyPart> old_key;  // only when the update moved the row to another key
  std::string_view subject;      // "public.contacts/42"
  Attribution attribution;
  std::vector<FieldChange> changes;
  std::string_view detail;  // control entries: a JSON object saying what happened
};

// Why an entry's values can not be had. Its header always can.
enum class Values : uint8_t {
  kHere,
  kErased,  // their key was destroyed: who changed which fields is still known
  kLocked,  // the keys cannot be had now: nothing of the body is known
};

struct Entry {
  EntryHeader header;
  EntryBody body;
  Values values = Values::kHere;  // as read; what is written always has them
};

// Appends to out.
void encode_header(const EntryHeader& header, std::string& out);
void encode_body(const EntryBody& body, std::string& out);

Result<EntryHeader> decode_header(std::string_view bytes);
Result<EntryBody> decode_body(std::string_view bytes);

inline constexpr size_t kSaltBytes = 32;
Digest commitment_of(std::string_view salt, std::string_view body);

// An encoded header's largest size: a tlog entry's length is 16 bits (C2SP tlog-tiles).
inline constexpr size_t kMaxHeaderBytes = 65'535;

// An entry with the bytes that it views. Moves; the views stay valid.
class OwnedEntry {
 public:
  // salt: empty when the values are not here; then the body holds no value (body_parts.h).
  static Result<OwnedEntry> decode(std::string header, std::string salt, std::string body,
                                   Values values = Values::kHere);
  // The same in two steps, for whoever needs the header to get at the body; kLocked until put_body().
  static Result<OwnedEntry> of_header(std::string header);
  Status put_body(std::string salt, std::string body, Values values = Values::kHere);

  Values values() const { return entry_.values; }
  const Entry& entry() const { return entry_; }
  const EntryHeader& header() const { return entry_.header; }
  const EntryBody& body() const { return entry_.body; }
  std::string_view header_bytes() const { return *header_bytes_; }
  std::string_view salt() const { return salt_; }
  std::string_view body_bytes() const { return *body_bytes_; }

 private:
  OwnedEntry() = default;
  std::unique_ptr<const std::string> header_bytes_, body_bytes_;
  std::string salt_;
  Entry entry_;
};

}  // namespace rowledger::record
