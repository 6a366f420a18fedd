#include "view/insights.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
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

constexpr uint64_t kBundle = 256;  // headers are read so many at a time (Store::headers)

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

struct Count {
  uint64_t entries = 0;
  Seq sample;  // one of them
  std::map<std::string, uint64_t> parts;
};

std::string bytes_of(const record::Ref& ref) { return {reinterpret_cast<const char*>(ref.data()), ref.size()}; }

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
  Counting(const View& view, const query::Search& search, const InsightRequest& request)
      : view_(view), search_(search), request_(request) {
    from_ = search.from();
    to_ = search.to();
    if (request.from && (!from_ || *from_ < *request.from)) from_ = request.from;
    if (request.to && (!to_ || *request.to < *to_)) to_ = request.to;
  }

  Result<Insight> count() {
    if (view_.can_tally(search_)) {
      RL_TRY(by_index());
    } else {
      RL_TRY(by_reading());
    }
    return finish();
  }

 private:
  const Store& whole() const { return view_.state_->whole; }
  bool in_time(const EntryHeader& header) const {
    const Timestamp time = time_of(header);
    return (!from_ || time >= *from_) && (!to_ || time <= *to_);
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

  // Which dimension of the index alone answers.
  static std::optional<Dimension> dimension_of(By by) {
    switch (by) {
      case By::kField: return Dimension::kField;
      case By::kVia: return Dimension::kVia;
      case By::kOp: return Dimension::kKind;
      case By::kTable: return Dimension::kTable;
      default: return std::nullopt;
    }
  }

  Status count_range(uint64_t range, const std::vector<Seq>& seqs) {
    const auto dimension = dimension_of(request_.by);
    if (dimension && !request_.split && !from_ && !to_) {
      total_ += seqs.size();
      return tally(range, seqs, *dimension, {});
    }
    std::map<std::string, std::vector<Seq>> parts;  // for fields, which headers do not have
    RL_TRY(each_header(seqs, [&](const EntryHeader& header) {
      if (!in_time(header)) return;
      ++total_;
      const std::string part = request_.split ? part_of(header) : std::string();
      if (request_.by == By::kField) {
        parts[part].push_back(header.seq);
      } else {
        add(key_of(header), header.seq, 1, part);
      }
    }));
    for (const auto& [part, those] : parts) RL_TRY(tally(range, those, Dimension::kField, part));
    return {};
  }

  Status tally(uint64_t range, const std::vector<Seq>& seqs, Dimension dimension, const std::string& part) {
    RL_ASSIGN(const std::vector<Store::Tally> values, whole().tally(range, seqs, dimension));
    for (const Store::Tally& value : values) add(value.value, seqs.front(), value.entries, part);
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
      ++total_;
      const std::string part = request_.split ? part_of(entry.header) : std::string();
      if (request_.by != By::kField) {
        add(key_of(entry.header), shown.seq(), 1, part);
        return true;
      }
      if (entry.header.kind != EntryKind::kUpdate) return true;  // others have every column
      std::string_view last;
      for (const record::FieldChange& change : entry.body.changes) {
        if (change.field != last) add(std::string(change.field), shown.seq(), 1, part);
        last = change.field;
      }
      return true;
    });
  }

  std::string key_of(const EntryHeader& header) {
    switch (request_.by) {
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

  std::string part_of(const EntryHeader& header) const {
    if (request_.split == By::kVia) return std::string(to_string(header.via));
    if (request_.split == By::kOp) return std::string(to_string(header.kind));
    return std::string(header.table);
  }

  void add(const std::string& key, Seq sample, uint64_t entries, const std::string& part) {
    Count& count = counts_[key];
    count.entries += entries;
    count.sample = sample;
    if (request_.split) count.parts[part] += entries;
  }

  bool is_by_time() const { return request_.by == By::kDay || request_.by == By::kHourOfWeek; }

  Result<Insight> finish() {
    Insight out;
    out.total = total_;
    std::vector<std::pair<std::string, Count>> sorted(counts_.begin(), counts_.end());
    if (is_by_time()) {
      std::ranges::sort(sorted, {}, &std::pair<std::string, Count>::first);
    } else {
      std::ranges::sort(sorted, [](const auto& a, const auto& b) {
        return a.second.entries != b.second.entries ? a.second.entries > b.second.entries : a.first < b.first;
      });
      if (sorted.size() > request_.limit) sorted.resize(request_.limit);
    }
    for (auto& [key, count] : sorted) {
      Bucket bucket{std::move(key), {}, count.entries, std::move(count.parts), {}};
      RL_TRY(name(bucket, count.sample));
      out.buckets.push_back(std::move(bucket));
    }
    return out;
  }

  // The search term for the bucket, and for what only the index has a name for, the name.
  Status name(Bucket& bucket, Seq sample) {
    switch (request_.by) {
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
    if (request_.by == By::kActor) {
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
  const InsightRequest& request_;
  std::optional<Timestamp> from_, to_;
  LocalClock clock_;
  uint64_t total_ = 0;
  std::unordered_map<std::string, Count> counts_;
};

Result<Insight> count_changes(const View& view, const query::Search& search, const InsightRequest& request) {
  const auto& split = request.split;
  if (split && *split != By::kVia && *split != By::kOp && *split != By::kTable)
    return fail(ErrorCode::kInvalid, "split must be via, op or table");
  return Counting(view, search, request).count();
}

}  // namespace rowledger::view
