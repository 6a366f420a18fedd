#include "postgres/pgoutput.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <limits>

namespace rowledger::postgres {
namespace {

// MaxHeapAttributeNumber: no table has more columns.
constexpr uint16_t kMaxColumns = 1600;
constexpr char kNoNewRow[] = "the new row ('N') is missing";

template <class Int>
Int big_endian(const char* at) {
  Int value;
  std::memcpy(&value, at, sizeof value);
  if constexpr (std::endian::native == std::endian::big || sizeof(Int) == 1) return value;
  if constexpr (sizeof(Int) == 2) return __builtin_bswap16(value);
  if constexpr (sizeof(Int) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(Int) == 8) return __builtin_bswap64(value);
}

// Reads fields one after the other. The first failure sticks, with the place where it happened; what is
// read after it is zero or empty, so that a message is checked once, at its end.
class Parser {
 public:
  explicit Parser(std::string_view bytes) : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {}

  bool ok() const { return reason_ == nullptr; }
  const char* reason() const { return reason_; }
  size_t failed_at() const { return failed_at_; }
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }

  void fail(const char* reason) { fail_at(at_, reason); }

  uint8_t u8() { return fixed<uint8_t>(); }
  uint16_t u16() { return fixed<uint16_t>(); }
  uint32_t u32() { return fixed<uint32_t>(); }
  uint64_t u64() { return fixed<uint64_t>(); }
  Lsn lsn() { return Lsn{u64()}; }

  char one_of(std::string_view allowed, const char* reason) {
    const char* const start = at_;
    const char value = static_cast<char>(u8());
    if (allowed.find(value) == std::string_view::npos) [[unlikely]]
      fail_at(start, reason);
    return value;
  }

  uint32_t xid() {
    const char* const start = at_;
    const uint32_t xid = u32();
    if (xid == 0) [[unlikely]]
      fail_at(start, "a transaction id is zero");
    return xid;
  }
  std::optional<uint32_t> xid_if(bool in_stream) { return in_stream ? std::optional(xid()) : std::nullopt; }

  Timestamp timestamp() {
    const char* const start = at_;
    const auto us = static_cast<int64_t>(u64());
    if (us > std::numeric_limits<int64_t>::max() - Timestamp::kPostgresEpochUs) {
      fail_at(start, "a time is out of range");
      return {};
    }
    return Timestamp::from_postgres(us);
  }

  std::string_view text() {
    const void* zero = at_ == end_ ? nullptr : std::memchr(at_, 0, remaining());
    if (!zero) {
      fail("a text has no terminating zero");
      return {};
    }
    const std::string_view out(at_, static_cast<size_t>(static_cast<const char*>(zero) - at_));
    at_ += out.size() + 1;
    return out;
  }

  std::string_view raw(size_t size) {
    if (size > remaining()) {
      fail("a length goes past the end of the message");
      return {};
    }
    const std::string_view out(at_, size);
    at_ += size;
    return out;
  }

  Tuple tuple() {
    const char* const start = at_;
    const uint16_t columns = u16();
    if (columns > kMaxColumns) [[unlikely]]
      fail_at(start, "a row has more than 1600 columns");
    if (!ok()) return {};
    const char* const first = at_;
    for (unsigned i = 0; i < columns; ++i) {
      if (!skip_column()) return {};
    }
    return Tuple(columns, {first, static_cast<size_t>(at_ - first)});
  }

 private:
  template <class Int>
  Int fixed() {
    if (remaining() < sizeof(Int)) [[unlikely]] {
      fail("the message ends early");
      return 0;
    }
    const Int value = big_endian<Int>(at_);
    at_ += sizeof(Int);
    return value;
  }

  bool skip_column() {
    if (at_ == end_) [[unlikely]] {
      fail("the message ends inside a row");
      return false;
    }
    switch (static_cast<TupleColumn::Kind>(*at_)) {
      case TupleColumn::Kind::kNull:
      case TupleColumn::Kind::kUnchangedToast: ++at_; return true;
      case TupleColumn::Kind::kText:
      case TupleColumn::Kind::kBinary: break;
      default: fail("a column has an unknown kind"); return false;
    }
    ++at_;
    if (remaining() < 4 || big_endian<uint32_t>(at_) > remaining() - 4) [[unlikely]] {
      fail("a column's length goes past the end of the message");
      return false;
    }
    at_ += 4 + size_t{big_endian<uint32_t>(at_)};
    return true;
  }

