// Whatever is altered behind the log's back is noticed: by the store, which then refuses, or by verify.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "evidence/evidence_testing.h"
#include "store/bundle.h"
#include "store/store_keys.h"

namespace rowledger::evidence {
namespace {

using store::BundleEntry;
using store::Database;
using store::Family;
using store::kBundleEntries;
using store::testing::Workload;
using testing::drop;
using testing::put;
using testing::Records;
using testing::records_of;
using testing::TestLog;

std::string suite_name(const ::testing::TestParamInfo<bool>& info) { return info.param ? "Sealed" : "InClear"; }

// ---- every byte ----

// What the record says, spelled anew; itself when it says nothing that can be read.
std::string headers_again(std::string_view record) {
  const auto section = store::decode_headers(record);
  if (!section) return std::string(record);
  std::vector<BundleEntry> entries(section->count());
  for (size_t i = 0; i < entries.size(); ++i) entries[i].header = section->header(i);
  std::string out;
  store::Compressor compressor;
  store::encode_headers(section->first, entries, compressor, out);
  return out;
}

std::string bodies_again(std::string_view record) {
  const store::Sealing in_clear(nullptr, false, {});
  const auto section = store::decode_bodies(record, in_clear);
  if (!section || section->locked) return std::string(record);
  std::vector<BundleEntry> entries(section->count());
  for (size_t i = 0; i < entries.size(); ++i) entries[i] = section->body(i);
  std::string out;
  store::Compressor compressor;
  store::encode_bodies(section->first, entries, compressor, in_clear, out);
  return out;
}

// zstd does not look at some bits of a frame (RFC 8878: Unused_Bit; Reserved, of the modes of sequences). Without them
// the record is what it was, and there is nothing to notice.
bool says_the_same(Family family, std::string_view a, std::string_view b) {
  if (family == Family::kHeaders) return headers_again(a) == headers_again(b);
  if (family == Family::kBodies) return bodies_again(a) == bodies_again(b);
  if (family != Family::kRuns) return false;
  ByteReader run_a(a), run_b(b);
  return headers_again(run_a.string()) == headers_again(run_b.string()) &&
         bodies_again(run_a.rest()) == bodies_again(run_b.rest());
}

// Small entries: a full bundle, and two runs of what comes after it. Opened once, for all the flips.
class FlipTest : public ::testing::TestWithParam<bool> {
 protected:
  static constexpr uint64_t kEntries = kBundleEntries + 8;

  FlipTest() : log_(GetParam()) {
    log_.write_buffer_bytes = 256 << 20;
    Workload workload(8, {.max_entries = 4, .odd_cases = false, .inserts_first = 20, .small = true});
    log_.open();
    log_.grow_to(workload, kEntries);
  }

  using Notice = std::function<bool(size_t at)>;
  using IsMeant = std::function<bool(std::string_view key, size_t at)>;

  // Flips the lowest bit or all bits, by turns, of each `step`th byte of each of the family's records, one byte after
  // the other.
  void flip(Family family, const Notice& notice, size_t step = 1, const IsMeant& is_meant = {}) {
    size_t flips = 0;
    for (const auto& [key, value] : records_of(log_.database(), family)) {
      for (size_t at = 0; at < value.size(); at += step) {
        if (is_meant && !is_meant(key, at)) continue;
        std::string altered = value;
        altered[at] = static_cast<char>(altered[at] ^ (flips % 2 == 0 ? 0x01 : 0xff));
        write(family, key, altered);
        EXPECT_TRUE(notice(at) || says_the_same(family, value, altered))
            << "byte " << at << " of " << value.size() << " of record " << to_hex(key) << ": "
            << to_hex(value.substr(at, 1)) << " to " << to_hex(altered.substr(at, 1));
        ++flips;
      }
      write(family, key, value);
    }
    EXPECT_GT(flips, 40u);
    EXPECT_FALSE(verify_finds({}));
    EXPECT_FALSE(opening_finds());
  }

  // Without RocksDB's own log, which nobody will read.
  void write(Family family, std::string_view key, std::string_view value) {
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    const Database& database = log_.database();
    const auto status = database.db().Put(options, database.family(family), store::slice(key), store::slice(value));
    ASSERT_TRUE(status.ok()) << status.ToString();
    log_.rocksdb_store().forget_bundles();
  }

  // Says that something is wrong, or else counts values that cannot be read: what claims to be sealed, in a log without
  // keys.
  static bool tells(const VerifyReport& report) { return !report.ok() || report.values_locked > 0; }
  bool verify_finds(const VerifyOptions& options) const { return tells(log_.verify(options)); }

  // What every reader of the bundle meets. Verify, which looks at its entries one by one then, takes as long as fifty
  // refusals: only now and then it is asked as well.
  bool store_refuses_or_verify_finds(size_t at) const {
    const Status read = log_.store().scan({{0}, {kBundleEntries}}, [](const record::OwnedEntry&) { return true; });
    const bool refused = !read && read.error().code == ErrorCode::kCorrupt;
    return refused && at % 101 != 0 ? true : verify_finds({});
  }

