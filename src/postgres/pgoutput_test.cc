#include "postgres/pgoutput.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "base/bytes.h"

namespace rowledger::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = TupleColumn::Kind;

// Messages written by hand, as the protocol's page describes them.
class Bytes {
 public:
  explicit Bytes(char type) { c(type); }
  Bytes& u8(uint8_t v) { return out().u8(v), *this; }
  Bytes& c(char v) { return u8(static_cast<uint8_t>(v)); }
  Bytes& u16(uint16_t v) { return out().u16(v), *this; }
  Bytes& u32(uint32_t v) { return out().u32(v), *this; }
  Bytes& u64(uint64_t v) { return out().u64(v), *this; }
  Bytes& raw(std::string_view v) { return out().raw(v), *this; }
  Bytes& text(std::string_view v) { return raw(v).u8(0); }
  Bytes& value(char kind, std::string_view v) { return c(kind).u32(static_cast<uint32_t>(v.size())).raw(v); }
  Bytes& xid_if(bool in_stream) { return in_stream ? u32(700) : *this; }
  operator std::string() const { return bytes_; }  // NOLINT: stands for the message

 private:
  ByteWriter out() { return ByteWriter(bytes_); }
  std::string bytes_;
};

template <class T>
T decode(const std::string& bytes, bool in_stream = false) {
  auto message = decode_pgoutput(bytes, in_stream);
  if (!message) {
    ADD_FAILURE() << message.error().message;
    return {};
  }
  T* const out = std::get_if<T>(&*message);
  if (!out) {
    ADD_FAILURE() << "another kind of message, number " << message->index();
    return {};
  }
  return std::move(*out);
}

std::vector<std::pair<char, std::string>> columns_of(const Tuple& tuple) {
  std::vector<std::pair<char, std::string>> out;
  tuple.for_each([&](size_t index, TupleColumn column) {
    EXPECT_EQ(index, out.size());
    out.emplace_back(static_cast<char>(column.kind), column.bytes);
  });
  return out;
}

std::string error_of(const std::string& bytes, bool in_stream = false) {
  auto message = decode_pgoutput(bytes, in_stream);
  if (message) return "(no error)";
  EXPECT_EQ(message.error().code, ErrorCode::kCorrupt);
  return message.error().message;
}

Bytes insert_of_each_kind(bool in_stream) {
  return Bytes('I').xid_if(in_stream).u32(16385).c('N').u16(4).value('t', "Asha").c('n').c('u').value('b', {"\0\1", 2});
}
Bytes relation_message(bool in_stream) {
  return Bytes('R')
      .xid_if(in_stream)
      .u32(16385)
      .text("public")
      .text("contacts")
      .c('d')
      .u16(2)
      .u8(1)
      .text("id")
      .u32(20)
      .u32(0xffffffff)
      .u8(0)
      .text("name")
      .u32(1043)
      .u32(44);
}
Bytes truncate_message(bool in_stream) { return Bytes('T').xid_if(in_stream).u32(2).u8(3).u32(16385).u32(16390); }
Bytes logical_message(bool in_stream) {
  return Bytes('M').xid_if(in_stream).u8(1).u64(0x100).text("rowledger").u32(2).raw("{}");
}
Bytes update_message(bool in_stream, char before) {
  Bytes out = Bytes('U').xid_if(in_stream).u32(16385);
  if (before) out.c(before).u16(2).value('t', "1").c('n');
  return out.c('N').u16(2).value('t', "2").c('u');
}
Bytes delete_message(bool in_stream, char before) {
  return Bytes('D').xid_if(in_stream).u32(16385).c(before).u16(2).value('t', "1").c('n');
}
Bytes begin_message() { return Bytes('B').u64(0x16B374D848).u64(1'000'000).u32(777); }
Bytes commit_message() { return Bytes('C').u8(0).u64(0x10).u64(0x40).u64(2'000'000); }
Bytes stream_commit_message() { return Bytes('c').u32(700).u8(0).u64(0x10).u64(0x40).u64(3'000'000); }

