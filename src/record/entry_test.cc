#include "record/entry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "record/record_testing.h"

namespace rowledger::record {
namespace {

using testing::encoded;
using testing::full_body;
using testing::full_header;
using ::testing::HasSubstr;
using testing::minimal_header;

void expect_same(const EntryHeader& a, const EntryHeader& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.seq, b.seq);
  EXPECT_EQ(a.flags, b.flags);
  EXPECT_EQ(a.trust, b.trust);
  EXPECT_EQ(a.via, b.via);
  EXPECT_EQ(a.source, b.source);
  EXPECT_EQ(a.table, b.table);
  EXPECT_EQ(a.tenant, b.tenant);
  EXPECT_EQ(a.tenant_seq, b.tenant_seq);
  EXPECT_EQ(a.prev, b.prev);
  EXPECT_EQ(a.prev_at_key, b.prev_at_key);
  EXPECT_EQ(a.tx, b.tx);
  EXPECT_EQ(a.received_at, b.received_at);
  EXPECT_EQ(a.row_ref, b.row_ref);
  EXPECT_EQ(a.actor_ref, b.actor_ref);
  EXPECT_EQ(a.commitment, b.commitment);
}

void expect_same(const std::vector<KeyPart>& a, const std::vector<KeyPart>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].column, b[i].column);
    EXPECT_EQ(a[i].value, b[i].value);
  }
}

void expect_same(const EntryBody& a, const EntryBody& b) {
  expect_same(a.key, b.key);
  expect_same(a.old_key, b.old_key);
  EXPECT_EQ(a.subject, b.subject);
  EXPECT_EQ(a.attribution.actor_id, b.attribution.actor_id);
  EXPECT_EQ(a.attribution.actor_name, b.attribution.actor_name);
  EXPECT_EQ(a.attribution.role, b.attribution.role);
  EXPECT_EQ(a.attribution.application, b.attribution.application);
  EXPECT_EQ(a.attribution.client, b.attribution.client);
  EXPECT_EQ(a.attribution.context, b.attribution.context);
  ASSERT_EQ(a.changes.size(), b.changes.size());
  for (size_t i = 0; i < a.changes.size(); ++i) {
    EXPECT_EQ(a.changes[i].field, b.changes[i].field);
    EXPECT_EQ(a.changes[i].form, b.changes[i].form);
    EXPECT_EQ(a.changes[i].before, b.changes[i].before);
    EXPECT_EQ(a.changes[i].after, b.changes[i].after);
  }
  EXPECT_EQ(a.detail, b.detail);
}

TEST(EntryHeader, ComesBack) {
  for (const EntryHeader& header : {full_header(), minimal_header()}) {
    const std::string bytes = encoded(header);
    const auto decoded = decode_header(bytes);
    ASSERT_TRUE(decoded) << decoded.error().message;
    expect_same(*decoded, header);
  }
}

// Each optional part alone, so that no two of them can hide each other.
TEST(EntryHeader, EachPartAlone) {
  const EntryHeader full = full_header();
  std::vector<EntryHeader> headers(6, minimal_header());
  headers[0].prev = Seq{~uint64_t{0}};
  headers[1].prev_at_key = Seq{0};
  headers[2].tx = full.tx;
  headers[3].row_ref = full.row_ref;
  headers[4].actor_ref = full.actor_ref;
  headers[5].tenant = "t";
  for (const EntryHeader& header : headers) {
    const std::string bytes = encoded(header);
    const auto decoded = decode_header(bytes);
    ASSERT_TRUE(decoded) << decoded.error().message;
    expect_same(*decoded, header);
  }
}

TEST(EntryHeader, LargestNumbers) {
  EntryHeader header = full_header();
  header.flags = UINT16_MAX;
  header.seq = {UINT64_MAX};
  header.tenant_seq = UINT64_MAX;
  header.received_at = {INT64_MIN};
  header.tx = TxIdentity{UINT64_MAX, UINT32_MAX, Lsn{UINT64_MAX}, UINT32_MAX, UINT32_MAX, {INT64_MAX}, {}};
  const std::string bytes = encoded(header);
  const auto decoded = decode_header(bytes);
  ASSERT_TRUE(decoded) << decoded.error().message;
  expect_same(*decoded, header);
}

