#pragma once
// Entries for the room's tests, and bytes as people can read them.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "record/entry.h"
#include "record/schema.h"

namespace rowledger::record::testing {

// A file of tests/golden/entry: hexadecimal digits; what follows a '#' in a line explains them.
inline std::string golden(std::string_view name) {
  std::ifstream in("tests/golden/entry/" + std::string(name) + ".hex");
  EXPECT_TRUE(in) << name;
  std::string digits;
  for (std::string line; std::getline(in, line);)
    for (const char c : line.substr(0, line.find('#')))
      if (c != ' ') digits += c;
  const auto bytes = from_hex(digits);
  EXPECT_TRUE(bytes) << name;
  return bytes.value_or("");
}

// One of each kind of header: everything set, and nothing that can be left out.
inline EntryHeader full_header() {
  EntryHeader header;
  header.kind = EntryKind::kUpdate;
  header.seq = {1'207};
  header.flags = kHousekeeping | kBulk;
  header.trust = Trust::kClaimed;
  header.via = Via::kApp;
  header.source = "glific";
  header.table = "public.contacts";
  header.tenant = "1";
  header.tenant_seq = 311;
  header.prev = Seq{1'000};
  header.prev_at_key = Seq{12};
  header.tx = TxIdentity{0x6a'0b'4c'11'22'33'44'55, 1, Lsn{0x16B'3748}, 3, 8'812, {1'795'426'201'123'456}, "other"};
  header.received_at = {1'795'426'201'125'011};
  for (size_t i = 0; i < header.row_ref.size(); ++i) header.row_ref[i] = static_cast<unsigned char>(0xa0 + i);
  for (size_t i = 0; i < header.actor_ref.size(); ++i) header.actor_ref[i] = static_cast<unsigned char>(0xb0 + i);
  for (size_t i = 0; i < header.commitment.size(); ++i) header.commitment[i] = static_cast<unsigned char>(0xc0 + i);
  return header;
}

inline EntryHeader minimal_header() {
  EntryHeader header;
  header.kind = EntryKind::kGap;
  header.source = "s";
  return header;
}

inline EntryBody full_body() {
  EntryBody body;
  body.key = {{"tenant", "a,b"}, {"id", "42"}};
  body.old_key = {{"tenant", "a,b"}, {"id", "41"}};
  body.subject = "public.contacts/42";
  body.attribution = {"7", "Priya", "glific", "glific_web", "10.0.0.7", R"({"request_id":"F1a2"})"};
  body.changes = {{"phone", ValueForm::kText, Value::of("919812345678"), Value::null()},
                  {"score", ValueForm::kNumber, Value::unknown(), Value::of("7")},
                  {"opted_in", ValueForm::kBool, {}, Value::of("t")},
                  {"fields", ValueForm::kJson, Value::of(R"({"a": 1.10})"), Value::of("")}};
  body.detail = R"({"reason":"x"})";
  return body;
}

inline TableSchema schema() {
  return {{3},
          {1},
          "public.contacts",
          {{"id", 20, -1, ValueForm::kText, true},
           {"name", 1043, 259, ValueForm::kText, false},
           {"active", 16, -1, ValueForm::kBool, false},
           {"fields", 3802, -1, ValueForm::kJson, false}}};
}

inline std::string encoded(const EntryHeader& header) {
  std::string out;
  encode_header(header, out);
  return out;
}
inline std::string encoded(const EntryBody& body) {
  std::string out;
  encode_body(body, out);
  return out;
}

}  // namespace rowledger::record::testing
