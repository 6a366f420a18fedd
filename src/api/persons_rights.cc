#include "api/persons_rights.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "api/answer.h"
#include "api/entry_of.h"
#include "api/export_spool.h"
#include "api/json_view.h"
#include "api/json_writer.h"
#include "capture/owners.h"
#include "query/reader.h"
#include "store/terms.h"

namespace rowledger::api {
namespace {

constexpr char kHoldsKey[] = "privacy.holds";
constexpr size_t kHistoryPage = 1'000;

std::string owners_json(const std::vector<store::Owner>& owners) {
  std::string out = "[";
  for (const store::Owner& owner : owners) {
    if (out.size() > 1) out += ',';
    JsonWriter one;
    if (!owner.tenant.empty()) one.text("tenant", owner.tenant);
    out += one.text("subject", owner.subject).finish();
  }
  return out + "]";
}

std::vector<store::Owner> owners_of(const std::set<std::string>& subjects, const std::set<std::string>& tenants) {
  std::vector<store::Owner> out;
  for (const std::string& subject : subjects)
    for (const std::string& tenant : tenants) out.push_back({tenant, subject});
  return out;
}

bool leaves(const record::EntryBody& body, std::string_view key) {
  return !body.old_key.empty() && store::key_text(body.old_key) == key;
}

}  // namespace

Result<Person> PersonsRights::find(const people::Principal& by, std::string_view table, std::string_view key) const {
  Person out;
  out.table = table.find('.') == std::string_view::npos ? fmt::format("public.{}", table) : std::string(table);
  out.key = key;
  const auto settings = std::ranges::find(tables_, out.table, &capture::TableSettings::table);
  if (settings == tables_.end())
    return fail(ErrorCode::kNotFound, fmt::format("the table {} is not captured", out.table));
  if (settings->subject.empty())
    return fail(ErrorCode::kInvalid, fmt::format("rows of {} are nobody's in particular: subject in its [[table]] says "
                                                 "whose data they are",
                                                 out.table));
  if (settings->subject != "self")
    return fail(ErrorCode::kInvalid, fmt::format("rows of {} are about a person in {}, whom {} names: give that person",
                                                 out.table, settings->subject, settings->subject_column));
  RL_ASSIGN(const Traces found, trace(out.table, key, std::nullopt, {}));
  const bool visible = !by.tenant || (found.tenants.size() == 1 && found.tenants.contains(*by.tenant));
  if (!found.any || !visible)
    return fail(ErrorCode::kNotFound, fmt::format("the log knows no row {} of {}", key, out.table));
  out.entries = found.entries;
  out.owners = owners_of(found.subjects, found.tenants);
  return out;
}

// Adds what the entries at the key say, from the newest back to `since`. Answers the one by which the row left that
// stood there then; without `since` the newest, if it is one by which a row left.
Result<std::optional<record::OwnedEntry>> PersonsRights::trace_at(std::string_view table, std::string_view key,
                                                                  std::optional<Seq> since, Traces& out) const {
  std::optional<record::OwnedEntry> left;
  bool is_newest = true;
  std::optional<Seq> before;
  do {
    RL_ASSIGN(auto page, query::Reader(store_).history(table, key, before, kHistoryPage));
    for (auto& entry : page.entries) {
      if (since && entry.header().seq <= *since) return left;
      out.any = true;
      if (entry.values() == record::Values::kLocked)
        return fail(ErrorCode::kUnavailable, "the keys are locked: whose values these are cannot be told");
      if (!entry.body().subject.empty()) out.subjects.emplace(entry.body().subject);
      out.tenants.emplace(entry.header().tenant);
      if (leaves(entry.body(), key) && (since || is_newest)) left = std::move(entry);
      is_newest = false;
    }
    before = page.next;
  } while (before);
  return left;
}

Result<PersonsRights::Traces> PersonsRights::trace(std::string_view table, std::string_view key,
                                                   std::optional<Seq> since, Traces of) const {
  Traces out = std::move(of);
  out.subjects.insert(fmt::format("{}/{}", table, key));
  // Under another key, before or since, a person had another name.
  for (std::string at(key);;) {
    RL_ASSIGN(const auto left, trace_at(table, at, since, out));
    if (!left) break;
    at = store::key_text(left->body().key);
    since = left->header().seq;
  }
  for (const std::string& subject : out.subjects) {
    RL_ASSIGN(const auto found, store_.trace_of(subject, store_.end()));
    out.any = out.any || found.entries > 0;
    out.entries += found.entries;
    for (const std::string& tenant : found.tenants) out.tenants.insert(tenant);
  }
  return out;
}

Result<Erased> PersonsRights::erase(const people::Principal& by, std::string_view table, std::string_view key,
                                    std::string_view reason, std::string_view basis) {
  const std::lock_guard guard(mutex_);
  RL_ASSIGN(const Person person, find(by, table, key));
  RL_ASSIGN(const store::HeldValues held, held_now());
  if (is_held(person, held))
    return fail(ErrorCode::kConflict,
                "a hold stands on this person: nothing may be erased until it is lifted "
                "(`rowledger hold --list`)");
  if (exports_ != nullptr) RL_TRY(exports_->discard_all());
  Erased out;
  out.entries = person.entries;
  RL_ASSIGN(out.without_subject, find_without_subject(store_, tables_, retention_, person.table, person.key));
  JsonWriter detail;
  detail.raw("by", who_json(by))
      .text("table", person.table)
      .text("key", person.key)
      .text("reason", reason)
      .text("basis", basis)
      .number("entries", person.entries)
      .raw("owners", owners_json(person.owners));
  if (out.without_subject.entries > 0) detail.number("without_subject", out.without_subject.entries);
  const std::string text = detail.finish();
  RL_ASSIGN(out.seq, capture_.erase(entry_of(record::EntryKind::kErase, by, person.owners.front().tenant, text)));
  // Also those that were begun while the key was still there.
  if (exports_ != nullptr) RL_TRY(capture_.remove_copies([this] { return exports_->discard_all(); }));
  std::set<std::string_view> subjects;
  for (const store::Owner& owner : person.owners) subjects.insert(owner.subject);
  for (const std::string_view subject : subjects) {
    RL_ASSIGN(const auto left, store_.trace_of(std::string(subject), out.seq));
    out.in_clear += left.entries;
  }
  return out;
}

// A line each: the seq of its entry, and names.
std::string PersonsRights::lines_of(const std::vector<Standing>& standing) {
  std::string out;
  for (const Standing& hold : standing) {
    out += std::to_string(hold.id.value);
    for (const std::string& name : hold.names) out += ' ' + name;
    out += '\n';
  }
  return out;
}

Result<std::vector<PersonsRights::Standing>> PersonsRights::standing() const {
  RL_ASSIGN(const auto text, store_.meta(kHoldsKey));
  std::vector<Standing> out;
  std::istringstream lines(text.value_or(std::string()));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    const auto seq = parse_number(word);
    if (!seq) return fail(ErrorCode::kCorrupt, "the list of holds is malformed");
    Standing& hold = out.emplace_back(Standing{{*seq}, {}});
    while (words >> word) hold.names.push_back(word);
  }
  return out;
}

