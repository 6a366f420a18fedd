#include "store/redo.h"

#include <cstring>

#include "base/bytes.h"

namespace rowledger::store {

namespace {
constexpr uint8_t kRedoVersion = 1;
}

// Each change carries the version: a record is their concatenation.
void append_redo(const RedoChange& change, std::string& out) {
  ByteWriter writer(out);
  writer.u8(kRedoVersion);
  writer.u8(static_cast<uint8_t>(change.image));
  writer.varint(change.table.value);
  writer.varint(change.newest.value);
  writer.varint(change.schema.value);
  writer.string(change.key);
  writer.varint(change.seal_key.value);
  if (change.image == RedoChange::Image::kLogged) writer.string(change.logged);
  if (change.image == RedoChange::Image::kFromEntries) writer.u32(change.check);
}

Result<std::vector<RedoChange>> decode_redo(std::string_view record) {
  ByteReader reader(record);
  std::vector<RedoChange> out;
  while (!reader.at_end()) {
    RedoChange change;
    if (reader.u8() != kRedoVersion) reader.fail();
    const uint8_t image = reader.u8();
    if (image > static_cast<uint8_t>(RedoChange::Image::kErased)) reader.fail();
    change.image = static_cast<RedoChange::Image>(image);
    change.table = {static_cast<uint32_t>(reader.varint())};
    change.newest = {reader.varint()};
    change.schema = {static_cast<uint32_t>(reader.varint())};
    change.key = reader.string();
    change.seal_key = {reader.varint()};
    if (change.image == RedoChange::Image::kLogged) change.logged = reader.string();
    if (change.image == RedoChange::Image::kFromEntries) change.check = reader.u32();
    out.push_back(change);
  }
  if (!reader.ok()) return fail(ErrorCode::kCorrupt, "a record of the state's redo log is malformed");
  return out;
}

uint32_t image_check(std::string_view image, uint64_t seed) {
  constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15;
  uint64_t hash = (image.size() ^ seed) * kMultiplier;
  auto step = [&hash](uint64_t word) {
    hash = (hash ^ word) * kMultiplier;
    hash ^= hash >> 32;
  };
  size_t i = 0;
  for (; i + 8 <= image.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, image.data() + i, 8);
    step(word);
  }
  uint64_t last = 0;
  std::memcpy(&last, image.data() + i, image.size() - i);
  step(last);
  return static_cast<uint32_t>(hash ^ hash >> 32);
}

bool ImageBuilder::start(const record::TableSchema& schema, std::string_view image) {
  fields_.clear();
  std::vector<record::Value> values;
  if (!record::decode_image(image, schema.columns.size(), values)) return false;
  for (size_t i = 0; i < values.size(); ++i)
    fields_.push_back({schema.columns[i].name, values[i].presence, std::string(values[i].text)});
  return true;
}

void ImageBuilder::set(std::string_view column, const record::Value& value) {
  for (Field& field : fields_) {
    if (field.name != column) continue;
    field.presence = value.presence;
    field.text = value.text;
    return;
  }
  fields_.push_back({std::string(column), value.presence, std::string(value.text)});
}

void ImageBuilder::apply(const record::Entry& entry) {
  using record::EntryKind;
  const EntryKind kind = entry.header.kind;
  if (kind == EntryKind::kInsert || kind == EntryKind::kBaseline || kind == EntryKind::kDelete) fields_.clear();
  for (const record::FieldChange& change : entry.body.changes) set(change.field, change.after);
}

std::string ImageBuilder::build(const record::TableSchema& schema) const {
  std::string out;
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    record::Value value = record::Value::unknown();
    const std::string& name = schema.columns[i].name;
    // Mostly the fields stand in the columns' order.
    if (i < fields_.size() && fields_[i].name == name) {
      value = {fields_[i].presence, fields_[i].text};
    } else {
      for (const Field& field : fields_)
        if (field.name == name) value = {field.presence, field.text};
    }
    record::append_value(out, value);
  }
  return out;
}

}  // namespace rowledger::store
