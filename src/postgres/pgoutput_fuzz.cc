// The decoder must take any bytes. The first byte says whether the message stands inside a stream segment.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "postgres/pgoutput.h"

namespace rowledger::postgres {
namespace {

void check_inside(std::string_view part, std::string_view whole) {
  if (part.empty()) return;
  CHECK(part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_tuple(const Tuple& tuple, std::string_view whole) {
  check_inside(tuple.data(), whole);
  size_t seen = 0, bytes = 0;
  tuple.for_each([&](size_t index, TupleColumn column) {
    CHECK(index == seen++);
    check_inside(column.bytes, whole);
    const bool has_bytes = column.kind == TupleColumn::Kind::kText || column.kind == TupleColumn::Kind::kBinary;
    CHECK(has_bytes || column.bytes.empty());
    bytes += 1 + (has_bytes ? 4 + column.bytes.size() : 0);
  });
  CHECK(seen == tuple.columns());
  CHECK(bytes == tuple.data().size());
}

struct CheckViews {
  std::string_view whole;

  void operator()(const Origin& m) const { check_inside(m.name, whole); }
  void operator()(const Relation& m) const {
    check_inside(m.schema, whole);
    check_inside(m.name, whole);
    for (const auto& column : m.columns) check_inside(column.name, whole);
  }
  void operator()(const Type& m) const {
    check_inside(m.schema, whole);
    check_inside(m.name, whole);
  }
  void operator()(const Insert& m) const { check_tuple(m.after, whole); }
  void operator()(const Update& m) const {
    if (m.before_kind == Update::Before::kNone) CHECK(m.before.columns() == 0);
    check_tuple(m.before, whole);
    check_tuple(m.after, whole);
  }
  void operator()(const Delete& m) const { check_tuple(m.before, whole); }
  void operator()(const LogicalMessage& m) const {
    check_inside(m.prefix, whole);
    check_inside(m.content, whole);
  }
  template <class Other>
  void operator()(const Other&) const {}
};

}  // namespace
}  // namespace rowledger::postgres

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rowledger::postgres;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto message = decode_pgoutput(bytes, (data[0] & 1) != 0);
  if (message) {
    std::visit(CheckViews{bytes}, *message);
  } else {
    CHECK(message.error().code == rowledger::ErrorCode::kCorrupt);
  }
  return 0;
}