// With what is nobody's in the same tenants; and of each subject the one without a tenant, by which he is known
// whatever tenants he has.
std::vector<std::string> PersonsRights::names_of(const Person& person) const {
  std::set<std::string> out;
  for (const store::Owner& owner : person.owners) {
    out.insert(store_.name_of(owner));
    out.insert(store_.name_of({owner.tenant, {}}));
    out.insert(store_.name_of({{}, owner.subject}));
  }
  return {out.begin(), out.end()};
}

bool PersonsRights::is_held(const Person& person, const store::HeldValues& held) const {
  const auto subjects = [](const std::vector<store::Owner>& owners) {
    std::set<std::string_view> out;
    for (const store::Owner& owner : owners) out.insert(owner.subject);
    return out;
  };
  const auto held_subjects = subjects(held.owners);
  const std::set<std::string_view> names(held.names.begin(), held.names.end());
  return std::ranges::any_of(subjects(person.owners), [&](std::string_view subject) {
    return held_subjects.contains(subject) || names.contains(store_.name_of({{}, std::string(subject)}));
  });
}

Result<Hold> PersonsRights::hold(const people::Principal& by, std::string_view table, std::string_view key,
                                 std::string_view reason) {
  const std::lock_guard guard(mutex_);
  RL_ASSIGN(const Person person, find(by, table, key));
  RL_ASSIGN(std::vector<Standing> all, standing());
  Hold out;
  out.tenant = person.owners.front().tenant;
  out.detail = JsonWriter()
                   .text("event", "hold")
                   .raw("by", who_json(by))
                   .text("table", person.table)
                   .text("key", person.key)
                   .text("reason", reason)
                   .raw("owners", owners_json(person.owners))
                   .finish();
  RL_ASSIGN(out.id, capture_.append_with(entry_of(record::EntryKind::kControl, by, out.tenant, out.detail),
                                         [&](Seq seq) -> capture::Capture::Meta {
                                           all.push_back({seq, names_of(person)});
                                           return {{kHoldsKey, lines_of(all)}};
                                         }));
  RL_ASSIGN(const auto entry, store_.read(out.id));
  if (entry) out.since = entry->header().received_at;
  return out;
}

