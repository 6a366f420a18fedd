// Stored bytes must be refused or mean something; what was read is written back the same. The first byte says
// which record the rest is.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "record/entry.h"
#include "record/schema.h"

namespace rowledger::record {
namespace {

void check_inside(std::string_view part, std::string_view whole) {
  if (part.empty()) return;
  CHECK(part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void try_header(std::string_view bytes) {
  const auto header = decode_header(bytes);
  if (!header) {
    CHECK(header.error().code == ErrorCode::kCorrupt);
    return;
  }
  for (const std::string_view text : {header->source, header->table, header->tenant}) check_inside(text, bytes);
  if (header->tx) check_inside(header->tx->origin, bytes);
  (void)to_string(header->kind);
  (void)to_string(header->trust);
  (void)to_string(header->via);
  (void)header->received_at.to_string();
  std::string once, twice;
  encode_header(*header, once);
  const auto again = decode_header(once);
  CHECK(again.has_value());
  encode_header(*again, twice);
  CHECK(once == twice);
  CHECK(again->seq == header->seq && again->tx == header->tx && again->prev == header->prev &&
        again->tenant == header->tenant && again->tenant_seq == header->tenant_seq &&
        again->row_ref == header->row_ref && again->actor_ref == header->actor_ref &&
        again->commitment == header->commitment);
}

void try_body(std::string_view bytes) {
  const auto body = decode_body(bytes);
  if (!body) {
    CHECK(body.error().code == ErrorCode::kCorrupt);
    return;
  }
  for (const FieldChange& change : body->changes)
    for (const std::string_view text : {change.field, change.before.text, change.after.text}) check_inside(text, bytes);
  std::string once, twice;
  encode_body(*body, once);
  const auto again = decode_body(once);
  CHECK(again.has_value());
  CHECK(again->changes.size() == body->changes.size());
  for (size_t i = 0; i < body->changes.size(); ++i)
    CHECK(again->changes[i].before == body->changes[i].before && again->changes[i].after == body->changes[i].after);
  encode_body(*again, twice);
  CHECK(once == twice);
}

void try_schema(std::string_view bytes) {
  const auto schema = decode_schema(bytes);
  if (!schema) {
    CHECK(schema.error().code == ErrorCode::kCorrupt);
    return;
  }
  const auto again = decode_schema(encode(*schema));
  CHECK(again && again->id == schema->id && again->table_id == schema->table_id && again->same_shape(*schema));
}

void try_image(std::string_view bytes) {
  if (bytes.empty()) return;
  const size_t columns = static_cast<unsigned char>(bytes.front());
  bytes.remove_prefix(1);
  std::vector<Value> values, again;
  if (!decode_image(bytes, columns, values)) return;
  CHECK(values.size() == columns);
  std::string once;
  for (const Value& value : values) {
    check_inside(value.text, bytes);
    append_value(once, value);
  }
  CHECK(decode_image(once, columns, again) && again == values);
}

void try_key(std::string_view bytes) {
  const auto parts = decode_key(bytes);
  for (const std::string_view part : parts) check_inside(part, bytes);
  CHECK(decode_key(encode_key(parts)) == parts);
}

}  // namespace
}  // namespace rowledger::record

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rowledger::record;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0: try_header(bytes); break;
    case 1: try_body(bytes); break;
    case 2: try_schema(bytes); break;
    case 3: try_image(bytes); break;
    default: try_key(bytes);
  }
  return 0;
}
