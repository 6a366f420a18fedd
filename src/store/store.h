#pragma once
// The log, the state and the indexes behind one interface. The embedded implementation is RocksDB
// (rocksdb_store.h); no type of it appears here, so that a cluster can stand behind it later.
//
// One writer, many readers. The writer (capture, or a verb that appends a control entry) calls
// append() from one thread at a time; every const function may be called from any thread. Readers
// see an entry only once it is durable.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "ledger/tile_source.h"
#include "ledger/tree_edge.h"
#include "privacy/key_id.h"
#include "record/entry.h"
#include "record/schema.h"

namespace rowledger::store {

// ---- what the index knows of an entry -------------------------------------------------------

// Low-cardinality dimensions, kept as bitmaps.
enum class Dimension : uint8_t {
  kTable = 1,  // "public.contacts"
  kKind,       // "update"
  kField,      // "phone": each changed field's name
  kActor,      // id and, as a second term, the lower-cased name
  kVia,
  kTrust,
  kRole,
  kTenant,  // in a filter, the empty value: entries without one (answered: all)
  kFlag,    // "housekeeping", "forged", "unattributed", "bulk", "first-time", ...
  // High-cardinality ones, kept as 24-bit hashes ("tokens") under a key of the entry's tenant: a match may be false, so
  // the reader checks the entry itself. A filter that names the tenant asks for its tokens alone; another one costs a
  // little for each tenant that there is.
  kKey = 64,  // a row's key, as written in the search: "42" or "a,b"
  kSubject,
  kOldValue,  // a whole old value or one word of it, normalised (terms.h)
  kNewValue,
  kTx,       // xid in decimal
  kRequest,  // request_id of the context
  kReason,   // one word of the reason, normalised
};
constexpr bool is_token(Dimension dimension) { return dimension >= Dimension::kKey; }

struct Term {
  Dimension dimension;
  std::string value;
  bool operator==(const Term&) const = default;
};

// A filter that the index can answer: a superset of the entries that match.
struct Filter {
  enum class Op { kAll, kNone, kTerm, kAnd, kOr, kNot };
  Op op = Op::kAll;
  Term term{};                   // kTerm
  std::vector<Filter> children;  // kAnd, kOr; one child: kNot (only exact over bitmap terms: over a
                                 // token, or anything inexact, it answers kAll)
};

// A range of seqs, [begin, end).
struct SeqRange {
  Seq begin, end;
};

// ---- state ----------------------------------------------------------------------------------

// The newest known image of one row.
struct RowState {
  Seq newest;            // the row's newest entry
  bool deleted = false;  // the row is gone (deleted, truncated, or moved to another key); image is empty
  SchemaId schema;
  std::string image;     // record::decode_image with that schema
  bool erased = false;   // its values were erased: image is empty
  privacy::KeyId key{};  // what the image is sealed with in the database; set by append()
};

// ---- writing --------------------------------------------------------------------------------

// Where capture stands; stored in the same atomic write as the entries.
struct Cursor {
  uint64_t system_id = 0;
  uint32_t timeline = 0;
  Lsn end_lsn;  // every transaction whose commit ends at or before this is wholly in the log
  // A transaction of which a first part is in the log: its commit LSN, how many of its messages
  // are done, and the next entry's ordinal. Zero LSN: none.
  Lsn partial_commit_lsn;
  uint64_t partial_messages_done = 0;
  uint32_t partial_next_ordinal = 0;

  bool operator==(const Cursor&) const = default;
};

struct StateChange {
  TableId table;
  std::string key;  // record::encode_key
  RowState row;
  // A promise that makes appending cheaper: the row's image before this batch had row.schema too.
  // False is always right. See Batch::set_state.
  bool same_schema = false;
};

// What one atomic, synced write adds. Built by one thread, then handed to append().
class Batch {
 public:
  // Encodes header and body and collects the index terms. The entry's seq must be the previous
  // one's plus one. Its commitment is not known yet: append() computes it, with the salt that it chooses.
  // Returns the bytes by which the batch grew.
  size_t add(const record::Entry& entry);

