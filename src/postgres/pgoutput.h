#pragma once
// Decoding of pgoutput messages, protocol versions 1 and 2
// (https://www.postgresql.org/docs/15/protocol-logicalrep-message-formats.html).
// Pure: bytes in, views out. Every view points into the decoded bytes. Malformed input is
// kCorrupt, never undefined behaviour: the tuples are validated here, so that iterating cannot fail.
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace rowledger::postgres {

struct TupleColumn {
  enum class Kind : char { kNull = 'n', kUnchangedToast = 'u', kText = 't', kBinary = 'b' };
  Kind kind = Kind::kNull;
  std::string_view bytes;
};

// A validated TupleData; cheap to copy, iterates without allocation.
class Tuple {
 public:
  Tuple() = default;
  Tuple(uint16_t columns, std::string_view data) : columns_(columns), data_(data) {}
  size_t columns() const { return columns_; }
  std::string_view data() const { return data_; }  // the columns' bytes, without the count

  template <class Visit>  // visit(size_t index, TupleColumn)
  void for_each(Visit&& visit) const;
  void append_to(std::vector<TupleColumn>& out) const;

 private:
  uint16_t columns_ = 0;
  std::string_view data_;
};

struct Begin {
  Lsn final_lsn;  // of the commit record
  Timestamp committed_at;
  uint32_t xid;
};
struct Commit {
  Lsn commit_lsn, end_lsn;
  Timestamp committed_at;
};
struct Origin {
  Lsn commit_lsn;
  std::string_view name;
};
struct RelationColumn {
  bool is_key;
  std::string_view name;
  uint32_t type_oid;
  int32_t type_modifier;
};
struct Relation {
  std::optional<uint32_t> xid;  // set inside a stream, as in all below
  uint32_t oid;
  std::string_view schema, name;  // schema is empty for pg_catalog
  char replica_identity;          // 'd' default, 'n' nothing, 'f' full, 'i' index
  std::vector<RelationColumn> columns;
};
struct Type {
  std::optional<uint32_t> xid;
  uint32_t oid;
  std::string_view schema, name;
};
struct Insert {
  std::optional<uint32_t> xid;
  uint32_t relation;
  Tuple after;
};
struct Update {
  std::optional<uint32_t> xid;
  uint32_t relation;
  enum class Before : char { kNone = 0, kKey = 'K', kFull = 'O' } before_kind = Before::kNone;
  Tuple before;  // under kKey a non-key column is kNull, which means absent
  Tuple after;
};
struct Delete {
  std::optional<uint32_t> xid;
  uint32_t relation;
  bool full;  // before is the whole row (REPLICA IDENTITY FULL), else the key only
  Tuple before;
};
struct Truncate {
  std::optional<uint32_t> xid;
  bool cascade, restart_identity;
  std::vector<uint32_t> relations;
};
struct LogicalMessage {
  std::optional<uint32_t> xid;
  bool transactional;
  Lsn lsn;
  std::string_view prefix, content;
};
struct StreamStart {
  uint32_t xid;
  bool first_segment;
};
struct StreamStop {};
struct StreamCommit {
  uint32_t xid;
  Lsn commit_lsn, end_lsn;
  Timestamp committed_at;
};
struct StreamAbort {
  uint32_t xid, subxid;
};

using Message = std::variant<Begin, Commit, Origin, Relation, Type, Insert, Update, Delete, Truncate, LogicalMessage,
                             StreamStart, StreamStop, StreamCommit, StreamAbort>;

// in_stream: between Stream Start and Stream Stop, where the messages carry an xid.
Result<Message> decode_pgoutput(std::string_view bytes, bool in_stream);

template <class Visit>
void Tuple::for_each(Visit&& visit) const {
  const char* at = data_.data();
  for (size_t i = 0; i < columns_; ++i) {
    const auto kind = static_cast<TupleColumn::Kind>(*at++);
    TupleColumn column{kind, {}};
    if (kind == TupleColumn::Kind::kText || kind == TupleColumn::Kind::kBinary) {
      const auto byte = [at](int i) { return static_cast<uint32_t>(static_cast<unsigned char>(at[i])); };
      const uint32_t size = byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
      at += 4;
      column.bytes = {at, size};
      at += size;
    }
    visit(i, column);
  }
}

}  // namespace rowledger::postgres
