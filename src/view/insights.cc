#include "view/insights.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <functional>
#include <unordered_map>

#include "store/terms.h"
#include "view/view_state.h"

namespace rowledger::view {
namespace {

using record::EntryHeader;
using record::EntryKind;
using store::Dimension;
using store::Filter;
using store::Store;

constexpr std::pair<std::string_view, By> kNames[] = {{"day", By::kDay},     {"hour_of_week", By::kHourOfWeek},
                                                      {"field", By::kField}, {"actor", By::kActor},
                                                      {"via", By::kVia},     {"op", By::kOp},
                                                      {"table", By::kTable}, {"row", By::kRow}};

constexpr size_t kNamedParts = 20;  // of fields and actors
constexpr uint64_t kBundle = 256;   // headers are read so many at a time (Store::headers)

Filter term(Dimension dimension, std::string_view value) {
  return {Filter::Op::kTerm, {dimension, std::string(value)}, {}};
}

Filter any_change() {
  return {Filter::Op::kOr,
          {},
          {term(Dimension::kKind, to_string(EntryKind::kInsert)), term(Dimension::kKind, to_string(EntryKind::kUpdate)),
           term(Dimension::kKind, to_string(EntryKind::kDelete))}};
}

Timestamp time_of(const EntryHeader& header) { return header.tx ? header.tx->committed_at : header.received_at; }

// Days and hours in the process's zone; one look at the zone's rules for each quarter of an hour, which no zone
// divides.
class LocalClock {
 public:
  struct Local {
    std::string day;           // "2026-11-23"
    std::string hour_of_week;  // "1-09"
  };
  const Local& at(Timestamp time) {
    constexpr int64_t kQuarterUs = 900'000'000;
    const int64_t quarter = time.us >= 0 ? time.us / kQuarterUs : (time.us - kQuarterUs + 1) / kQuarterUs;
    const auto [found, is_new] = known_.try_emplace(quarter);
    if (is_new) {
      const std::time_t seconds = static_cast<std::time_t>(quarter * 900);
      std::tm fields{};
      ::localtime_r(&seconds, &fields);
      found->second.day = fmt::format("{:04}-{:02}-{:02}", fields.tm_year + 1900, fields.tm_mon + 1, fields.tm_mday);
      found->second.hour_of_week = fmt::format("{}-{:02}", fields.tm_wday == 0 ? 7 : fields.tm_wday, fields.tm_hour);
    }
    return found->second;
  }

 private:
  std::unordered_map<int64_t, Local> known_;
};

std::string quoted(std::string_view text) {
  const bool plain = !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' ||
           (c & 0x80) != 0;
  });
  if (plain) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string bytes_of(const record::Ref& ref) { return {reinterpret_cast<const char*>(ref.data()), ref.size()}; }

struct Count {
  uint64_t entries = 0;
  Seq sample;  // one of them
  std::map<std::string, uint64_t> parts;
};

// What one request has counted so far.
struct Counter {
  InsightRequest request;
  uint64_t total = 0;
  std::unordered_map<std::string, Count> counts{};
  std::unordered_map<std::string, Seq> part_samples{};

  bool by_time() const { return request.by == By::kDay || request.by == By::kHourOfWeek; }
  // Fields stand in no header: the index knows them.
  bool of_fields() const { return request.by == By::kField || request.split == By::kField; }

  void add(const std::string& key, Seq sample, uint64_t entries) {
    Count& count = counts[key];
    count.entries += entries;
    count.sample = sample;
  }
  void add_part(const std::string& key, const std::string& part, Seq sample, uint64_t entries) {
    counts[key].parts[part] += entries;
    part_samples[part] = sample;
  }
};

}  // namespace

std::optional<By> parse_by(std::string_view text) {
  for (const auto& [name, by] : kNames)
    if (name == text) return by;
  return std::nullopt;
}

std::string_view to_string(By by) {
  for (const auto& [name, value] : kNames)
    if (value == by) return name;
  return {};
}

