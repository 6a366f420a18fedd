#include "record/value.h"

#include "base/bytes.h"

namespace rowledger::record {

void append_value(std::string& out, const Value& value) {
  ByteWriter writer(out);
  if (value.presence != Presence::kValue) {
    writer.varint(static_cast<uint64_t>(value.presence));
    return;
  }
  writer.varint(static_cast<uint64_t>(Presence::kValue) + value.text.size());
  writer.raw(value.text);
}

bool decode_image(std::string_view image, size_t columns, std::vector<Value>& out) {
  out.clear();
  out.reserve(columns);
  ByteReader reader(image);
  for (size_t i = 0; i < columns; ++i) {
    const uint64_t head = reader.varint();
    if (!reader.ok()) return false;
    if (head < static_cast<uint64_t>(Presence::kValue)) {
      out.push_back({static_cast<Presence>(head), {}});
    } else {
      out.push_back(Value::of(reader.raw(head - static_cast<uint64_t>(Presence::kValue))));
    }
  }
  return reader.ok() && reader.at_end();
}

std::string encode_key(const std::vector<std::string_view>& parts) {
  std::string out;
  for (std::string_view part : parts) {
    out.append(part);
    out.push_back('\0');
  }
  return out;
}

std::vector<std::string_view> decode_key(std::string_view key) {
  std::vector<std::string_view> parts;
  while (!key.empty()) {
    const size_t end = key.find('\0');
    if (end == std::string_view::npos) {
      parts.push_back(key);
      break;
    }
    parts.push_back(key.substr(0, end));
    key.remove_prefix(end + 1);
  }
  return parts;
}

}  // namespace rowledger::record
