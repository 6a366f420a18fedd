#include "capture/erasures.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/json_text.h"
#include "base/log.h"

namespace rowledger::capture {
namespace {

constexpr char kOpenKey[] = "capture.open_erasures";
constexpr char kCopiesKey[] = "capture.copies_before";  // the newest erasure whose copies are not removed yet
// Each is synced to the disk while nothing is built: some tenths of a second.
constexpr size_t kKeysATurn = 100;
constexpr size_t kKeysAnEntry = 1'000;
// How long an erasure waits for its turn at the writer.
constexpr auto kPatience = std::chrono::seconds(30);

std::optional<uint64_t> number_of(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string numbers(std::span<const privacy::KeyId> keys) {
  std::string out;
  for (const privacy::KeyId key : keys) out += fmt::format("{}{}", out.empty() ? "" : ",", key.value);
  return out;
}

}  // namespace

// Stored with the next batch.
Status Erasures::remember() {
  std::string text;
  for (const Open& open : open_) text += fmt::format("{}:{}\n", open.seq.value, static_cast<char>(open.stage));
  writer_.batch().set_meta(kOpenKey, text);
  return writer_.flush_and_wait();
}

Status Erasures::finish_open() {
  RL_ASSIGN(const auto text, store_.meta(kOpenKey));
  std::string_view rest = text ? std::string_view(*text) : std::string_view();
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const size_t colon = line.find(':');
    const auto seq = number_of(line.substr(0, colon));
    if (!seq || colon == std::string_view::npos || colon + 2 != line.size())
      return fail(ErrorCode::kCorrupt, "the list of erasures under way is malformed");
    open_.push_back({{*seq}, line.back() == static_cast<char>(Stage::kKeys) ? Stage::kKeys : Stage::kTokens});
  }
  for (const Open& open : std::vector<Open>(open_)) {
    RL_ASSIGN(const auto entry, store_.read(open.seq));
    if (entry && entry->values() == record::Values::kErased) {
      RL_TRY(give_up(open.seq));
      continue;
    }
    if (!entry || entry->values() != record::Values::kHere)
      return fail(ErrorCode::kUnavailable, fmt::format("the erasure that entry {} orders cannot be finished: its "
                                                       "values cannot be read",
                                                       open.seq.value));
    RL_ASSIGN(const auto owners, owners_of(entry->body().detail));
    if (open.stage == Stage::kKeys) RL_TRY(destroy_keys(open.seq, owners));
    RL_TRY(drop_tokens(open.seq, owners));
  }
  // What retention had begun, whether or not it is still configured.
  {
    const auto lock = writer_.lock();
    RL_TRY(tell_expired(1));
    RL_ASSIGN(const std::vector<privacy::KeyId> lost, store_.lost_keys());
    if (!lost.empty()) RL_TRY(tell(R"("reason":"lost","keys_lost")", lost, store::Store::kLostKeys));
  }
  return store_.drop_expired_tokens();
}

// The key of the order was lost, which a restore of the keys was told to accept, and with it whose values it is about.
// Nothing else needs to wait for that.
Status Erasures::give_up(Seq seq) {
  const std::string text = fmt::format(
      "the erasure that entry {} orders was broken off, and nothing tells any longer whose values it is about, because "
      "its key is lost: order it again",
      seq.value);
  log::error("{}", text);
  const auto lock = writer_.lock();
  writer_.add_control(record::EntryKind::kControl, {}, json_object({{"event", "erasure-lost"}, {"text", text}}));
  std::erase_if(open_, [&](const Open& open) { return open.seq == seq; });
  return remember();
}

Result<Seq> Erasures::carry_out(const record::Entry& entry) {
  RL_ASSIGN(const auto owners, owners_of(entry.body.detail));
  const std::lock_guard one_at_a_time(one_at_a_time_);
  if (std::string problem = writer_.problem(); !problem.empty())
    return fail(ErrorCode::kUnavailable, std::move(problem));
  Seq seq;
  {
    const auto lock = writer_.lock_until(std::chrono::steady_clock::now() + kPatience);
    if (!lock) return fail(ErrorCode::kUnavailable, "the log was not written in time");
    // After this nothing is sealed with another of his keys before they are destroyed.
    RL_TRY(writer_.flush_and_wait());
    RL_ASSIGN(const std::string detail, with_keys(entry.body.detail, owners));
    record::Entry copy = entry;
    copy.body.detail = detail;
    seq = writer_.add(copy);
    open_.push_back({seq, Stage::kKeys});
    owe_copies(seq);
    RL_TRY(remember());
    RL_TRY(destroy_keys(seq, owners));
  }
  RL_TRY(drop_tokens(seq, owners));
  return seq;
}

// Named, so that verify knows them, and a backup of the keys that is put back can be made to forget them again.
Result<std::string> Erasures::with_keys(std::string_view detail, const std::vector<store::Owner>& owners) const {
  RL_ASSIGN(const std::vector<privacy::KeyId> keys, store_.keys_of(owners));
  const size_t end = detail.rfind('}');
  return fmt::format("{},\"keys\":[{}]}}", detail.substr(0, end), numbers(keys));
}

Result<uint64_t> Erasures::expire(store::RetentionRules rules, uint32_t today, const Held& held,
                                  const std::atomic<bool>& stop) {
  uint64_t told = 0;
  while (!stop) {
    const std::lock_guard one_at_a_time(one_at_a_time_);
    bool is_last;
    {
      const auto lock = writer_.lock_until(std::chrono::steady_clock::now() + kPatience);
      if (!lock) return fail(ErrorCode::kUnavailable, "the log was not written in time");
      RL_TRY(writer_.flush_and_wait());
      // A hold is placed in an append, so that it stands before this turn or comes after it.
      RL_ASSIGN(rules.held, held());
      RL_ASSIGN(const std::vector<privacy::KeyId> now, store_.destroy_expired(rules, today, kKeysATurn));
      is_last = now.empty();
      if (!is_last) state_.forget_all();
      RL_ASSIGN(const uint64_t count, tell_expired(is_last || stop ? 1 : kKeysAnEntry));
      told += count;
    }
    if (!is_last) continue;
    RL_TRY(store_.drop_expired_tokens());
    return told;
  }
  return fail(ErrorCode::kCancelled, "the program ends");
}

// The numbers, so that a backup of the keys that is put back can be made to forget them again.
Result<uint64_t> Erasures::tell_expired(size_t at_least) {
  RL_ASSIGN(const std::vector<privacy::KeyId> keys, store_.untold_keys());
  if (keys.size() < at_least) return 0;
  RL_TRY(tell(R"("reason":"retention","keys_destroyed")", keys, store::Store::kUntoldKeys));
  return keys.size();
}

Status Erasures::tell(std::string_view why, std::span<const privacy::KeyId> keys, std::string_view list) {
  while (!keys.empty()) {
    const auto part = keys.first(std::min(keys.size(), kKeysAnEntry));
    keys = keys.subspan(part.size());
    const std::string detail = fmt::format(R"({{{}:{},"keys":[{}]}})", why, part.size(), numbers(part));
    owe_copies(writer_.add_control(record::EntryKind::kErase, {}, detail, std::nullopt));
  }
  writer_.batch().set_meta(std::string(list), "");
  return writer_.flush_and_wait();
}

Status Erasures::destroy_keys(Seq seq, const std::vector<store::Owner>& owners) {
  const auto lock = writer_.lock();
  // What is built already has the values that were known until now.
  RL_TRY(writer_.flush_and_wait());
  RL_TRY(store_.destroy_keys(owners));
  state_.forget_all();
  // What comes after this has other keys, which doing it again would destroy.
  std::ranges::find(open_, seq, &Open::seq)->stage = Stage::kTokens;
  return remember();
}

Status Erasures::drop_tokens(Seq seq, const std::vector<store::Owner>& owners) {
  std::set<std::string_view> subjects;
  for (const store::Owner& owner : owners) subjects.insert(owner.subject);
  for (const std::string_view subject : subjects) RL_TRY(store_.drop_tokens(subject));
  const auto lock = writer_.lock();
  std::erase_if(open_, [&](const Open& open) { return open.seq == seq; });
  return remember();
}

// Stored with the next batch.
void Erasures::owe_copies(Seq seq) { writer_.batch().set_meta(kCopiesKey, std::to_string(seq.value)); }

Status Erasures::remove_copies(const std::function<Status()>& remove) {
  RL_ASSIGN(const auto owed, store_.meta(kCopiesKey));
  RL_ASSIGN(const std::vector<privacy::KeyId> untold, store_.untold_keys());
  if (owed.value_or("").empty() && untold.empty()) return {};
  RL_TRY(remove());
  const auto lock = writer_.lock();
  RL_ASSIGN(const auto still_owed, store_.meta(kCopiesKey));
  if (still_owed != owed) return {};  // an erasure came in between
  writer_.batch().set_meta(kCopiesKey, "");
  return writer_.flush_and_wait();
}

}  // namespace rowledger::capture
