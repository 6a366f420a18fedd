#pragma once
// What is logged of the state's changes. The state itself is written without RocksDB's WAL; after a crash the
// records of the redo log bring what was persisted of it to the log's end. Images that the log's entries tell
// are not logged again: a check value tells whether the computed image is the one that was meant.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "record/entry.h"
#include "record/schema.h"
#include "store/store.h"

namespace rowledger::store {

struct RedoChange {
  enum class Image : uint8_t { kDeleted = 0, kLogged = 1, kFromEntries = 2, kErased = 3 };
  Image image = Image::kDeleted;
  TableId table;
  Seq newest;
  SchemaId schema;
  std::string_view key;
  privacy::KeyId seal_key;  // what the row's image is sealed with; none: in clear
  std::string_view logged;  // kLogged: the image, sealed as in the state
  uint32_t check = 0;       // kFromEntries: image_check of the image
};

void append_redo(const RedoChange& change, std::string& out);
// Views point into record.
Result<std::vector<RedoChange>> decode_redo(std::string_view record);

// A fast checksum against mistakes. The seed is a secret, so that it tells nothing of the image.
uint32_t image_check(std::string_view image, uint64_t seed);

// The values of a row by column name, as entries change them.
class ImageBuilder {
 public:
  // Starts from an image; without one, every column is unknown.
  [[nodiscard]] bool start(const record::TableSchema& schema, std::string_view image);
  void apply(const record::Entry& entry);
  std::string build(const record::TableSchema& schema) const;

 private:
  void set(std::string_view column, const record::Value& value);
  struct Field {
    std::string name;
    record::Presence presence;
    std::string text;
  };
  std::vector<Field> fields_;
};

}  // namespace rowledger::store