  void fail_at(const char* at, const char* reason) {
    if (!ok()) return;
    reason_ = reason;
    failed_at_ = static_cast<size_t>(at - begin_);
    at_ = end_;
  }

  const char* const begin_;
  const char* at_;
  const char* const end_;
  const char* reason_ = nullptr;
  size_t failed_at_ = 0;
};

Begin read_begin(Parser& in) {
  Begin out;
  out.final_lsn = in.lsn();
  out.committed_at = in.timestamp();
  out.xid = in.xid();
  return out;
}

void read_commit_flags(Parser& in) { in.one_of({"\0", 1}, "a commit has unknown flags"); }

Commit read_commit(Parser& in) {
  read_commit_flags(in);
  Commit out;
  out.commit_lsn = in.lsn();
  out.end_lsn = in.lsn();
  out.committed_at = in.timestamp();
  return out;
}

Origin read_origin(Parser& in) {
  Origin out;
  out.commit_lsn = in.lsn();
  out.name = in.text();
  return out;
}

Relation read_relation(Parser& in, bool in_stream) {
  Relation out;
  out.xid = in.xid_if(in_stream);
  out.oid = in.u32();
  out.schema = in.text();
  out.name = in.text();
  out.replica_identity = in.one_of("dnfi", "a table has an unknown replica identity");
  const uint16_t columns = in.u16();
  // A column takes at least ten bytes: the count is checked before memory is taken for it.
  if (columns > kMaxColumns || columns > in.remaining() / 10) in.fail("the message is too short for its columns");
  if (!in.ok()) return out;
  out.columns.reserve(columns);
  for (unsigned i = 0; i < columns && in.ok(); ++i) {
    RelationColumn column;
    column.is_key = (in.u8() & 1) != 0;
    column.name = in.text();
    column.type_oid = in.u32();
    column.type_modifier = static_cast<int32_t>(in.u32());
    out.columns.push_back(column);
  }
  return out;
}

Type read_type(Parser& in, bool in_stream) {
  Type out;
  out.xid = in.xid_if(in_stream);
  out.oid = in.u32();
  out.schema = in.text();
  out.name = in.text();
  return out;
}

Insert read_insert(Parser& in, bool in_stream) {
  Insert out;
  out.xid = in.xid_if(in_stream);
  out.relation = in.u32();
  in.one_of("N", kNoNewRow);
  out.after = in.tuple();
  return out;
}

Update read_update(Parser& in, bool in_stream) {
  Update out;
  out.xid = in.xid_if(in_stream);
  out.relation = in.u32();
  const char part = in.one_of("KON", kNoNewRow);
  if (part == 'K' || part == 'O') {
    out.before_kind = static_cast<Update::Before>(part);
    out.before = in.tuple();
    in.one_of("N", kNoNewRow);
  }
  out.after = in.tuple();
  return out;
}

Delete read_delete(Parser& in, bool in_stream) {
  Delete out;
  out.xid = in.xid_if(in_stream);
  out.relation = in.u32();
  out.full = in.one_of("KO", "the old row ('K' or 'O') is missing") == 'O';
  out.before = in.tuple();
  return out;
}

Truncate read_truncate(Parser& in, bool in_stream) {
  Truncate out;
  out.xid = in.xid_if(in_stream);
  const uint32_t relations = in.u32();
  const uint8_t flags = in.u8();
  out.cascade = (flags & 1) != 0;
  out.restart_identity = (flags & 2) != 0;
  if (relations > in.remaining() / 4) in.fail("the message is too short for its tables");
  if (!in.ok()) return out;
  out.relations.reserve(relations);
  for (uint32_t i = 0; i < relations; ++i) out.relations.push_back(in.u32());
  return out;
}

LogicalMessage read_logical_message(Parser& in, bool in_stream) {
  LogicalMessage out;
  out.xid = in.xid_if(in_stream);
  out.transactional = (in.u8() & 1) != 0;
  out.lsn = in.lsn();
  out.prefix = in.text();
  out.content = in.raw(in.u32());
  return out;
}

StreamStart read_stream_start(Parser& in) {
  StreamStart out;
  out.xid = in.xid();
  out.first_segment = in.u8() == 1;
  return out;
}

StreamCommit read_stream_commit(Parser& in) {
  StreamCommit out;
  out.xid = in.xid();
  read_commit_flags(in);
  out.commit_lsn = in.lsn();
  out.end_lsn = in.lsn();
  out.committed_at = in.timestamp();
  return out;
}

StreamAbort read_stream_abort(Parser& in) {
  StreamAbort out;
  out.xid = in.xid();
  out.subxid = in.xid();
  return out;
}

std::string_view type_name(char type) {
  switch (type) {
    case 'B': return "Begin";
    case 'C': return "Commit";
    case 'O': return "Origin";
    case 'R': return "Relation";
    case 'Y': return "Type";
    case 'I': return "Insert";
    case 'U': return "Update";
    case 'D': return "Delete";
    case 'T': return "Truncate";
    case 'M': return "Message";
    case 'S': return "Stream Start";
    case 'E': return "Stream Stop";
    case 'c': return "Stream Commit";
    case 'A': return "Stream Abort";
    default: return {};
  }
}

tl::unexpected<Error> corrupt(std::string_view bytes, size_t at, std::string_view reason) {
  std::string type = "an empty pgoutput message";
  if (!bytes.empty()) {
    const std::string_view name = type_name(bytes[0]);
    const auto code = static_cast<unsigned char>(bytes[0]);
    type = name.empty() ? fmt::format("a pgoutput message of unknown type 0x{:02x}", code)
                        : fmt::format("a pgoutput {} message ('{}')", name, bytes[0]);
  }
  return fail(
      ErrorCode::kCorrupt,
      fmt::format("{} is malformed at byte {} of {}: {}. Nothing of it was used; reconnect to receive it again, "
                  "and if it stays so, check that nothing between here and PostgreSQL alters the connection",
                  type, at, bytes.size(), reason));
}

// These end or begin a transaction or a stream segment, or belong to a transaction that is not in
// progress; 'E' is the other way round.
bool in_place(char type, bool in_stream) {
  switch (type) {
    case 'B':
    case 'C':
    case 'S':
    case 'c':
    case 'A': return !in_stream;
    case 'E': return in_stream;
    default: return true;
  }
}

template <class Body>
Result<Message> finish(std::string_view bytes, Parser& in, Body&& body) {
  if (in.ok() && in.remaining() != 0) [[unlikely]]
    in.fail("the message should end here");
  // The parser does not see the type byte.
  if (!in.ok()) [[unlikely]]
    return corrupt(bytes, in.failed_at() + 1, in.reason());
  return Message(std::forward<Body>(body));
}

}  // namespace