  // The open bundle is read when the log is opened, and only then.
  bool opening_finds() const {
    const auto opened = log_.rocksdb_store().open_again_to_read();
    if (!opened) return opened.error().code == ErrorCode::kCorrupt;
    return tells(log_.verify(**opened));
  }

  TestLog log_;
};

TEST_P(FlipTest, Headers) {
  flip(Family::kHeaders, [&](size_t) { return verify_finds({.values = false}); });
}
TEST_P(FlipTest, Bodies) {
  flip(Family::kBodies, [&](size_t at) { return store_refuses_or_verify_finds(at); });
}
TEST_P(FlipTest, Tiles) {
  flip(Family::kTiles, [&](size_t) { return verify_finds({.values = false}); });
}
TEST_P(FlipTest, Runs) {
  flip(Family::kRuns, [&](size_t) { return opening_finds(); });
}

TEST_P(FlipTest, Checkpoint) {
  const std::string key = store::meta_key(store::kCheckpoint);
  // When it was stored is told to people, and proves nothing.
  flip(
      Family::kMeta, [&](size_t) { return verify_finds({.values = false}); }, 1,
      [&](std::string_view k, size_t at) { return k == key && at >= 8; });
}

// Opening reads the same bytes by the same functions, so that some of them are enough.
TEST_P(FlipTest, BeforeOpening) {
  for (const Family family : {Family::kHeaders, Family::kBodies, Family::kTiles})
    flip(
        family, [&](size_t) { return opening_finds(); }, 53);
}

INSTANTIATE_TEST_SUITE_P(, FlipTest, ::testing::Bool(), suite_name);

// ---- records and entries ----

class TamperTest : public ::testing::TestWithParam<bool> {
 protected:
  TamperTest() : log_(GetParam()) {
    Workload::Options shape;
    shape.max_entries = 7;
    shape.odd_cases = false;
    shape.inserts_first = 60;
    Workload workload(8, shape);
    log_.cache_bytes = 4 << 10;
    log_.open();
    log_.grow_to(workload, kBundleEntries * 2 + 40);
  }

  // Of the log as it is in the database now: why it does not open, or what verify finds.
  std::string complaint() const {
    const auto opened = log_.rocksdb_store().open_again_to_read();
    if (!opened) return opened.error().code == ErrorCode::kCorrupt ? opened.error().message : std::string();
    return TestLog::complaint_of(log_.verify(**opened));
  }

  TestLog log_;
};

// Replaced, exchanged, dropped.
TEST_P(TamperTest, WholeRecords) {
  const Database& database = log_.database();
  for (const Family family : {Family::kHeaders, Family::kBodies, Family::kRuns, Family::kTiles}) {
    const Records records = records_of(database, family);
    ASSERT_GE(records.size(), 2u);
    for (size_t i = 0; i < records.size(); ++i) {
      SCOPED_TRACE(::testing::Message() << "family " << static_cast<int>(family) << " record " << i);
      const auto& [key, value] = records[i];
      const auto& [other_key, other] = records[(i + 1) % records.size()];
      drop(database, family, key);
      EXPECT_NE(complaint(), "");
      put(database, family, key, other);
      EXPECT_NE(complaint(), "");
      put(database, family, other_key, value);
      EXPECT_NE(complaint(), "");
      put(database, family, key, value);
      EXPECT_NE(complaint(), "");
      put(database, family, other_key, other);
      EXPECT_EQ(complaint(), "");
    }
  }
}

// These two as somebody does it who comes from outside: the log is closed, altered, and opened anew.
TEST_P(TamperTest, TheEndCutOff) {
  log_.alter(
      [&](Database& database) { drop(database, Family::kRuns, records_of(database, Family::kRuns).back().first); });
  EXPECT_NE(log_.complaint(), "");
}

TEST_P(TamperTest, NoCheckpoint) {
  log_.alter([&](Database& database) { drop(database, Family::kMeta, store::meta_key(store::kCheckpoint)); });
  EXPECT_NE(log_.complaint(), "");
}

INSTANTIATE_TEST_SUITE_P(, TamperTest, ::testing::Bool(), suite_name);

// Entries inside of bundles, by somebody who has the keys: taken out of a record, put elsewhere, and encoded as the
// store itself does it.
class EntryTamperTest : public TamperTest {
 protected:
  EntryTamperTest() : sealing_(log_.keys(), true, log_.options().salt_key) { CHECK(sealing_.prepare().has_value()); }

  // All of the log's full bundles and, as the last one, the first of the runs.
  struct Section {
    Seq first;
    store::HeaderSection headers;
    store::BodySection bodies;

