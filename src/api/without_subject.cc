#include "api/without_subject.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/day.h"
#include "query/reader.h"
#include "store/terms.h"

namespace rowledger::api {
namespace {

using store::Dimension;
using store::Filter;

constexpr size_t kPage = 1'000;

Filter term(Dimension dimension, std::string_view value) {
  return {Filter::Op::kTerm, {dimension, std::string(value)}, {}};
}

bool has_values_of_nobody(const record::OwnedEntry& entry) {
  return entry.body().subject.empty() && !entry.body().changes.empty() && entry.values() == record::Values::kHere;
}

using EndDays = std::map<Seq, std::optional<uint32_t>>;

Status add_row(const store::Store& store, const store::RetentionRules& retention, std::string_view table,
               std::string_view key, EndDays& out) {
  const query::Reader reader(store);
  std::optional<Seq> before;
  do {
    RL_ASSIGN(const auto page, reader.history(table, key, before, kPage));
    for (const record::OwnedEntry& entry : page.entries) {
      if (!has_values_of_nobody(entry)) continue;
      const uint32_t days = retention.days_of(entry.header().tenant);
      out[entry.header().seq] = days == 0 ? std::nullopt : std::optional(day_of(entry.header().received_at) + days);
    }
    before = page.next;
  } while (before);
  return {};
}

// Of the table's rows those that point to the person by an entry that does not say so.
Result<std::set<std::string>> rows_pointing_to(const store::Store& store, const capture::TableSettings& table,
                                               std::string_view person_key) {
  const auto points_to_him = [&](const record::FieldChange& change) {
    return change.field == table.subject_column &&
           (change.before.text == person_key || change.after.text == person_key);
  };
  const Filter filter{
      Filter::Op::kAnd,
      {},
      {term(Dimension::kTable, table.table),
       {Filter::Op::kOr, {}, {term(Dimension::kOldValue, person_key), term(Dimension::kNewValue, person_key)}}}};
  std::set<std::string> out;
  for (uint64_t range = 0; range * store::Store::kIndexRange < store.end().value; ++range) {
    RL_ASSIGN(const std::vector<Seq> seqs, store.candidates(range, filter));
    for (const Seq seq : seqs) {
      RL_ASSIGN(const auto entry, store.read(seq));
      if (entry && entry->header().table == table.table && has_values_of_nobody(*entry) &&
          std::ranges::any_of(entry->body().changes, points_to_him))
        out.insert(store::key_text(entry->body().key));
    }
  }
  return out;
}

}  // namespace

Result<WithoutSubject> find_without_subject(const store::Store& store,
                                            const std::vector<capture::TableSettings>& tables,
                                            const store::RetentionRules& retention, std::string_view person_table,
                                            std::string_view person_key) {
  EndDays found;
  RL_TRY(add_row(store, retention, person_table, person_key, found));
  for (const capture::TableSettings& table : tables) {
    if (table.subject != person_table) continue;
    RL_ASSIGN(const auto rows, rows_pointing_to(store, table, person_key));
    for (const std::string& key : rows) RL_TRY(add_row(store, retention, table.table, key, found));
  }
  WithoutSubject out{found.size(), {}};
  const auto stays = [](const auto& entry) { return !entry.second; };
  if (!found.empty() && std::ranges::none_of(found, stays))
    out.end_day = std::ranges::max_element(found, {}, [](const auto& entry) { return *entry.second; })->second;
  return out;
}

}  // namespace rowledger::api
