#pragma once
// The entries of one row, newest first, along the links that each entry has to the one before. Private
// to the room.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/json.h"
#include "record/entry.h"
#include "store/store.h"

namespace rowledger::query {

// A place in a table: the key, whichever row stands there.
struct RowPlace {
  TableId table;
  std::string table_name;
  std::vector<record::TableSchema> versions;  // of the table's columns, ascending
  std::vector<std::string> key;
  std::string encoded_key;
};

// kNotFound for a table that was never captured, kInvalid for a key that does not fit it.
Result<RowPlace> find_place(const store::Store& store, std::string_view table, std::string_view key);

// What an entry did to the row at a key.
enum class Effect {
  kNone,
  kAppears,  // insert, baseline, found by a comparison: the entry has the whole row
  kArrives,  // moved here from another key
  kChanges,
  kVanishes,  // delete, or found missing: the entry has the whole row
  kLeaves,    // moved from here to another key
};
Effect effect_at(const record::Entry& entry, const std::vector<std::string>& key);

bool key_is(const std::vector<record::KeyPart>& parts, const std::vector<std::string>& key);

// The entry that a link names; kCorrupt when it is missing or not before `link_from`. Nothing where a part of a log
// ends.
Result<std::optional<record::OwnedEntry>> read_linked(const store::Store& store, Seq seq, std::optional<Seq> link_from);

// The gap entry about the same row that capture wrote directly before this one, if it did: it says that
// changes were missed between this entry and the previous one, and has no link of its own.
Result<std::optional<record::OwnedEntry>> gap_before(const store::Store& store, const record::Entry& entry);

// Walks the entries at a key: of the row that stands there and of those that stood there before.
class PlaceWalk {
 public:
  PlaceWalk(const store::Store& store, const std::vector<std::string>& key, std::optional<Seq> newest)
      : store_(store), key_(key), next_(newest) {}
  Result<std::optional<record::OwnedEntry>> next();

 private:
  const store::Store& store_;
  const std::vector<std::string>& key_;
  std::optional<Seq> next_, from_;
  std::optional<record::OwnedEntry> gap_;
};

// Walks the entries of one row, under whatever key it stood, back to where it appeared (included).
class RowWalk {
 public:
  RowWalk(const store::Store& store, Seq newest) : store_(store), next_(newest) {}
  Result<std::optional<record::OwnedEntry>> next();

 private:
  const store::Store& store_;
  std::optional<Seq> next_, from_;
  std::optional<record::OwnedEntry> gap_;
};

}  // namespace rowledger::query
