#include "capture/assembler.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/bytes.h"
#include "store/rocksdb_store.h"

namespace rowledger::capture {
namespace {

constexpr uint32_t kTable = 16385;

// Messages as pgoutput sends them.
class Stream {
 public:
  Stream& keepalive(uint64_t wal_end) {
    buffer_.frames.push_back({.kind = postgres::StreamFrame::Kind::kKeepalive, .wal_end = {wal_end}});
    return *this;
  }
  Stream& begin(uint64_t commit_lsn) {
    return add([&](ByteWriter& out) { out.u8('B'), out.u64(commit_lsn), out.u64(0), out.u32(700); });
  }
  Stream& commit(uint64_t commit_lsn) {
    return add(
        [&](ByteWriter& out) { out.u8('C'), out.u8(0), out.u64(commit_lsn), out.u64(commit_lsn + 10), out.u64(0); });
  }
  Stream& relation() {
    return add([&](ByteWriter& out) {
      out.u8('R'), out.u32(kTable), out.raw(std::string("public\0people\0d", 15)), out.u16(2);
      out.u8(1), out.raw(std::string("id\0", 3)), out.u32(23), out.u32(UINT32_MAX);
      out.u8(0), out.raw(std::string("name\0", 5)), out.u32(25), out.u32(UINT32_MAX);
    });
  }
  Stream& inserts(int from, int to) {
    for (int id = from; id < to; ++id)
      add([&](ByteWriter& out) {
        out.u8('I'), out.u32(kTable), out.u8('N'), out.u16(2);
        for (const std::string& text : {std::to_string(id), std::string("a name")})
          out.u8('t'), out.u32(static_cast<uint32_t>(text.size())), out.raw(text);
      });
    return *this;
  }
  const postgres::StreamBuffer& buffer() const { return buffer_; }

 private:
  template <class Write>
  Stream& add(Write&& write) {
    const size_t at = buffer_.bytes.size();
    ByteWriter out(buffer_.bytes);
    write(out);
    buffer_.frames.push_back({.kind = postgres::StreamFrame::Kind::kData, .at = at, .size = buffer_.bytes.size() - at});
    return *this;
  }
  postgres::StreamBuffer buffer_;
};

class AssemblerTest : public ::testing::Test {
 protected:
  AssemblerTest()
      : directory_(std::filesystem::temp_directory_path() / ("rowledger-assembler-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(directory_);
    settings_.source_name = "test";
    settings_.ref_key = "a key";
    settings_.tables = {{.table = "public.people"}};
  }
  ~AssemblerTest() override { std::filesystem::remove_all(directory_); }

  // A run of the program that ends as by kill -9, after what it was sent is durable.
  void run(const Stream& stream) {
    auto store = store::open_rocksdb_store({.directory = directory_ / "store"});
    ASSERT_TRUE(store) << store.error().message;
    EntryWriter writer(settings_, **store);
    Tables tables(settings_, **store);
    StateView state(**store, writer, 1 << 20);
    Attributor attributor(settings_, "");
    auto spool = TransactionSpool::open(directory_ / "spool");
    ASSERT_TRUE(spool);
    Assembler assembler(
        {settings_, **store, writer, tables, state, attributor, *spool,
         [](const std::string&) { return Result<std::optional<postgres::TableDefinition>>(std::nullopt); }, [] {}});
    {
      const auto lock = writer.lock();
      const Status done = assembler.consume(stream.buffer());
      ASSERT_TRUE(done) << done.error().message;
    }
    ASSERT_TRUE(writer.flush_and_wait());
    entries_.clear();
    const Status read = (*store)->scan({Seq{0}, (*store)->end()}, [&](const record::OwnedEntry& entry) {
      if (entry.header().kind != record::EntryKind::kSchema)
        entries_.push_back(std::string(to_string(entry.header().kind)) + " " +
                           std::string(entry.entry().body.key.at(0).value) + " " +
                           std::to_string(entry.header().tx->ordinal));
      return true;
    });
    ASSERT_TRUE(read);
  }
  std::vector<std::string> inserts(int count) {
    std::vector<std::string> out;
    for (int i = 0; i < count; ++i)
      out.push_back("insert " + std::to_string(i) + " " + std::to_string(i + 1));  // 0: the schema's entry
    return out;
  }

  const std::filesystem::path directory_;
  Settings settings_;
  std::vector<std::string> entries_;
};

TEST_F(AssemblerTest, GoesOnInsideATransaction) {
  run(Stream().begin(1'000).relation().inserts(0, 150));
  EXPECT_EQ(entries_, inserts(150));
  run(Stream().begin(1'000).relation().inserts(0, 200).commit(1'000));
  EXPECT_EQ(entries_, inserts(200));
  run(Stream().begin(1'000).relation().inserts(0, 200).commit(1'000));
  EXPECT_EQ(entries_, inserts(200)) << "sent again whole";
}

TEST_F(AssemblerTest, AKeepaliveFromBeforeItDoesNotForgetHowFarATransactionIs) {
  run(Stream().begin(1'000).relation().inserts(0, 150));
  run(Stream().keepalive(500).begin(1'000).relation().inserts(0, 200).commit(1'000).keepalive(2'000));
  EXPECT_EQ(entries_, inserts(200));
}

}  // namespace
}  // namespace rowledger::capture