struct Sample {
  std::string bytes;
  bool in_stream;
};
// Each message in each place where it may stand.
std::vector<Sample> samples() {
  std::vector<Sample> out = {{begin_message(), false},           {commit_message(), false},
                             {Bytes('S').u32(700).u8(1), false}, {Bytes('E'), true},
                             {stream_commit_message(), false},   {Bytes('A').u32(700).u32(701), false}};
  for (const bool in : {false, true}) {
    out.push_back({Bytes('O').u64(0x99).text("far"), in});
    out.push_back({Bytes('Y').xid_if(in).u32(16400).text("public").text("mood"), in});
    out.push_back({relation_message(in), in});
    out.push_back({insert_of_each_kind(in), in});
    for (const char before : {'\0', 'K', 'O'}) out.push_back({update_message(in, before), in});
    for (const char before : {'K', 'O'}) out.push_back({delete_message(in, before), in});
    out.push_back({truncate_message(in), in});
    out.push_back({logical_message(in), in});
  }
  return out;
}

TEST(Pgoutput, BeginAndCommit) {
  const auto begin = decode<Begin>(begin_message());
  EXPECT_EQ(begin.final_lsn.to_string(), "16/B374D848");
  EXPECT_EQ(begin.committed_at.to_string(), "2000-01-01T00:00:01.000000Z");
  EXPECT_EQ(begin.xid, 777u);
  const auto commit = decode<Commit>(commit_message());
  EXPECT_EQ(commit.commit_lsn.value, 0x10u);
  EXPECT_EQ(commit.end_lsn.value, 0x40u);
  EXPECT_EQ(commit.committed_at.to_postgres(), 2'000'000);
}

TEST(Pgoutput, Origin) {
  for (const bool in_stream : {false, true}) {
    const std::string bytes = Bytes('O').u64(0x99).text("far");
    const auto origin = decode<Origin>(bytes, in_stream);
    EXPECT_EQ(origin.commit_lsn.value, 0x99u);
    EXPECT_EQ(origin.name, "far");
  }
}

TEST(Pgoutput, RelationWithItsColumns) {
  for (const bool in_stream : {false, true}) {
    const std::string bytes = relation_message(in_stream);
    const auto relation = decode<Relation>(bytes, in_stream);
    EXPECT_EQ(relation.xid, in_stream ? std::optional<uint32_t>(700) : std::nullopt);
    EXPECT_EQ(relation.oid, 16385u);
    EXPECT_EQ(relation.schema, "public");
    EXPECT_EQ(relation.name, "contacts");
    EXPECT_EQ(relation.replica_identity, 'd');
    ASSERT_EQ(relation.columns.size(), 2u);
    EXPECT_TRUE(relation.columns[0].is_key);
    EXPECT_EQ(relation.columns[0].name, "id");
    EXPECT_EQ(relation.columns[0].type_modifier, -1);
    EXPECT_FALSE(relation.columns[1].is_key);
    EXPECT_EQ(relation.columns[1].type_oid, 1043u);
    EXPECT_EQ(relation.columns[1].type_modifier, 44);
  }
}

TEST(Pgoutput, Type) {
  const std::string bytes = Bytes('Y').u32(700).u32(16400).text("").text("mood");
  const auto type = decode<Type>(bytes, true);
  EXPECT_EQ(type.xid, 700u);
  EXPECT_EQ(type.oid, 16400u);
  EXPECT_EQ(type.schema, "");
  EXPECT_EQ(type.name, "mood");
}

TEST(Pgoutput, InsertWithEachKindOfColumn) {
  for (const bool in_stream : {false, true}) {
    const std::string bytes = insert_of_each_kind(in_stream);
    const auto insert = decode<Insert>(bytes, in_stream);
    EXPECT_EQ(insert.xid.has_value(), in_stream);
    EXPECT_EQ(insert.relation, 16385u);
    const auto expected = ElementsAre(std::pair('t', "Asha"), std::pair('n', ""), std::pair('u', ""),
                                      std::pair('b', std::string("\0\1", 2)));
    EXPECT_THAT(columns_of(insert.after), expected);
    std::vector<TupleColumn> appended(1);
    insert.after.append_to(appended);
    ASSERT_EQ(appended.size(), 5u);
    EXPECT_EQ(appended[1].bytes, "Asha");
    EXPECT_EQ(appended[3].kind, Kind::kUnchangedToast);
  }
}