Result<std::vector<Hold>> PersonsRights::holds(const people::Principal& by) const {
  RL_ASSIGN(const std::vector<Standing> all, standing());
  std::vector<Hold> out;
  for (const Standing& one : all) {
    RL_ASSIGN(const auto entry, store_.read(one.id));
    if (!entry || entry->values() == record::Values::kLocked)
      return fail(ErrorCode::kUnavailable, fmt::format("the hold of entry {} cannot be read", one.id.value));
    const std::string tenant(entry->header().tenant);
    if (by.tenant && *by.tenant != tenant) continue;
    const bool is_lost = entry->values() == record::Values::kErased;
    out.push_back({one.id, is_lost ? std::string() : std::string(entry->body().detail), entry->header().received_at,
                   tenant, one.names});
  }
  return out;
}

Status PersonsRights::lift(const people::Principal& by, Seq id, std::string_view reason) {
  const std::lock_guard guard(mutex_);
  RL_ASSIGN(const std::vector<Hold> visible, holds(by));
  const auto lifted = std::ranges::find(visible, id, &Hold::id);
  if (lifted == visible.end())
    return fail(ErrorCode::kNotFound, fmt::format("no hold stands that entry {} made", id.value));
  RL_ASSIGN(std::vector<Standing> all, standing());
  std::erase_if(all, [&](const Standing& one) { return one.id == id; });
  JsonWriter detail;
  detail.text("event", "hold-lifted").raw("by", who_json(by)).number("hold", id.value);
  if (!reason.empty()) detail.text("reason", reason);
  const std::string text = detail.finish();
  RL_TRY(capture_.append_with(entry_of(record::EntryKind::kControl, by, lifted->tenant, text),
                              [&](Seq) -> capture::Capture::Meta {
                                return {{kHoldsKey, lines_of(all)}};
                              }));
  return {};
}

// What a hold's entry says was so when it was placed. Since then others may have become the person's.
Result<store::HeldValues> PersonsRights::held_now() const {
  const people::Principal everybody;
  RL_ASSIGN(const std::vector<Hold> all, holds(everybody));
  store::HeldValues out;
  for (const Hold& hold : all) {
    if (!hold.is_readable()) {
      if (hold.names.empty())
        return fail(ErrorCode::kConflict,
                    fmt::format("whose values the hold {0} keeps is not known, because its key is lost: nothing is "
                                "erased until it is lifted (`rowledger hold --lift {0}`)",
                                hold.id.value));
      out.names.insert(out.names.end(), hold.names.begin(), hold.names.end());
      continue;
    }
    RL_ASSIGN(const auto then, capture::owners_of(hold.detail));
    Traces known;
    for (const store::Owner& owner : then) {
      known.subjects.insert(owner.subject);
      known.tenants.insert(owner.tenant);
    }
    const JsonView detail(hold.detail);
    RL_ASSIGN(const Traces now, trace(detail["table"].text(), detail["key"].text(), hold.id, std::move(known)));
    const auto owners = owners_of(now.subjects, now.tenants);
    out.owners.insert(out.owners.end(), owners.begin(), owners.end());
  }
  return out;
}

capture::Capture::Held PersonsRights::held() const {
  return [this, of = std::optional<std::vector<Standing>>(),
          held = store::HeldValues()]() mutable -> Result<store::HeldValues> {
    RL_ASSIGN(const std::vector<Standing> all, standing());
    if (of != all) {
      RL_ASSIGN(held, held_now());
      of = all;
    }
    return held;
  };
}

}  // namespace rowledger::api