class Counting {
 public:
  Counting(const View& view, const query::Search& search, const Period& period,
           std::span<const InsightRequest> requests)
      : view_(view), search_(search), from_(search.from()), to_(search.to()) {
    if (period.from && (!from_ || *from_ < *period.from)) from_ = period.from;
    if (period.to && (!to_ || *period.to < *to_)) to_ = period.to;
    for (const InsightRequest& request : requests) {
      counters_.push_back({request});
      std::string& table = counters_.back().request.table;
      if (!table.empty()) table = view.state_->full_name(table);
    }
  }

  Result<std::vector<Insight>> count() {
    if (view_.can_tally(search_)) {
      RL_TRY(by_index());
    } else {
      RL_TRY(by_reading());
    }
    std::vector<Insight> out;
    for (Counter& counter : counters_) {
      RL_ASSIGN(Insight insight, finish(counter));
      out.push_back(std::move(insight));
    }
    return out;
  }

 private:
  const Store& whole() const { return view_.state_->whole; }
  bool in_time(const EntryHeader& header) const {
    const Timestamp time = time_of(header);
    return (!from_ || time >= *from_) && (!to_ || time <= *to_);
  }
  static bool is_wanted(const Counter& counter, const EntryHeader& header) {
    return counter.request.table.empty() || header.table == counter.request.table;
  }

  // The index knows what matches; the headers know when, and whose.
  Status by_index() {
    RL_ASSIGN(const store::SeqRange timely, whole().seqs_between(from_, to_));
    if (timely.begin >= timely.end) return {};
    const Filter filter{Filter::Op::kAnd, {}, {search_.filter(), any_change(), view_.state_->scope.own_filter()}};
    for (uint64_t range = timely.begin.value / Store::kIndexRange; range * Store::kIndexRange < timely.end.value;
         ++range) {
      RL_ASSIGN(std::vector<Seq> seqs, whole().candidates(range, filter));
      std::erase_if(seqs, [&](Seq seq) { return seq < timely.begin || seq >= timely.end; });
      RL_TRY(count_range(range, seqs));
    }
    return {};
  }

  // The dimension of the index that alone answers.
  std::optional<Dimension> dimension_for(const InsightRequest& request) const {
    if (request.split || !request.table.empty() || from_ || to_) return std::nullopt;
    switch (request.by) {
      case By::kField: return Dimension::kField;
      case By::kVia: return Dimension::kVia;
      case By::kOp: return Dimension::kKind;
      case By::kTable: return Dimension::kTable;
      default: return std::nullopt;
    }
  }

  Status count_range(uint64_t range, const std::vector<Seq>& seqs) {
    std::vector<Counter*> by_header;
    for (Counter& counter : counters_) {
      const auto dimension = dimension_for(counter.request);
      if (!dimension) {
        by_header.push_back(&counter);
        continue;
      }
      counter.total += seqs.size();
      RL_ASSIGN(const std::vector<Store::Tally> values, whole().tally(range, seqs, *dimension));
      for (const Store::Tally& value : values) counter.add(value.value, seqs.front(), value.entries);
    }
    if (by_header.empty()) return {};
    // Entries whose fields the index is asked for: together those of one bucket, or of one part of all.
    std::map<std::pair<Counter*, std::string>, std::vector<Seq>> groups;
    RL_TRY(each_header(seqs, [&](const EntryHeader& header) {
      if (!in_time(header)) return;
      for (Counter* const counter : by_header) {
        if (!is_wanted(*counter, header)) continue;
        const InsightRequest& request = counter->request;
        ++counter->total;
        const std::string key = request.by == By::kField ? std::string() : value_of(request.by, header);
        const std::string part =
            request.split && request.split != By::kField ? value_of(*request.split, header) : std::string();
        if (counter->of_fields()) groups[{counter, request.by == By::kField ? part : key}].push_back(header.seq);
        if (request.by == By::kField) continue;
        counter->add(key, header.seq, 1);
        if (request.split && request.split != By::kField) counter->add_part(key, part, header.seq, 1);
      }
    }));
    for (const auto& [group, those] : groups) RL_TRY(count_fields(range, *group.first, group.second, those));
    return {};
  }

