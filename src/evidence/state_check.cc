#include "evidence/state_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace rowledger::evidence {
namespace {

using record::EntryKind;
using record::KeyPart;
using record::OwnedEntry;
using record::Presence;
using record::Value;
using record::Values;

constexpr int kWaitForWriterMs = 2'000;

bool key_is(const std::vector<KeyPart>& parts, std::string_view encoded) {
  return std::ranges::equal(parts, record::decode_key(encoded), {}, &KeyPart::value);
}

// The row was there after the entry.
bool leaves_row(const OwnedEntry& entry) {
  if (entry.header().kind == EntryKind::kDelete) return false;
  const auto& changes = entry.body().changes;
  return entry.header().kind != EntryKind::kGap || changes.empty() ||
         !std::ranges::all_of(changes, [](const auto& change) { return change.after.presence == Presence::kAbsent; });
}

}  // namespace

Status StateCheck::run(const std::function<bool(uint64_t rows)>& go_on) {
  std::set<TableId> tables;
  for (const record::TableSchema& schema : store_.schemas()) tables.insert(schema.table_id);
  for (const TableId table : tables) RL_TRY(check_table(table, go_on));
  if (incomplete_) return {};
  ends_.for_each([&](uint64_t seq) {
    if (!named_.has(seq)) findings_.add(Seq{seq}, "is its row's newest entry, but the state has no such row");
  });
  return {};
}

Status StateCheck::check_table(TableId table, const std::function<bool(uint64_t rows)>& go_on) {
  std::string from;
  while (true) {
    std::vector<Row> page;
    size_t bytes = 0;
    const Status scanned = store_.scan_rows(table, from, [&](std::string_view key, const store::RowState& state) {
      page.push_back({table, std::string(key), state});
      bytes += key.size() + state.image.size();
      return page.size() < kPageRows && bytes < kPageBytes;
    });
    if (!scanned && scanned.error().code == ErrorCode::kPermission) incomplete_ = locked_ = true;
    if (!scanned && !incomplete_ && scanned.error().code != ErrorCode::kCorrupt) return fail(scanned.error());
    if (!scanned && scanned.error().code == ErrorCode::kCorrupt) {
      findings_.add(std::nullopt, "the state cannot be read to its end: " + scanned.error().message);
      incomplete_ = true;
    }
    const bool is_last = page.size() < kPageRows && bytes < kPageBytes;
    if (!page.empty()) from = page.back().key + '\0';
    RL_TRY(check_page(page));
    if (!go_on(rows_)) return fail(ErrorCode::kCancelled, "stopped on request");
    if (is_last) return {};
  }
}

// In the order of the entries, so that each of their bundles is read once.
Status StateCheck::check_page(std::vector<Row>& page) {
  std::ranges::sort(page, {}, [](const Row& row) { return row.state.newest; });
  for (const Row& row : page) RL_TRY(check_row(row));
  return {};
}

Status StateCheck::check_row(const Row& row) {
  ++rows_;
  const Seq newest = row.state.newest;
  if (newest.value >= end_) {
    ++unproven_;
    return follow_newer(newest);
  }
  if (newest.value < first_) return {};
  named_.set(newest.value);
  if (!values_) {
    ++unproven_;
    return {};
  }
  const auto entry = store_.read(newest);
  if (!entry && entry.error().code != ErrorCode::kCorrupt) return fail(entry.error());
  if (!entry) return {};  // found where its values were looked at
  if (!*entry) {
    findings_.add(newest, "is named by the state, but missing");
    return {};
  }
  check_against(row, **entry);
  return check_sealing(row);
}

// Else its image could be replaced by one in clear, or by one that another key seals.
Status StateCheck::check_sealing(const Row& row) {
  if (row.state.image.empty()) return {};
  const Seq newest = row.state.newest;
  const Status looked = store_.scan_keys({newest, {newest.value + 1}}, [&](Seq, privacy::KeyId key) {
    if (key != row.state.key)
      findings_.add(newest, "the state's image of its row is not sealed with the key that seals the entry");
  });
  return looked || looked.error().code == ErrorCode::kUnavailable || looked.error().code == ErrorCode::kCorrupt
             ? Status()
             : looked;
}

// Rows may change while they are looked at. What was their newest entry then stands behind the present one.
Status StateCheck::follow_newer(Seq newest) {
  std::vector<Seq> next{newest};
  while (!next.empty()) {
    const Seq seq = next.back();
    next.pop_back();
    if (seq.value < end_) {
      named_.set(seq.value);
      continue;
    }
    // The state changes a moment before the entry can be read.
    if (store_.wait_beyond(seq, kWaitForWriterMs) <= seq) {
      findings_.add(seq, "is named by the state, but does not exist");
      continue;
    }
    const auto headers = store_.headers(seq, 1);
    if (!headers) return fail(headers.error());
    const auto header = record::decode_header(headers->front());
    if (!header) return fail(header.error());
    for (const auto& link : {header->prev, header->prev_at_key})
      if (link && *link < seq) next.push_back(*link);
  }
  return {};
}

void StateCheck::check_against(const Row& row, const OwnedEntry& entry) {
  const Seq seq = entry.header().seq;
  if (short_ref(entry.header().row_ref) == 0)
    return findings_.add(seq, "is named by the state as a row's newest entry, but is of no row");
  if (entry.values() != Values::kHere) {
    ++unproven_;
    return;
  }
  const record::EntryBody& body = entry.body();
  const bool moved_away = !body.old_key.empty() && key_is(body.old_key, row.key);
  if (!moved_away && !key_is(body.key, row.key)) return findings_.add(seq, "is named by the state for another row");
  // A row that moved leaves its entry at two keys; then a link to it can be the other's. Of a row that was found by a
  // comparison the headers do not tell that it stands; one that is newer is told where the state does not name it.
  const bool is_first_gap = entry.header().kind == record::EntryKind::kGap && !entry.header().prev;
  if (!ends_.has(seq.value) && body.old_key.empty() && !is_first_gap)
    return findings_.add(seq, "is named by the state as its row's newest entry, but there is a newer one");
  if (row.state.deleted == (!moved_away && leaves_row(entry)))
    return findings_.add(seq, "does not agree with the state on whether its row exists");
  if (!row.state.deleted) check_image(row, entry);
}

void StateCheck::check_image(const Row& row, const OwnedEntry& entry) {
  if (row.state.erased) {
    ++unproven_;
    return;
  }
  const Seq seq = entry.header().seq;
  const auto schema = store_.schema(row.state.schema);
  std::vector<Value> image;
  if (!schema || schema->table != entry.header().table ||
      !record::decode_image(row.state.image, schema->columns.size(), image))
    return findings_.add(seq, "the state's image of its row does not fit the table's columns");
  for (const record::FieldChange& change : entry.body().changes) {
    if (change.after.presence == Presence::kAbsent) continue;
    const auto at = schema->index_of(change.field);
    if (!at || !(image[*at] == change.after))
      return findings_.add(
          seq, fmt::format("the state's image of its row is not what the entry made it: column {}", change.field));
  }
}

}  // namespace rowledger::evidence
