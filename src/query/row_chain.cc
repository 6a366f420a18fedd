#include "query/row_chain.h"

#include <algorithm>
#include <utility>

namespace rowledger::query {
namespace {

using record::Entry;
using record::EntryKind;
using record::FieldChange;
using record::OwnedEntry;
using record::Presence;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return out;
}

// One column: the text itself. Several: separated by commas, percent-encoded.
Result<std::vector<std::string>> split_key(std::string_view key, const record::TableSchema& schema) {
  std::string columns;
  size_t count = 0;
  for (const record::Column& column : schema.columns) {
    if (!column.is_key) continue;
    columns += (count++ > 0 ? "," : "") + column.name;
  }
  if (count <= 1) return std::vector<std::string>{std::string(key)};
  std::vector<std::string> parts;
  while (true) {
    const size_t comma = key.find(',');
    auto part = percent_decoded(key.substr(0, comma));
    if (!part) return fail(ErrorCode::kInvalid, "the key has a \"%\" that is not followed by two hexadecimal digits");
    parts.push_back(std::move(*part));
    if (comma == std::string_view::npos) break;
    key.remove_prefix(comma + 1);
  }
  if (parts.size() != count)
    return fail(ErrorCode::kInvalid, "the key of " + schema.table + " has " + std::to_string(count) +
                                         " columns, separated by commas: " + columns);
  return parts;
}

Effect effect_of_difference(const std::vector<FieldChange>& changes) {
  if (changes.empty()) return Effect::kNone;
  const auto absent_before = [](const FieldChange& change) { return change.before.presence == Presence::kAbsent; };
  const auto absent_after = [](const FieldChange& change) { return change.after.presence == Presence::kAbsent; };
  if (std::ranges::all_of(changes, absent_before)) return Effect::kAppears;
  if (std::ranges::all_of(changes, absent_after)) return Effect::kVanishes;
  return Effect::kChanges;
}

}  // namespace

Result<RowPlace> find_place(const store::Store& store, std::string_view table, std::string_view key) {
  RowPlace place;
  const std::string in_public = "public." + std::string(table);
  std::string known;
  for (record::TableSchema& schema : store.schemas()) {
    if (schema.table == table || schema.table == in_public) {
      place.versions.push_back(std::move(schema));
    } else if (known.find(schema.table) == std::string::npos) {
      known += (known.empty() ? "" : ", ") + schema.table;
    }
  }
  // A table without a schema in its name could be meant for two: the name as written goes first.
  if (std::ranges::any_of(place.versions, [&](const auto& schema) { return schema.table == table; }))
    std::erase_if(place.versions, [&](const auto& schema) { return schema.table != table; });
  if (place.versions.empty())
    return fail(ErrorCode::kNotFound, "table \"" + std::string(table) + "\" was never captured" +
                                          (known.empty() ? "" : "; the log has " + known));
  place.table_name = place.versions.back().table;
  // A table that got another key has its rows under another id since: a key of before is looked for there.
  std::optional<Error> wrong;
  std::optional<TableId> looked_in;
  for (size_t v = place.versions.size(); v-- > 0;) {
    const record::TableSchema& version = place.versions[v];
    if (looked_in == version.table_id) continue;
    looked_in = version.table_id;
    auto parts = split_key(key, version);
    if (!parts) {
      if (!wrong) wrong = std::move(parts.error());
      continue;
    }
    std::string encoded = record::encode_key({parts->begin(), parts->end()});
    RL_ASSIGN(const auto state, store.row(version.table_id, encoded));
    if (!state && !place.encoded_key.empty()) continue;
    place.table = version.table_id;
    place.key = std::move(*parts);
    place.encoded_key = std::move(encoded);
    if (state) break;
  }
  if (place.encoded_key.empty()) return fail(std::move(*wrong));
  return place;
}

bool key_is(const std::vector<record::KeyPart>& parts, const std::vector<std::string>& key) {
  return std::ranges::equal(parts, key, {}, &record::KeyPart::value);
}