  // group: the part when fields are the buckets, the bucket when they are its parts.
  Status count_fields(uint64_t range, Counter& counter, const std::string& group, const std::vector<Seq>& seqs) {
    RL_ASSIGN(const std::vector<Store::Tally> fields, whole().tally(range, seqs, Dimension::kField));
    for (const Store::Tally& field : fields) {
      if (counter.request.by != By::kField) {
        counter.add_part(group, field.value, seqs.front(), field.entries);
        continue;
      }
      counter.add(field.value, seqs.front(), field.entries);
      if (counter.request.split) counter.add_part(field.value, group, seqs.front(), field.entries);
    }
    return {};
  }

  Status each_header(const std::vector<Seq>& seqs, const std::function<void(const EntryHeader&)>& visit) {
    for (size_t i = 0; i < seqs.size();) {
      const uint64_t bundle = seqs[i].value / kBundle * kBundle;
      const auto count = static_cast<uint32_t>(std::min(kBundle, whole().end().value - bundle));
      RL_ASSIGN(const std::vector<std::string> headers, whole().headers({bundle}, count));
      for (; i < seqs.size() && seqs[i].value < bundle + count; ++i) {
        RL_ASSIGN(const EntryHeader header, record::decode_header(headers[seqs[i].value - bundle]));
        visit(header);
      }
    }
    return {};
  }

  Status by_reading() {
    return view_.search(search_, query::Order::kOldestFirst, std::nullopt, [&](const Shown& shown) {
      const record::Entry& entry = shown.entry();
      if (!record::is_change(entry.header.kind) || !in_time(entry.header)) return true;
      for (Counter& counter : counters_) {
        if (is_wanted(counter, entry.header)) count_read(counter, entry);
      }
      return true;
    });
  }

  void count_read(Counter& counter, const record::Entry& entry) {
    const InsightRequest& request = counter.request;
    const EntryHeader& header = entry.header;
    ++counter.total;
    if (request.by != By::kField) {
      const std::string key = value_of(request.by, header);
      counter.add(key, header.seq, 1);
      if (request.split == By::kField) {
        each_field(entry, [&](const std::string& field) { counter.add_part(key, field, header.seq, 1); });
      } else if (request.split) {
        counter.add_part(key, value_of(*request.split, header), header.seq, 1);
      }
      return;
    }
    each_field(entry, [&](const std::string& field) {
      counter.add(field, header.seq, 1);
      if (request.split) counter.add_part(field, value_of(*request.split, header), header.seq, 1);
    });
  }

  template <class Visit>
  static void each_field(const record::Entry& entry, const Visit& visit) {
    if (entry.header.kind != EntryKind::kUpdate) return;  // others have every column
    std::string_view last;
    for (const record::FieldChange& change : entry.body.changes) {
      if (change.field != last) visit(std::string(change.field));
      last = change.field;
    }
  }

  std::string value_of(By by, const EntryHeader& header) {
    switch (by) {
      case By::kDay: return clock_.at(time_of(header)).day;
      case By::kHourOfWeek: return clock_.at(time_of(header)).hour_of_week;
      case By::kVia: return std::string(to_string(header.via));
      case By::kOp: return std::string(to_string(header.kind));
      case By::kTable: return std::string(header.table);
      case By::kActor: return bytes_of(header.actor_ref);
      case By::kRow: return bytes_of(header.row_ref);
      case By::kField: break;
    }
    return {};
  }

  Result<Insight> finish(Counter& counter) const {
    const InsightRequest& request = counter.request;
    RL_TRY(name_parts(counter));
    std::vector<std::pair<std::string, Count>> sorted(counter.counts.begin(), counter.counts.end());
    if (counter.by_time()) {
      std::ranges::sort(sorted, {}, &std::pair<std::string, Count>::first);
    } else {
      std::ranges::sort(sorted, [](const auto& a, const auto& b) {
        return a.second.entries != b.second.entries ? a.second.entries > b.second.entries : a.first < b.first;
      });
      if (sorted.size() > request.limit) sorted.resize(request.limit);
    }
    Insight out;
    out.total = counter.total;
    for (auto& [key, count] : sorted) {
      Bucket bucket{std::move(key), {}, count.entries, std::move(count.parts), {}};
      RL_TRY(name(request.by, bucket, count.sample));
      out.buckets.push_back(std::move(bucket));
    }
    return out;
  }

