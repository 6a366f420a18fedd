#pragma once
// The dictionaries that values and rows are compressed with before they are sealed (privacy/shared_dictionary.h says
// why nothing in them is anybody's own). A table gets one when enough of its rows were seen, and another when its rows
// have come to look otherwise; what was written with the one before names that. So they stay as long as the log.
#include <cstdint>
#include <functional>
#include <memory>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "privacy/record_compressor.h"
#include "record/schema.h"
#include "store/row_table.h"

namespace rowledger::store {

class Database;
class Sealing;

// Any thread; adding, one at a time. What is found stays valid for as long as this.
class Dictionaries {
 public:
  // Each takes 24 KB of memory.
  static constexpr size_t kMost = 256;

  // Null when there is none.
  const privacy::RecordDictionary* find(uint32_t number) const;
  const privacy::RecordDictionary* newest_of(std::string_view table) const;
  bool full() const;

  void add(std::string_view table, std::unique_ptr<const privacy::RecordDictionary> dictionary);

 private:
  mutable std::shared_mutex mutex_;
  std::unordered_map<uint32_t, std::unique_ptr<const privacy::RecordDictionary>> by_number_;
  std::unordered_map<std::string, const privacy::RecordDictionary*> newest_;
};

// Opens what stands in the meta family as a dictionary, and adds it to those of `sealing`; passes over it when the keys
// cannot be had, for then nothing that needs it can be opened either.
Status load_dictionary(Sealing& sealing, std::string_view meta_key, std::string_view value);

// Makes them, from rows on their way to the disk. One thread at a time.
class DictionaryMaker {
 public:
  using FindSchema = std::function<std::shared_ptr<const record::TableSchema>(SchemaId)>;
  DictionaryMaker(const Database& database, Sealing& sealing, FindSchema find_schema)
      : database_(database), sealing_(sealing), find_schema_(std::move(find_schema)) {}

  // rows: some of one table, in clear, as RowTable has them. What such rows are to be compressed with, or null: a new
  // dictionary where that is worth it, durable then. Takes 40 ms when it makes one, which it does seldom; else some
  // hundred microseconds.
  Result<const privacy::RecordDictionary*> look_at(std::span<const RowTable::Row> rows);

 private:
  struct Sampled;
  // Looks to pass over before another is tried, twice as many each time that one was not worth it.
  struct Pause {
    uint32_t left = 0, next = 1;
  };
  std::vector<Sampled> sample(std::span<const RowTable::Row> rows, size_t at_most) const;
  std::string build(const std::vector<Sampled>& rows) const;
  Result<const privacy::RecordDictionary*> try_another(const std::string& table, std::span<const RowTable::Row> rows,
                                                       const privacy::RecordDictionary* current, Pause& pause) const;
  Result<const privacy::RecordDictionary*> keep(const std::string& table, std::string bytes, uint64_t per_mille) const;

  const Database& database_;
  Sealing& sealing_;
  const FindSchema find_schema_;
  std::unordered_map<std::string, Pause> pauses_;
};

}  // namespace rowledger::store