    std::vector<BundleEntry> entries() const {
      std::vector<BundleEntry> out;
      for (size_t i = 0; i < headers.count(); ++i) {
        out.push_back(bodies.body(i));
        out.back().header = headers.header(i);
      }
      return out;
    }
  };
  std::vector<Section> sections() {
    std::vector<Section> out;
    const Records headers = records_of(log_.database(), Family::kHeaders);
    const Records bodies = records_of(log_.database(), Family::kBodies);
    for (size_t i = 0; i < headers.size(); ++i) out.push_back(decoded(headers[i].second, bodies[i].second));
    const Records runs = records_of(log_.database(), Family::kRuns);
    ByteReader run(runs.front().second);
    const std::string_view run_headers = run.string();
    out.push_back(decoded(run_headers, run.rest()));
    return out;
  }
  Section decoded(std::string_view headers, std::string_view bodies) {
    Section out{{}, store::decode_headers(headers).value(), store::decode_bodies(bodies, sealing_).value()};
    out.first = out.headers.first;
    return out;
  }

  using Entries = std::vector<BundleEntry>;

  // The header is one's, frame and values are the other's.
  static BundleEntry mixed(const BundleEntry& header_of, BundleEntry body_of) {
    body_of.header = header_of.header;
    return body_of;
  }

  void store_section(Seq first, const Entries& entries) {
    std::string headers, bodies;
    store::encode_headers(first, entries, compressor_, headers);
    store::encode_bodies(first, entries, compressor_, sealing_, bodies);
    const std::string key = store::seq_key(first);
    if (first.value < kBundleEntries * 2) {
      put(log_.database(), Family::kHeaders, key, headers);
      put(log_.database(), Family::kBodies, key, bodies);
    } else {
      std::string run;
      ByteWriter writer(run);
      writer.string(headers);
      writer.raw(bodies);
      put(log_.database(), Family::kRuns, key, run);
    }
  }

  // What `change` makes of the entries is stored as headers and bodies, as headers alone and as bodies alone, as far as
  // their number allows it.
  void expect_found(const Section& section, const std::function<void(Entries&)>& change) {
    const Entries were = section.entries();
    Entries altered = were;
    change(altered);
    std::vector<Entries> ways = {altered};
    if (altered.size() == were.size()) {
      ways.insert(ways.end(), 2, altered);
      for (size_t i = 0; i < were.size(); ++i) {
        ways[1][i] = mixed(altered[i], were[i]);
        ways[2][i] = mixed(were[i], altered[i]);
      }
    }
    for (size_t way = 0; way < ways.size(); ++way) {
      store_section(section.first, ways[way]);
      EXPECT_NE(complaint(), "") << (way == 0 ? "both" : way == 1 ? "headers alone" : "bodies alone");
    }
    store_section(section.first, were);
  }

  store::Sealing sealing_;
  store::Compressor compressor_;
};

TEST_P(EntryTamperTest, StoredAnewAsTheyWereTheyAreInOrder) {
  for (const Section& section : sections()) store_section(section.first, section.entries());
  EXPECT_EQ(complaint(), "");
}

TEST_P(EntryTamperTest, InsideABundle) {
  for (const Section& section : sections()) {
    SCOPED_TRACE(::testing::Message() << "bundle or run from " << section.first.value);
    const size_t n = section.headers.count();
    ASSERT_GE(n, 3u);
    for (const size_t i : {size_t{0}, n / 2, n - 1}) {
      const size_t j = (i + 1) % n;
      const auto at = [](size_t k) { return static_cast<ptrdiff_t>(k); };
      expect_found(section, [&](Entries& e) { std::swap(e[i], e[j]); });
      expect_found(section, [&](Entries& e) { e.erase(e.begin() + at(i)); });
      expect_found(section, [&](Entries& e) { e[i] = e[j]; });
      // One dropped and another twice, so that their number stays.
      expect_found(section, [&](Entries& e) {
        e.erase(e.begin() + at(i));
        e.insert(e.begin() + at(n / 3), e[n / 3]);
      });
      // A full bundle has no room for one more, the runs have.
      if (n < kBundleEntries) expect_found(section, [&](Entries& e) { e.insert(e.begin() + at(i), e[i]); });
    }
  }
  EXPECT_EQ(complaint(), "");
}

TEST_P(EntryTamperTest, AcrossBundles) {
  const std::vector<Section> all = sections();
  for (size_t here = 0; here < all.size(); ++here) {
    const Section &section = all[here], &other = all[(here + 1) % all.size()];
    SCOPED_TRACE(::testing::Message() << "from " << other.first.value << " to " << section.first.value);
    const Entries others = other.entries();
    for (const size_t i : {size_t{0}, section.headers.count() - 1}) {
      const size_t j = std::min(i, others.size() - 1);
      // It stands twice in the log then.
      expect_found(section, [&](Entries& e) { e[i] = others[j]; });
      Entries exchanged = others;
      exchanged[j] = section.entries()[i];
      store_section(other.first, exchanged);
      expect_found(section, [&](Entries& e) { e[i] = others[j]; });
      store_section(other.first, others);
    }
  }
  EXPECT_EQ(complaint(), "");
}

INSTANTIATE_TEST_SUITE_P(, EntryTamperTest, ::testing::Bool(), suite_name);

}  // namespace
}  // namespace rowledger::evidence