Result<Message> decode_pgoutput(std::string_view bytes, bool in_stream) {
  if (bytes.empty()) return corrupt(bytes, 0, "it has no type");
  const char type = bytes[0];
  if (!in_place(type, in_stream)) {
    return corrupt(bytes, 0,
                   in_stream ? "it cannot stand inside a stream segment" : "there is no stream segment to end");
  }
  Parser in(bytes.substr(1));
  switch (type) {
    case 'B': return finish(bytes, in, read_begin(in));
    case 'C': return finish(bytes, in, read_commit(in));
    case 'O': return finish(bytes, in, read_origin(in));
    case 'R': return finish(bytes, in, read_relation(in, in_stream));
    case 'Y': return finish(bytes, in, read_type(in, in_stream));
    case 'I': return finish(bytes, in, read_insert(in, in_stream));
    case 'U': return finish(bytes, in, read_update(in, in_stream));
    case 'D': return finish(bytes, in, read_delete(in, in_stream));
    case 'T': return finish(bytes, in, read_truncate(in, in_stream));
    case 'M': return finish(bytes, in, read_logical_message(in, in_stream));
    case 'S': return finish(bytes, in, read_stream_start(in));
    case 'E': return finish(bytes, in, StreamStop{});
    case 'c': return finish(bytes, in, read_stream_commit(in));
    case 'A': return finish(bytes, in, read_stream_abort(in));
    default: return corrupt(bytes, 0, "this version does not know the type");
  }
}

void Tuple::append_to(std::vector<TupleColumn>& out) const {
  out.reserve(out.size() + columns_);
  for_each([&](size_t, TupleColumn column) { out.push_back(column); });
}

}  // namespace rowledger::postgres