  // There can be very many fields and actors: the largest parts get their names, the others become one.
  Status name_parts(Counter& counter) const {
    const bool of_actors = counter.request.split == By::kActor;
    if (!of_actors && counter.request.split != By::kField) return {};
    std::map<std::string, uint64_t> totals;
    for (const auto& [key, count] : counter.counts)
      for (const auto& [part, entries] : count.parts) totals[part] += entries;
    std::vector<std::pair<std::string, uint64_t>> sorted(totals.begin(), totals.end());
    std::ranges::stable_sort(sorted, std::greater<>(), &std::pair<std::string, uint64_t>::second);
    if (sorted.size() > kNamedParts) sorted.resize(kNamedParts);
    std::map<std::string, std::string> names;
    for (const auto& [part, entries] : sorted) {
      Bucket named{part, {}, 0, {}, {}};
      if (of_actors) RL_TRY(name(By::kActor, named, counter.part_samples.at(part)));
      names[part] = named.key;
    }
    for (auto& [key, count] : counter.counts) {
      std::map<std::string, uint64_t> parts;
      for (const auto& [part, entries] : count.parts) {
        const auto found = names.find(part);
        parts[found == names.end() ? std::string() : found->second] += entries;
      }
      count.parts = std::move(parts);
    }
    return {};
  }

  // The search term for the bucket, and for what only the index has a name for, the name.
  Status name(By by, Bucket& bucket, Seq sample) const {
    switch (by) {
      case By::kDay: bucket.query = "created:" + bucket.key; return {};
      case By::kHourOfWeek: return {};
      case By::kField: bucket.query = "field:" + quoted(bucket.key); return {};
      case By::kVia: bucket.query = "via:" + bucket.key; return {};
      case By::kOp: bucket.query = "op:" + bucket.key; return {};
      case By::kTable: bucket.query = "table:" + quoted(bucket.key); return {};
      case By::kActor:
      case By::kRow: break;
    }
    RL_ASSIGN(const std::optional<Shown> shown, view_.entry(sample));
    if (!shown) {
      bucket.key.clear();
      return {};
    }
    const record::EntryBody& body = shown->entry().body;
    if (by == By::kActor) {
      bucket.key = body.attribution.actor_id;
      bucket.label = body.attribution.actor_name;
      bucket.query = bucket.key.empty() ? "-actor:*" : "actor:" + quoted(bucket.key);
      return {};
    }
    const std::string_view table = shown->entry().header.table;
    const std::string key = store::key_text(body.key);
    bucket.key = fmt::format("{}/{}", table, key);
    if (!view_.masks() || !view_.state_->masker.hides_key(table))
      bucket.query = fmt::format("table:{} key:{}", quoted(table), quoted(key));
    return {};
  }

  const View& view_;
  const query::Search& search_;
  std::optional<Timestamp> from_, to_;
  LocalClock clock_;
  std::vector<Counter> counters_;
};

Result<std::vector<Insight>> count_changes(const View& view, const query::Search& search, const Period& period,
                                           std::span<const InsightRequest> requests) {
  for (const InsightRequest& request : requests) {
    if (!request.split) continue;
    const By split = *request.split;
    if (split == By::kDay || split == By::kHourOfWeek || split == By::kRow)
      return fail(ErrorCode::kInvalid, "split must be via, op, table, field or actor");
    if (split == By::kField && request.by == By::kField)
      return fail(ErrorCode::kInvalid, "fields are not split by field");
  }
  return Counting(view, search, period, requests).count();
}

}  // namespace rowledger::view
