#include "view/view.h"

#include <fmt/format.h>

#include <algorithm>

#include "view/view_state.h"

namespace rowledger::view {

using record::OwnedEntry;

namespace {

// So many values one search of somebody who is not shown all may look for.
constexpr size_t kMaxValues = 50;

}  // namespace

Status View::check_search(const query::Search& search) const {
  if (!masks() || search.values_looked_for() <= kMaxValues) return {};
  return fail(ErrorCode::kInvalid,
              fmt::format("a search by somebody who is not shown all values looks for {} of them at most", kMaxValues));
}

View::View(const people::Principal& reader, const Policy& policy, const store::Store& store)
    : state_(std::make_shared<State>(reader, policy, store, std::set<std::string, std::less<>>())) {}

const people::Principal& View::reader() const { return state_->reader; }
bool View::masks() const { return state_->masks; }
const store::Store& View::scope() const { return state_->store; }

Result<View> View::unmasking(std::set<std::string, std::less<>> columns) const {
  if (!state_->reader.may(people::Right::kUnmask))
    return fail(ErrorCode::kPermission,
                fmt::format("the role {} may not see values without their masks", to_string(state_->reader.role)));
  return View(std::make_shared<State>(state_->reader, state_->policy, state_->whole, std::move(columns)));
}

// ---- one entry ------------------------------------------------------------------------------------------------------

Result<Shown> View::show(const record::Entry& plain) const {
  Shown out;
  out.entry_ = out.plain_ = &plain;
  const record::Attribution& who = plain.body.attribution;
  std::optional<std::string> name;
  if (state_->has_names() && !who.actor_id.empty() && who.actor_name.empty()) {
    RL_ASSIGN(name, state_->names.name_at(who.actor_id, plain.header.seq));
  }
  // What stood at the row's place before may have been another tenant's.
  const bool hides_link =
      state_->scope.tenant() && plain.header.prev &&
      ((plain.header.kind != record::EntryKind::kUpdate && plain.header.kind != record::EntryKind::kDelete) ||
       state_->scope.came_from_elsewhere(plain));
  if (!state_->masks && !name && !hides_link) return out;
  out.copy_ = std::make_unique<Shown::Copy>();
  record::Entry& entry = out.copy_->entry = plain;
  if (name) {
    entry.body.attribution.actor_name = out.copy_->texts.emplace_back(std::move(*name));
    entry.body.attribution.name_from = state_->policy.names.table;
  }
  if (hides_link) entry.header.prev.reset();
  if (state_->masks) state_->masker.mask(entry, out.copy_->texts);
  out.entry_ = &entry;
  return out;
}

Result<Shown> View::show(OwnedEntry owned) const {
  auto kept = std::make_unique<const OwnedEntry>(std::move(owned));
  RL_ASSIGN(Shown out, show(kept->entry()));
  out.owned_ = std::move(kept);
  return out;
}

Result<std::optional<Shown>> View::entry(Seq seq) const {
  RL_ASSIGN(std::optional<OwnedEntry> found, state_->store.read(seq));
  if (!found) return std::optional<Shown>();
  RL_ASSIGN(Shown out, show(std::move(*found)));
  return std::optional<Shown>(std::move(out));
}

std::string View::json(const Shown& shown, const query::Images* images) const {
  return query::to_json(shown.entry(), images);
}

Result<query::Images> View::images(const Shown& shown) const {
  RL_ASSIGN(query::Images out, state_->log_reader.images(*shown.plain_));
  if (!state_->masks) return out;
  for (auto* row : {&out.before, &out.after})
    if (*row) state_->masker.mask(shown.plain_->header.table, **row);
  return out;
}

// ---- many entries ---------------------------------------------------------------------------------------------------

// Tells which entries match and shows those, each made once.
class View::Visit {
 public:
  Visit(const View& view, const query::Search& search, const std::function<bool(const Shown&)>& visit)
      : view_(view),
        search_(search),
        visit_(visit),
        needs_shown_((view.masks() && search.looks_at_values()) ||
                     (view.state_->has_names() && search.names_actors())) {}

  bool matches(const record::Entry& plain) {
    if (!needs_shown_) return search_.matches(plain);
    if (!make(plain)) return false;
    return search_.matches(plain, shown_->entry());
  }

  // False: the end.
  bool show(const record::Entry& plain) {
    if (!needs_shown_ && !make(plain)) return false;
    return status_ && visit_(*shown_);
  }