TEST(Pgoutput, UpdateInItsThreeShapes) {
  for (const bool in_stream : {false, true}) {
    for (const char before : {'\0', 'K', 'O'}) {
      const std::string bytes = update_message(in_stream, before);
      const auto update = decode<Update>(bytes, in_stream);
      EXPECT_EQ(update.xid.has_value(), in_stream);
      EXPECT_EQ(static_cast<char>(update.before_kind), before);
      EXPECT_THAT(columns_of(update.after), ElementsAre(std::pair('t', "2"), std::pair('u', "")));
      if (before) {
        EXPECT_THAT(columns_of(update.before), ElementsAre(std::pair('t', "1"), std::pair('n', "")));
      } else {
        EXPECT_EQ(update.before.columns(), 0u);
      }
    }
  }
}

TEST(Pgoutput, DeleteByKeyAndInFull) {
  for (const char before : {'K', 'O'}) {
    const std::string bytes = delete_message(true, before);
    const auto removal = decode<Delete>(bytes, true);
    EXPECT_EQ(removal.full, before == 'O');
    EXPECT_EQ(removal.xid, 700u);
    EXPECT_THAT(columns_of(removal.before), ElementsAre(std::pair('t', "1"), std::pair('n', "")));
  }
}

TEST(Pgoutput, TruncateOfSeveralTables) {
  const auto truncate = decode<Truncate>(truncate_message(true), true);
  EXPECT_TRUE(truncate.cascade);
  EXPECT_TRUE(truncate.restart_identity);
  EXPECT_THAT(truncate.relations, ElementsAre(16385u, 16390u));
  EXPECT_FALSE(decode<Truncate>(Bytes('T').u32(1).u8(2).u32(5)).cascade);
  EXPECT_FALSE(decode<Truncate>(Bytes('T').u32(1).u8(1).u32(5)).restart_identity);
}

TEST(Pgoutput, LogicalMessage) {
  const std::string bytes = Bytes('M').u8(0).u64(0x100).text("p").u32(3).raw({"a\0b", 3});
  const auto message = decode<LogicalMessage>(bytes);
  EXPECT_FALSE(message.transactional);
  EXPECT_EQ(message.lsn.value, 0x100u);
  EXPECT_EQ(message.prefix, "p");
  EXPECT_EQ(message.content, std::string_view("a\0b", 3));
  const std::string streamed = logical_message(true);
  EXPECT_EQ(decode<LogicalMessage>(streamed, true).xid, 700u);
  EXPECT_TRUE(decode<LogicalMessage>(streamed, true).transactional);
}

TEST(Pgoutput, StreamControl) {
  EXPECT_TRUE(decode<StreamStart>(Bytes('S').u32(700).u8(1)).first_segment);
  EXPECT_FALSE(decode<StreamStart>(Bytes('S').u32(700).u8(0)).first_segment);
  decode<StreamStop>(Bytes('E'), true);
  const auto commit = decode<StreamCommit>(stream_commit_message());
  EXPECT_EQ(commit.xid, 700u);
  EXPECT_EQ(commit.commit_lsn.value, 0x10u);
  EXPECT_EQ(commit.end_lsn.value, 0x40u);
  const auto abort = decode<StreamAbort>(Bytes('A').u32(700).u32(701));
  EXPECT_EQ(abort.xid, 700u);
  EXPECT_EQ(abort.subxid, 701u);
}

TEST(Pgoutput, EveryTruncationIsCorrupt) {
  for (const auto& [bytes, in_stream] : samples()) {
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_NE(error_of(bytes.substr(0, size), in_stream), "(no error)") << bytes[0] << " cut at " << size;
    }
  }
}

TEST(Pgoutput, TrailingBytesAreCorrupt) {
  for (const auto& [bytes, in_stream] : samples()) {
    EXPECT_THAT(error_of(bytes + '\0', in_stream),
                HasSubstr("byte " + std::to_string(bytes.size()) + " of " + std::to_string(bytes.size() + 1)));
  }
}