  // The state as it is after the entry row.newest. Call it in the order of the entries; when one
  // batch has several entries of one row, the last one's state is enough.
  // For an update whose key did not move, image must be the row's previous image with the changes
  // of its entries since put in by column name (a column that neither has is kUnknown): after a
  // crash the store computes it so instead of logging it twice. Of all else the image is taken from
  // an insert's or a baseline's own values, or logged. An erased row stays so, with another newest entry.
  void set_state(StateChange change) { state_.push_back(std::move(change)); }
  void set_schema(record::TableSchema schema) { schemas_.push_back(std::move(schema)); }
  void set_cursor(const Cursor& cursor) { cursor_ = cursor; }
  // Free-form small values: "publication.fingerprint" and the like. An empty value deletes.
  void set_meta(std::string key, std::string value) { meta_.emplace_back(std::move(key), std::move(value)); }

  bool empty() const { return items_.empty() && state_.empty() && schemas_.empty() && !cursor_ && meta_.empty(); }
  size_t entries() const { return items_.size(); }
  size_t bytes() const { return arena_.size(); }
  void clear();

  // Collects the index terms alone, of an entry that is in the log already.
  void add_terms(const record::Entry& entry);

  struct Name {
    size_t at = 0, size = 0;  // in the arena of names
  };
  struct Item {
    Seq seq;
    Timestamp committed_at;  // tx time, else received_at
    size_t header_at = 0, header_size = 0, body_at = 0, body_size = 0, terms_at = 0, terms_count = 0;
    std::optional<uint32_t> xid;
    record::EntryKind kind;
    bool key_moved = false;
    bool expires =
        false;  // retention erases it: it is about a row, or about who read the log; not about the log itself
    Name table, tenant, subject;
  };
  struct TermRef {
    Dimension dimension;
    uint32_t at, size;  // in the arena of terms; equal `at` means equal term; the byte before is the dimension
  };
  const std::vector<Item>& items() const { return items_; }
  // Ends with the room for the commitment, zeros.
  std::string_view header(const Item& item) const { return {arena_.data() + item.header_at, item.header_size}; }
  std::string_view body(const Item& item) const { return {arena_.data() + item.body_at, item.body_size}; }
  std::string_view name(Name name) const { return std::string_view(names_).substr(name.at, name.size); }
  const std::vector<TermRef>& terms() const { return terms_; }
  std::string_view term_value(const TermRef& t) const { return {terms_arena_.data() + t.at, t.size}; }
  // The dimension's byte and the value, which is what tokens are hashes of.
  std::string_view term_bytes(const TermRef& t) const { return {terms_arena_.data() + t.at - 1, t.size + size_t{1}}; }
  std::vector<StateChange>& state() { return state_; }
  const std::vector<StateChange>& state() const { return state_; }
  const std::vector<record::TableSchema>& schemas() const { return schemas_; }
  const std::optional<Cursor>& cursor() const { return cursor_; }
  const std::vector<std::pair<std::string, std::string>>& meta() const { return meta_; }
  // Per tenant the next free tenant_seq, as advanced by the entries added.
  const std::vector<std::pair<std::string, uint64_t>>& tenants() const { return tenants_; }

 private:
  void collect_terms(const record::Entry& entry, Item& item);
  void advance_tenant(std::string_view tenant, uint64_t next);
  Name keep_name(std::string_view name, Name previous);

  std::string arena_, terms_arena_, names_;
  std::vector<Item> items_;
  std::vector<TermRef> terms_;
  std::vector<StateChange> state_;
  std::vector<record::TableSchema> schemas_;
  std::optional<Cursor> cursor_;
  std::vector<std::pair<std::string, std::string>> meta_;
  std::vector<std::pair<std::string, uint64_t>> tenants_;
  std::unordered_map<std::string, size_t> tenant_index_;
  size_t last_tenant_ = 0;
};

// Whose values something is: what they are sealed for.
struct Owner {
  std::string tenant, subject;
  auto operator<=>(const Owner&) const = default;
};

// Whose values stay though retention would erase them, and with them what is nobody's in the same tenants.
struct HeldValues {
  std::vector<Owner> owners;
  std::vector<std::string> names;  // those (Store::name_of) of whom no more is known

