// The bytes of an evidence file do not change by accident: docs/format/evidence.md.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "evidence/evidence_bundle.h"
#include "ledger/ledger_testing.h"
#include "ledger/tile_tree.h"
#include "record/record_testing.h"

namespace rowledger::evidence {
namespace {

constexpr uint64_t kEntries = 5;

// Of a log of five entries: one with values, one whose values were erased.
Evidence evidence() {
  const ledger::SigningKey key = ledger::testing::test_key();
  const std::string salt(record::kSaltBytes, 's'), body = record::testing::encoded(record::testing::full_body());
  std::vector<std::string> headers;
  ledger::TreeEdge edge;
  ledger::testing::MemoryTiles tiles;
  for (uint64_t seq = 0; seq < kEntries; ++seq) {
    record::EntryHeader header = record::testing::full_header();
    header.seq = {seq};
    header.prev.reset();
    header.prev_at_key.reset();
    header.commitment = record::commitment_of(salt, body);
    headers.push_back(record::testing::encoded(header));
    edge.append(ledger::leaf_hash(headers.back()), tiles.sink());
  }
  const ledger::TileTree tree(tiles, edge);
  Evidence out;
  out.about = "row 42 of public.contacts";
  out.verifier_key = key.verifier().format();
  out.checkpoint = ledger::sign_checkpoint(edge.size(), edge.root(), key).encode();
  out.entries.push_back(
      {Seq{2}, record::Values::kHere, headers[2], salt, body, tree.prove_inclusion({2}, edge.size()).value()});
  out.entries.push_back(
      {Seq{4}, record::Values::kErased, headers[4], {}, {}, tree.prove_inclusion({4}, edge.size()).value()});
  return out;
}

std::string golden(std::string_view now) {
  const std::string path = "tests/golden/evidence/two.evidence";
  if (std::getenv("ROWLEDGER_WRITE_GOLDEN") != nullptr) {
    std::filesystem::create_directories("tests/golden/evidence");
    std::ofstream(path, std::ios::binary) << now;
  }
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

TEST(EvidenceGoldenTest, TheFormatIsAsItWas) {
  const std::string bytes = format_evidence(evidence());
  EXPECT_EQ(bytes, golden(bytes));
}

TEST(EvidenceGoldenTest, WhatWasWrittenStaysReadable) {
  const auto report =
      check_evidence(golden(format_evidence(evidence())), ledger::testing::test_key().verifier().format());
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_TRUE(report->ok());
  ASSERT_EQ(report->entries.size(), 2u);
  EXPECT_EQ(report->entries[0].values, record::Values::kHere);
  EXPECT_EQ(report->entries[1].values, record::Values::kErased);
}

// Spelled otherwise, with a checksum that is right: refused.
TEST(EvidenceGoldenTest, HasOneSpelling) {
  const std::string bytes = format_evidence(evidence());
  const auto refused = [&](std::string_view from, std::string_view to) {
    std::string altered = bytes.substr(0, bytes.rfind("end "));
    const size_t at = altered.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    altered.replace(at, from.size(), to);
    altered += "end " + to_hex(as_view(sha256(std::string_view(), altered))) + "\n";
    EXPECT_FALSE(parse_evidence(altered).has_value()) << to;
  };
  refused("evidence v1", "evidence v2");
  refused("entries 2", "entries 02");
  refused("entries 2", "entries 3");
  refused("entries 2", "entries 1");
  refused("entry 2 here", "entry 4 here");
  refused("entry 2 here", "entry 2 there");
  refused("entry 2 here", "entry 2");
  refused("entry 2 here", "entry 2 erased");
  refused("entry 4 erased", "entry 4  erased");
  refused("\nsalt ", "\nsalt  ");
  refused("\nentries ", "\r\nentries ");
  refused("\nabout ", "\nabout =");
  refused("\nkey ", "\n\nkey ");
}

}  // namespace
}  // namespace rowledger::evidence