TEST(EntryHeader, EveryKindTrustAndVia) {
  for (uint8_t kind = 1; kind <= 12; ++kind) {
    EntryHeader header = minimal_header();
    header.kind = static_cast<EntryKind>(kind);
    header.trust = static_cast<Trust>(kind % 4);
    header.via = static_cast<Via>(kind % 8);
    const std::string bytes = encoded(header);
    const auto decoded = decode_header(bytes);
    ASSERT_TRUE(decoded);
    expect_same(*decoded, header);
  }
}

// Where the bytes stand: docs/format/entry.md.
TEST(EntryHeader, RefusesWhatItCannotMean) {
  const std::string good = encoded(full_header());
  ASSERT_TRUE(decode_header(good));
  const auto with = [&](size_t at, int value) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(value);
    return decode_header(bytes);
  };
  EXPECT_THAT(with(0, 2).error().message, HasSubstr("version"));
  for (const int kind : {0, 13, 255}) EXPECT_FALSE(with(1, kind)) << kind;
  EXPECT_FALSE(with(2, 64 | 63)) << "a part from the future";
  EXPECT_FALSE(with(4, 4)) << "trust";
  EXPECT_FALSE(with(5, 8)) << "via";
  for (const auto& result : {with(0, 2), with(1, 0), with(2, 127)}) EXPECT_EQ(result.error().code, ErrorCode::kCorrupt);
  EXPECT_FALSE(decode_header(good + '\0')) << "more than a header";
  for (size_t length = 0; length < good.size(); ++length) EXPECT_FALSE(decode_header(good.substr(0, length))) << length;
}

TEST(EntryHeader, RefusesNumbersThatDoNotFit) {
  std::string flags = encoded(minimal_header());
  flags.replace(3, 1, "\x80\x80\x04");  // 65,536
  EXPECT_FALSE(decode_header(flags));

  EntryHeader header = minimal_header();
  header.tx = TxIdentity{};
  const std::string good = encoded(header);
  const size_t timeline_at = good.size() - 32 - 1 - 8 - 4 - 1 - 8 - 1;
  ASSERT_EQ(good[timeline_at], 0);
  std::string timeline = good;
  timeline.replace(timeline_at, 1, "\x80\x80\x80\x80\x10");  // 2^32
  EXPECT_FALSE(decode_header(timeline)) << "it must not be taken for 0";
}

TEST(EntryHeader, RefusesAnEmptyTenant) {
  EntryHeader header = minimal_header();
  header.tenant = "t";
  std::string bytes = encoded(header);
  const size_t at = bytes.find("\x01t");
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at, 2, std::string(1, '\0'));
  EXPECT_FALSE(decode_header(bytes));
}

TEST(EntryHeaderDeathTest, WhatNoTileCouldHoldIsNotWritten) {
  EntryHeader header = minimal_header();
  const std::string longest(kMaxHeaderBytes - encoded(header).size() - 2, 'x');
  header.table = longest;
  const std::string bytes = encoded(header);
  EXPECT_EQ(bytes.size(), kMaxHeaderBytes);
  EXPECT_TRUE(decode_header(bytes));
  const std::string longer = longest + 'x';
  header.table = longer;
  EXPECT_DEATH(encoded(header), "broken invariant");
}

TEST(EntryBody, ComesBack) {
  for (const EntryBody& body : {full_body(), EntryBody{}}) {
    const std::string bytes = encoded(body);
    const auto decoded = decode_body(bytes);
    ASSERT_TRUE(decoded) << decoded.error().message;
    expect_same(*decoded, body);
  }
}

TEST(EntryBody, AnyBytesAreValues) {
  const std::string odd("\0\xff\n\"", 4);
  EntryBody body;
  body.changes = {{odd, ValueForm::kText, Value::of(odd), Value::of(std::string_view(odd).substr(1))}};
  const std::string bytes = encoded(body);
  const auto decoded = decode_body(bytes);
  ASSERT_TRUE(decoded);
  expect_same(*decoded, body);
}