Effect effect_at(const Entry& entry, const std::vector<std::string>& key) {
  const bool moved = !entry.body.old_key.empty();
  if (moved) return key_is(entry.body.key, key) ? Effect::kArrives : Effect::kLeaves;
  switch (entry.header.kind) {
    case EntryKind::kBaseline:
    case EntryKind::kInsert: return Effect::kAppears;
    case EntryKind::kUpdate: return Effect::kChanges;
    case EntryKind::kDelete: return Effect::kVanishes;
    default: return effect_of_difference(entry.body.changes);
  }
}

Result<std::optional<OwnedEntry>> read_linked(const store::Store& store, Seq seq, std::optional<Seq> link_from) {
  if (link_from && seq >= *link_from)
    return fail(ErrorCode::kCorrupt, "entry " + std::to_string(link_from->value) + " links forward to entry " +
                                         std::to_string(seq.value) + "; run rowledger verify");
  RL_ASSIGN(std::optional<OwnedEntry> entry, store.read(seq));
  if (!entry && store.is_whole())
    return fail(ErrorCode::kCorrupt,
                "entry " + std::to_string(seq.value) +
                    ", which a row's history names, is missing from the log; run rowledger verify");
  return entry;
}

Result<std::optional<OwnedEntry>> gap_before(const store::Store& store, const Entry& entry) {
  const record::EntryHeader& header = entry.header;
  if (!record::is_change(header.kind) || !header.tx || header.tx->ordinal == 0 || header.seq.value == 0)
    return std::optional<OwnedEntry>();
  const Seq seq{header.seq.value - 1};
  if (header.prev == seq || header.prev_at_key == seq) return std::optional<OwnedEntry>();
  RL_ASSIGN(std::optional<OwnedEntry> before, store.read(seq));
  if (!before || before->header().kind != EntryKind::kGap || before->header().table != header.table)
    return std::optional<OwnedEntry>();
  const auto& key = entry.body.old_key.empty() ? entry.body.key : entry.body.old_key;
  if (!std::ranges::equal(before->body().key, key, {}, &record::KeyPart::value, &record::KeyPart::value))
    return std::optional<OwnedEntry>();
  return before;
}

Result<std::optional<OwnedEntry>> PlaceWalk::next() {
  if (gap_) {
    std::optional<OwnedEntry> gap = std::move(gap_);
    gap_.reset();
    return gap;
  }
  if (!next_) return std::optional<OwnedEntry>();
  RL_ASSIGN(std::optional<OwnedEntry> entry, read_linked(store_, *next_, from_));
  from_ = std::exchange(next_, std::nullopt);
  if (!entry) return entry;
  const bool arrived = effect_at(entry->entry(), key_) == Effect::kArrives;
  next_ = arrived ? entry->header().prev_at_key : entry->header().prev;
  // Before a row that arrived, the gap is about the key that it came from.
  if (!arrived) {
    RL_ASSIGN(gap_, gap_before(store_, entry->entry()));
  }
  return entry;
}

Result<std::optional<OwnedEntry>> RowWalk::next() {
  if (gap_) {
    std::optional<OwnedEntry> gap = std::move(gap_);
    gap_.reset();
    return gap;
  }
  if (!next_) return std::optional<OwnedEntry>();
  RL_ASSIGN(std::optional<OwnedEntry> entry, read_linked(store_, *next_, from_));
  from_ = std::exchange(next_, std::nullopt);
  if (!entry) return entry;
  const bool moved = !entry->body().old_key.empty();
  const EntryKind kind = entry->header().kind;
  const bool begins = kind == EntryKind::kInsert || kind == EntryKind::kBaseline ||
                      (!record::is_change(kind) && effect_of_difference(entry->body().changes) == Effect::kAppears);
  if (!begins || moved) next_ = entry->header().prev;
  if (!begins) {
    RL_ASSIGN(gap_, gap_before(store_, entry->entry()));
  }
  return entry;
}

}  // namespace rowledger::query