TEST(Pgoutput, FlippedBytesNeverReachOutsideTheMessage) {
  std::mt19937 random(1);
  size_t refused = 0;
  for (const auto& [bytes, in_stream] : samples()) {
    for (int round = 0; round < 2000; ++round) {
      std::string damaged = bytes;
      for (int flips = 1 + static_cast<int>(random() % 3); flips-- > 0;) {
        damaged[random() % damaged.size()] ^= static_cast<char>(1u << random() % 8);
      }
      const auto message = decode_pgoutput(damaged, in_stream);
      if (!message) {
        ++refused;
        continue;
      }
      const auto* insert = std::get_if<Insert>(&*message);
      if (!insert) continue;
      insert->after.for_each([&](size_t, TupleColumn column) {
        EXPECT_LE(column.bytes.data() + column.bytes.size(), damaged.data() + damaged.size());
      });
    }
  }
  EXPECT_GT(refused, 0u);
}

TEST(Pgoutput, ErrorsSayWhatAndWhere) {
  EXPECT_THAT(error_of(""), HasSubstr("an empty pgoutput message"));
  EXPECT_THAT(error_of("\x01"), HasSubstr("unknown type 0x01"));
  EXPECT_THAT(error_of(Bytes('I').u32(1).c('N').u16(1).c('x')),
              HasSubstr("Insert message ('I') is malformed at byte 8 of 9: a column has an unknown kind"));
  EXPECT_THAT(error_of(Bytes('I').u32(1).c('K')), HasSubstr("at byte 5 of 6: the new row ('N') is missing"));
  EXPECT_THAT(error_of(Bytes('I').u32(1).c('N').u16(1).c('t').u32(5).raw("1234")),
              HasSubstr("at byte 9 of 17: a column's length goes past the end"));
  EXPECT_THAT(error_of(Bytes('I').u32(1).c('N').u16(1).c('t').u32(0xffffffff)), HasSubstr("goes past the end"));
  EXPECT_THAT(error_of(Bytes('I').u32(1).c('N').u16(1601)), HasSubstr("at byte 6 of 8: a row has more than 1600"));
  EXPECT_THAT(error_of(Bytes('C').u8(1).u64(1).u64(1).u64(1)),
              HasSubstr("at byte 1 of 26: a commit has unknown flags"));
  EXPECT_THAT(error_of(Bytes('B').u64(1).u64(INT64_MAX).u32(1)), HasSubstr("at byte 9 of 21: a time is out of range"));
  EXPECT_THAT(error_of(Bytes('I').u32(0).u32(1).c('N').u16(0), true),
              HasSubstr("at byte 1 of 12: a transaction id is zero"));
}

// A count is no reason to take memory that the message's size cannot justify.
TEST(Pgoutput, CountsAreCheckedAgainstTheSize) {
  EXPECT_THAT(error_of(Bytes('T').u32(0xffffffff).u8(0).u32(1)), HasSubstr("too short for its tables"));
  EXPECT_THAT(error_of(Bytes('R').u32(1).text("s").text("t").c('d').u16(1000)), HasSubstr("too short for its columns"));
}

TEST(Pgoutput, MessagesOutOfPlaceAreCorrupt) {
  EXPECT_THAT(error_of(begin_message(), true), HasSubstr("cannot stand inside a stream segment"));
  EXPECT_THAT(error_of(commit_message(), true), HasSubstr("cannot stand inside"));
  EXPECT_THAT(error_of(Bytes('S').u32(700).u8(1), true), HasSubstr("cannot stand inside"));
  EXPECT_THAT(error_of(stream_commit_message(), true), HasSubstr("cannot stand inside"));
  EXPECT_THAT(error_of(Bytes('A').u32(1).u32(2), true), HasSubstr("cannot stand inside"));
  EXPECT_THAT(error_of(Bytes('E'), false), HasSubstr("no stream segment to end"));
}

}  // namespace
}  // namespace rowledger::postgres
