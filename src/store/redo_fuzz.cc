// Records of the redo log, rows of the state and the cursor as read from disk. The first byte says which.
#include "store/redo.h"

#include <cstdint>
#include <string>

#include "base/check.h"
#include "store/store_keys.h"

namespace rowledger::store {
namespace {

void try_redo(std::string_view bytes) {
  const auto changes = decode_redo(bytes);
  if (!changes) {
    CHECK(changes.error().code == ErrorCode::kCorrupt);
    return;
  }
  std::string once, twice;
  for (const RedoChange& change : *changes) append_redo(change, once);
  const auto again = decode_redo(once);
  CHECK(again && again->size() == changes->size());
  for (const RedoChange& change : *again) append_redo(change, twice);
  CHECK(once == twice);
}

void try_row(std::string_view bytes) {
  const auto row = decode_row(bytes);
  if (!row) return;
  std::string out(max_row_bytes(*row), '\0');
  out.resize(encode_row(*row, row->key, out.data()));
  const auto again = decode_row(out);
  CHECK(again && again->newest == row->newest && again->schema == row->schema && again->deleted == row->deleted);
  CHECK(row->deleted || row->erased || again->image == row->image);
}

void try_cursor(std::string_view bytes) {
  const auto cursor = decode_cursor(bytes);
  if (!cursor) return;
  const auto again = decode_cursor(encode_cursor(*cursor));
  CHECK(again && again->system_id == cursor->system_id && again->end_lsn == cursor->end_lsn);
}

void try_builder(std::string_view bytes) {
  static const record::TableSchema kSchema{
      {1},
      {1},
      "public.t",
      {{"a", 25, -1, record::ValueForm::kText, true}, {"b", 25, -1, record::ValueForm::kText, false}}};
  ImageBuilder builder;
  if (!builder.start(kSchema, bytes)) return;
  std::vector<record::Value> before, after;
  CHECK(record::decode_image(bytes, 2, before));
  const std::string built = builder.build(kSchema);
  CHECK(record::decode_image(built, 2, after));
  CHECK(before == after);
  CHECK(image_check(built, 1) == image_check(builder.build(kSchema), 1));
}

}  // namespace
}  // namespace rowledger::store

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rowledger::store;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0: try_redo(bytes); break;
    case 1: try_row(bytes); break;
    case 2: try_cursor(bytes); break;
    default: try_builder(bytes);
  }
  return 0;
}