  bool operator==(const HeldValues&) const = default;
};

// How old values get at most (docs/privacy.md), in days of UTC. A tenant's own number wins; 0: for ever.
struct RetentionRules {
  uint32_t erase_after_days = 0;
  std::map<std::string, uint32_t, std::less<>> by_tenant;
  HeldValues held;

  bool erases() const;
  uint32_t days_of(std::string_view tenant) const;
};

// ---- the store ------------------------------------------------------------------------------

struct StoredCheckpoint {
  std::string note;
  Timestamp stored_at;
};

struct StoreStats {
  uint64_t entries = 0;
  uint64_t disk_bytes = 0;
};

class Store {
 public:
  virtual ~Store() = default;

  // Durable (fsync) when it returns success, and all or nothing. After a failure the store refuses
  // further appends until reopened, except after kIo "no space", where retrying the same batch is
  // allowed.
  virtual Status append(const Batch& batch) = 0;

  // One past the newest durable entry; 0 when empty.
  virtual Seq end() const = 0;
  // Waits until end() > seq, or the timeout, or close; returns end().
  virtual Seq wait_beyond(Seq seq, int timeout_ms) const = 0;

  virtual Result<std::optional<record::OwnedEntry>> read(Seq seq) const = 0;
  // False for what shows a part of a log only (view/): there an entry may be missing between others.
  virtual bool is_whole() const { return true; }
  // Calls visit for each entry of the range in ascending order until it returns false.
  using VisitEntry = std::function<bool(const record::OwnedEntry&)>;
  virtual Status scan(SeqRange range, const VisitEntry& visit) const = 0;
  // The same for those who follow the log as it grows, of whom there can be many: what one has read is not read again
  // for the next. Not for who wants to know what is on the disk.
  virtual Status follow(SeqRange range, const VisitEntry& visit) const { return scan(range, visit); }

  // The index works in ranges of kIndexRange consecutive seqs. Answers a superset, ascending, of the
  // matching seqs inside the range numbered `range` (entries [range * kIndexRange, ...)).
  // Values of kOldValue, kNewValue and kReason, and names of actors, are normalised here, if the caller has not.
  static constexpr uint64_t kIndexRange = 65'536;
  virtual Result<std::vector<Seq>> candidates(uint64_t range, const Filter& filter) const = 0;

  // The seqs that can hold entries committed (or, for control entries, received) in [from, to],
  // from per-bundle bounds: a superset, as one range.
  virtual Result<SeqRange> seqs_between(std::optional<Timestamp> from, std::optional<Timestamp> to) const = 0;

  // The distinct values of a bitmap dimension, newest range first, at most `limit`; for hints and coverage.
  virtual Result<std::vector<std::string>> values_of(Dimension dimension, size_t limit) const = 0;

  // For each value of a bitmap dimension, how many of `seqs` have it; those that none has are left out. The seqs are
  // ascending and all of the range numbered `range`.
  struct Tally {
    std::string value;
    uint64_t entries = 0;
  };
  virtual Result<std::vector<Tally>> tally(uint64_t range, const std::vector<Seq>& seqs, Dimension dimension) const = 0;

  virtual Result<std::optional<RowState>> row(TableId table, std::string_view key) const = 0;
  // Calls visit for those of the keys (ascending, each once) that are known, in any order. Together a row costs a
  // fraction of what row() does.
  virtual Status rows(TableId table, const std::vector<std::string_view>& keys,
                      const std::function<void(std::string_view key, RowState&& row)>& visit) const = 0;
  // Rows of a table in key order (memcmp), from `from` on, until visit returns false. Includes
  // deleted ones (row.deleted).
  virtual Status scan_rows(TableId table, std::string_view from,
                           const std::function<bool(std::string_view key, const RowState&)>& visit) const = 0;

  virtual Cursor cursor() const = 0;
  // When the log was opened, the cursor was not what a holder of its keys had written. False also where they are
  // locked.
  virtual bool cursor_altered() const = 0;
  // All versions of all tables, ascending by id.
  virtual std::vector<record::TableSchema> schemas() const = 0;
  virtual std::shared_ptr<const record::TableSchema> schema(SchemaId id) const = 0;
  virtual uint64_t next_tenant_seq(std::string_view tenant) const = 0;
  virtual Result<std::optional<std::string>> meta(std::string_view key) const = 0;

