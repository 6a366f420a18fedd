// tests/golden/bundle: the two sections of a bundle of five entries, sealed with the keys of tests/golden/keys. What is
// meant to change is written anew by running the test with ROWLEDGER_WRITE_GOLDEN=1, and looked at.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/bytes.h"
#include "privacy/privacy_testing.h"
#include "record/body_parts.h"
#include "record/record_testing.h"
#include "store/bundle.h"

namespace rowledger::store {
namespace {

using privacy::read_all;

const std::filesystem::path kGolden = "tests/golden/bundle", kGoldenKeys = "tests/golden/keys";
constexpr Seq kFirst{512};
// What stands before the compressed headers, and before the frames: version, first seq, count.
constexpr size_t kFixedBytes = 11;

class BundleGolden : public ::testing::Test {
 protected:
  struct Stored {
    std::string header, body, frame, values;
    KeyId key;
    bool values_apart = false;
  };

  BundleGolden() {
    for (const auto kind : {privacy::KeyFileKind::kTenants, privacy::KeyFileKind::kSubjects})
      privacy::write_all(directory_ / privacy::file_name(kind), read_all(kGoldenKeys / privacy::file_name(kind)));
    ring_ = privacy::KeyRing::open(directory_.path, privacy::master_of('m')).value();
    sealing_.emplace(ring_.get(), true, "salt");
    CHECK(sealing_->prepare().has_value());
    add(privacy::subject_key_id(2), record::testing::full_header());  // a person's
    add(privacy::tenant_key_id(1), record::testing::full_header());   // about nobody
    add({}, record::testing::full_header());                          // in clear
    add(privacy::tenant_key_id(0), record::testing::minimal_header());
    add(privacy::subject_key_id(2), record::testing::full_header());
    entries_.back().values_apart = true;
  }

  void add(KeyId id, record::EntryHeader header) {
    Stored& out = entries_.emplace_back();
    out.key = id;
    out.body = record::testing::encoded(record::testing::full_body());
    const Seq seq{kFirst.value + entries_.size() - 1};
    SubjectKey key;
    if (id != KeyId{}) CHECK(sealing_->find(id, key).value() == record::Values::kHere);
    header.seq = seq;
    header.commitment =
        record::commitment_of(as_view(id == KeyId{} ? sealing_->clear_salt(seq) : key.salt(seq)), out.body);
    out.header = record::testing::encoded(header);
    std::string values;
    record::split_body(header.table, out.body, out.frame, values);
    if (id == KeyId{}) {
      out.values = values;
    } else {
      Sealing::seal_values(key, seq, header.commitment, nullptr, values, out.values);
    }
  }

  std::vector<BundleEntry> parts() const {
    std::vector<BundleEntry> out;
    for (const Stored& entry : entries_)
      out.push_back({entry.header, entry.frame, entry.values, entry.key, entry.values_apart});
    return out;
  }

  static std::string golden(std::string_view name, std::string_view now) {
    if (std::getenv("ROWLEDGER_WRITE_GOLDEN") != nullptr) {
      std::filesystem::create_directories(kGolden);
      privacy::write_all(kGolden / name, now);
    }
    return read_all(kGolden / name);
  }

  const privacy::TempDir directory_;
  std::unique_ptr<privacy::KeyRing> ring_;
  std::optional<Sealing> sealing_;
  std::vector<Stored> entries_;
  Compressor compressor_;
};

TEST_F(BundleGolden, Headers) {
  std::string now;
  encode_headers(kFirst, parts(), compressor_, now);
  const std::string then = golden("headers", now);
  EXPECT_EQ(now, then);
  const auto section = decode_headers(then);
  ASSERT_TRUE(section) << section.error().message;
  EXPECT_EQ(section->first, kFirst);
  ASSERT_EQ(section->count(), entries_.size());
  for (size_t i = 0; i < entries_.size(); ++i) EXPECT_EQ(to_hex(section->header(i)), to_hex(entries_[i].header)) << i;
}

// The frames are sealed with a nonce that is drawn at random, so that they are read, and compared but for their bytes.
TEST_F(BundleGolden, Bodies) {
  std::string now;
  encode_bodies(kFirst, parts(), compressor_, *sealing_, now);
  const std::string then = golden("bodies", now);
  const auto section = decode_bodies(then, *sealing_);
  ASSERT_TRUE(section) << section.error().message;
  ASSERT_FALSE(section->locked);
  EXPECT_EQ(section->first, kFirst);
  ASSERT_EQ(section->count(), entries_.size());
  std::string sealed;
  for (size_t i = 0; i < entries_.size(); ++i) {
    const Stored& entry = entries_[i];
    const BundleEntry body = section->body(i);
    EXPECT_EQ(to_hex(body.frame), to_hex(entry.frame)) << i;
    EXPECT_EQ(body.key, entry.key) << i;
    EXPECT_EQ(body.values_apart, entry.values_apart) << i;
    EXPECT_EQ(to_hex(body.values), entry.values_apart ? "" : to_hex(entry.values)) << i;
    if (entry.key != KeyId{} && !entry.values_apart) sealed += entry.values;
  }
  ASSERT_EQ(now.size(), then.size());
  EXPECT_EQ(now.substr(0, kFixedBytes), then.substr(0, kFixedBytes));
  EXPECT_TRUE(then.ends_with(sealed)) << "each under its own key, one behind the other";
}

// What the first entry comes to again: values opened, the body put together, its commitment that of the header.
TEST_F(BundleGolden, AnEntryIsOpened) {
  const auto headers = decode_headers(read_all(kGolden / "headers"));
  const auto bodies = decode_bodies(read_all(kGolden / "bodies"), *sealing_);
  ASSERT_TRUE(headers && bodies);
  const auto header = record::decode_header(headers->header(0));
  ASSERT_TRUE(header);
  SubjectKey key;
  ASSERT_EQ(sealing_->find(bodies->body(0).key, key).value(), record::Values::kHere);
  const auto values = sealing_->open_values(key, kFirst, header->commitment, bodies->body(0).values);
  ASSERT_TRUE(values);
  const auto body = record::join_body(header->table, bodies->body(0).frame, *values);
  ASSERT_TRUE(body);
  EXPECT_EQ(to_hex(*body), to_hex(record::testing::encoded(record::testing::full_body())));
  EXPECT_EQ(record::commitment_of(as_view(key.salt(kFirst)), *body), header->commitment);
}

}  // namespace
}  // namespace rowledger::store