  // After a search, which ends at a failure with the next match.
  Status status() && { return std::move(status_); }
  bool failed() const { return !status_; }

 private:
  bool make(const record::Entry& plain) {
    if (!status_) return false;
    auto shown = view_.show(plain);
    if (!shown) {
      status_ = fail(std::move(shown.error()));
      return false;
    }
    shown_.emplace(std::move(*shown));
    return true;
  }

  const View& view_;
  const query::Search& search_;
  const std::function<bool(const Shown&)>& visit_;
  const bool needs_shown_;
  std::optional<Shown> shown_;
  Status status_;
};

Status View::search(const query::Search& search, query::Order order, std::optional<Seq> from,
                    const std::function<bool(const Shown&)>& visit) const {
  Visit each(*this, search, visit);
  RL_TRY(check_search(search));
  RL_TRY(state_->log_reader.search(
      search, order, from, [&](const OwnedEntry& entry) { return each.failed() || each.matches(entry.entry()); },
      [&](const OwnedEntry& entry) { return !each.failed() && each.show(entry.entry()); }));
  return std::move(each).status();
}

Status View::follow(store::SeqRange range, const query::Search& search,
                    const std::function<bool(const Shown&)>& visit) const {
  Visit each(*this, search, visit);
  RL_TRY(check_search(search));
  RL_TRY(state_->store.follow(range, [&](const OwnedEntry& entry) {
    const bool matches = each.matches(entry.entry());
    return !each.failed() && (!matches || each.show(entry.entry()));
  }));
  return std::move(each).status();
}

bool View::can_tally(const query::Search& search) const {
  return search.filter_is_exact() && !(masks() && search.looks_at_values()) && !search.names_actors();
}

// ---- rows -----------------------------------------------------------------------------------------------------------

Result<HistoryPage> View::history(std::string_view table, std::string_view key, std::optional<Seq> before,
                                  size_t limit) const {
  RL_ASSIGN(query::RowHistoryPage page, state_->log_reader.history(table, key, before, limit));
  HistoryPage out;
  out.next = page.next;
  for (OwnedEntry& entry : page.entries) {
    RL_ASSIGN(Shown shown, show(std::move(entry)));
    out.entries.push_back(std::move(shown));
  }
  return out;
}

Result<query::PastRow> View::at(std::string_view table, std::string_view key, query::Moment moment) const {
  RL_ASSIGN(query::PastRow out, state_->log_reader.at(table, key, moment));
  if (state_->masks) state_->masker.mask(state_->full_name(table), out.row);
  return out;
}

// A position says nothing about what stands there, so that the whole log is looked through: a part of it has none of
// the others' times.
Result<query::Moment> View::moment(std::string_view when, Timestamp now) const {
  return query::Reader(state_->whole).moment(when, now);
}

namespace {

const query::RowImage::Field* find(const query::RowImage& row, std::string_view name) {
  for (const auto& field : row.fields)
    if (field.name == name) return &field;
  return nullptr;
}

record::Value value_of(const query::RowImage::Field* field, std::deque<std::string>& texts) {
  if (field == nullptr) return {};
  return {field->presence, texts.emplace_back(field->text)};
}

}  // namespace

Result<RowDifference> View::difference(std::string_view table, std::string_view key, query::Moment from,
                                       query::Moment to) const {
  RowDifference out;
  RL_ASSIGN(out.from, state_->log_reader.at(table, key, from));
  RL_ASSIGN(out.to, state_->log_reader.at(table, key, to));
  const std::string name = state_->full_name(table);
  record::Entry difference;
  difference.header.kind = record::EntryKind::kUpdate;
  difference.header.table = name;
  const auto add = [&](const query::RowImage::Field& named) {
    const record::Value before = value_of(find(out.from.row, named.name), out.texts),
                        after = value_of(find(out.to.row, named.name), out.texts);
    if (before != after)
      difference.body.changes.push_back({out.texts.emplace_back(named.name), named.form, before, after});
  };
  for (const auto& field : out.to.row.fields) add(field);
  for (const auto& field : out.from.row.fields)
    if (find(out.to.row, field.name) == nullptr) add(field);
  if (state_->masks) {
    state_->masker.mask(difference, out.texts);
    state_->masker.mask(name, out.from.row);
    state_->masker.mask(name, out.to.row);
  }
  out.changes = std::move(difference.body.changes);
  return out;
}

}  // namespace rowledger::view