  // ---- the tree over the entries' headers (docs/format/tree.md) ----
  // Its growing side, copied: with tiles() it gives root and proofs of every size up to end().
  virtual ledger::TreeEdge tree_edge() const = 0;
  virtual const ledger::TileSource& tiles() const = 0;
  // The encoded headers, which are the tree's leaves; count of them, all inside one bundle of 256.
  virtual Result<std::vector<std::string>> headers(Seq first, uint32_t count) const = 0;
  // The last signed checkpoint, as a note, and when it was stored. set_checkpoint is durable when it returns; it may be
  // called from another thread than append(). Whether a checkpoint may be signed is the notary's to know (notary.h).
  virtual Result<std::optional<StoredCheckpoint>> checkpoint() const = 0;
  virtual Status set_checkpoint(std::string_view note) = 0;

  // ---- erasure (docs/privacy.md) ----
  // The writer, between two appends. Destroys every key that the owners' values were sealed with, for good, and
  // forgets them, so that what comes later begins with a new one. Their entries and rows read as erased when it
  // returns. Doing it again changes nothing. Returns how many keys there were.
  virtual Result<uint64_t> destroy_keys(const std::vector<Owner>& owners) = 0;
  // Any thread, one at a time. Deletes from the index what finds the subject's erased entries by their values, and sees
  // to it that the database's files do not hold it any longer. To be done again when the program ended meanwhile.
  virtual Status drop_tokens(std::string_view subject) = 0;
  // The writer, between two appends. Destroys the keys of what is as old as the rules say: called at the beginning of
  // each day, it lets no value live longer. A key goes as a whole, with all that it sealed in its period. At most so
  // many; returns which. today: days since 1970-01-01, UTC.
  virtual Result<std::vector<privacy::KeyId>> destroy_expired(const RetentionRules& rules, uint32_t today,
                                                              size_t at_most) = 0;
  // Those that it destroyed and that the log does not tell of yet, whoever stopped meanwhile. They are told when a
  // batch that does sets the meta kUntoldKeys to nothing.
  static constexpr std::string_view kUntoldKeys = "retention.untold_keys";
  virtual Result<std::vector<privacy::KeyId>> untold_keys() const = 0;
  // Any thread, one at a time with drop_tokens() and destroy_expired(). The same for what was sealed with keys that
  // destroy_expired() destroyed since.
  virtual Status drop_expired_tokens() = 0;
  // Any thread. These keys were lost: the next drop_expired_tokens() goes through the whole log. They are lost_keys()
  // until a batch that tells of them sets the meta kLostKeys to nothing.
  static constexpr std::string_view kLostKeys = "keys.lost";
  virtual Status note_lost_keys(const std::vector<privacy::KeyId>& keys) = 0;
  virtual Result<std::vector<privacy::KeyId>> lost_keys() const = 0;
  // The keys that destroy_keys() would destroy.
  virtual Result<std::vector<privacy::KeyId>> keys_of(const std::vector<Owner>& owners) const = 0;
  // What stands for the owner where he is not to be named: a keyed hash, in hexadecimal digits. An empty subject: what
  // is nobody's in that tenant.
  virtual std::string name_of(const Owner& owner) const = 0;
  // How many slots of the key files (docs/format/keys.md) the log uses: with fewer it cannot be read.
  struct KeySlots {
    uint64_t tenants = 0, subjects = 0;
    bool operator==(const KeySlots&) const = default;
  };
  virtual Result<KeySlots> key_slots() const = 0;
  // Tells of each entry of the range what its values are sealed with; nothing for those in clear. kUnavailable when the
  // keys are locked.
  virtual Status scan_keys(SeqRange range, const std::function<void(Seq, privacy::KeyId)>& visit) const = 0;
  // The entries before `end` about the subject, and whose they are, as far as its values can be read. kUnavailable when
  // the keys are locked.
  struct Trace {
    std::vector<std::string> tenants;
    uint64_t entries = 0;
  };
  virtual Result<Trace> trace_of(std::string_view subject, Seq end) const = 0;

  virtual StoreStats stats() const = 0;
};

}  // namespace rowledger::store