TEST(EntryBody, AsManyColumnsAsPostgresHas) {
  EntryBody body;
  body.key.assign(1'600, {"c", "v"});
  body.changes.assign(1'600, {"c", ValueForm::kText, Value::null(), Value::of("v")});
  const std::string bytes = encoded(body);
  const auto decoded = decode_body(bytes);
  ASSERT_TRUE(decoded) << decoded.error().message;
  expect_same(*decoded, body);
}

TEST(EntryBodyDeathTest, WhatCouldNotBeReadIsNotWritten) {
  EntryBody body;
  body.key.assign(2'000, {"c", "v"});
  EXPECT_DEATH(encoded(body), "broken invariant");
  body.key.clear();
  body.changes.assign(5'000, {});
  EXPECT_DEATH(encoded(body), "broken invariant");
}

TEST(EntryBody, RefusesWhatIsMalformed) {
  const std::string good = encoded(full_body());
  for (size_t length = 0; length < good.size(); ++length) EXPECT_FALSE(decode_body(good.substr(0, length))) << length;
  EXPECT_FALSE(decode_body(good + '\0'));
  std::string version = good;
  version[0] = 2;
  EXPECT_THAT(decode_body(version).error().message, HasSubstr("version"));

  const std::string empty = encoded(EntryBody{});
  std::string form = empty;
  // One change with an empty field, form 4, absent, absent.
  form.replace(empty.size() - 2, 1, std::string("\x01\0\x04\0\0", 5));
  EXPECT_FALSE(decode_body(form));
  form.replace(empty.size(), 1, "\x03");
  EXPECT_TRUE(decode_body(form));
}

TEST(EntryBody, RefusesCountsBeforeItReservesForThem) {
  for (const size_t at : {1u, 2u}) {  // key, old key
    std::string bytes = encoded(EntryBody{});
    bytes.replace(at, 1, "\xff\xff\xff\xff\xff\xff\xff\xff\x7f");
    EXPECT_FALSE(decode_body(bytes)) << at;
  }
  std::string changes = encoded(EntryBody{});
  changes.replace(changes.size() - 2, 1, "\xff\xff\xff\xff\xff\xff\xff\xff\x7f");
  EXPECT_FALSE(decode_body(changes));
}

TEST(Entry, CommitmentBindsSaltAndBody) {
  const std::string salt(kSaltBytes, 's'), other(kSaltBytes, 't');
  EXPECT_EQ(commitment_of(salt, "body"), sha256("rowledger values v1" + salt + "body"));
  EXPECT_NE(commitment_of(salt, "body"), commitment_of(other, "body"));
  EXPECT_NE(commitment_of(salt, "body"), commitment_of(salt, "bodz"));
  EXPECT_DEATH(commitment_of("short", "body"), "broken invariant");
}

TEST(OwnedEntry, KeepsItsBytesWhenItMoves) {
  const std::string salt(kSaltBytes, 's');
  auto decoded = OwnedEntry::decode(encoded(full_header()), salt, encoded(full_body()));
  ASSERT_TRUE(decoded) << decoded.error().message;
  const OwnedEntry entry = std::move(*decoded);
  expect_same(entry.header(), full_header());
  expect_same(entry.body(), full_body());
  EXPECT_EQ(entry.header_bytes(), encoded(full_header()));
  EXPECT_EQ(entry.body_bytes(), encoded(full_body()));
  EXPECT_EQ(entry.salt(), salt);
  EXPECT_FALSE(OwnedEntry::decode("", salt, encoded(full_body())));
  EXPECT_FALSE(OwnedEntry::decode(encoded(full_header()), salt, ""));
}

TEST(EntryWords, ComeBack) {
  for (uint8_t kind = 1; kind <= 12; ++kind) {
    const auto value = static_cast<EntryKind>(kind);
    EXPECT_EQ(parse_kind(to_string(value)), value);
    EXPECT_EQ(is_change(value), kind >= 2 && kind <= 4);
  }
  for (uint8_t via = 0; via < 8; ++via) EXPECT_EQ(parse_via(to_string(static_cast<Via>(via))), static_cast<Via>(via));
  EXPECT_EQ(to_string(Trust::kVerified), "verified");
  EXPECT_EQ(parse_kind("Update"), std::nullopt);
  EXPECT_EQ(parse_via(""), std::nullopt);
}

}  // namespace
}  // namespace rowledger::record
