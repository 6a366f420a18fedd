#include "store/terms.h"

#include <algorithm>
#include <charconv>

#include "store/json_leaves.h"

namespace rowledger::store {
namespace {

using record::Entry;
using record::FieldChange;
using record::Flag;
using record::ValueForm;

constexpr size_t kMaxValueBytes = 4'096;
constexpr size_t kMaxWords = 32;
constexpr size_t kMinWordBytes = 2;
constexpr size_t kMinPhoneDigits = 7, kMaxPhoneDigits = 15;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// "2026-11-23 09:30:01", with or without fraction and zone; 'T' may stand for the space.
bool is_moment(std::string_view text) {
  return text.size() >= 19 && is_digit(text[0]) && text[4] == '-' && text[7] == '-' &&
         (text[10] == ' ' || text[10] == 't' || text[10] == 'T') && text[13] == ':' && text[16] == ':' &&
         is_digit(text[18]);
}

bool is_date(std::string_view text) { return text.size() == 10 && text[4] == '-' && text[7] == '-'; }

// A phone number as people write it, with at least one mark that digits alone do not have.
bool is_written_phone(std::string_view text) {
  size_t digits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_digit(c)) {
      ++digits;
    } else if (c == '+' || c == '-') {
      if ((c == '+') != (i == 0)) return false;
    } else if (c != ' ' && c != '(' && c != ')') {
      return false;
    }
  }
  return digits >= kMinPhoneDigits && digits <= kMaxPhoneDigits && digits < text.size() && !is_date(text);
}

// The lower-case form of a letter of two UTF-8 bytes, as far as one rule per script can say.
uint32_t lower_two_bytes(uint32_t code) {
  if (code >= 0xc0 && code <= 0xde && code != 0xd7) return code + 0x20;  // Latin-1
  if ((code >= 0x139 && code <= 0x148) || (code >= 0x179 && code <= 0x17e)) return code + (code & 1);
  if (code == 0x178) return 0xff;
  if (code >= 0x100 && code <= 0x177 && code != 0x130 && code != 0x131 && code != 0x138) return code | 1;
  if (code >= 0x391 && code <= 0x3a9 && code != 0x3a2) return code + 0x20;  // Greek
  if (code >= 0x410 && code <= 0x42f) return code + 0x20;                   // Cyrillic
  if (code >= 0x400 && code <= 0x40f) return code + 0x50;
  return code;
}

void lower_into(std::string_view text, std::string& out) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 'A' && c <= 'Z') {
      out.push_back(static_cast<char>(c + 32));
    } else if ((c & 0xe0) == 0xc0 && i + 1 < text.size() && (text[i + 1] & 0xc0) == 0x80) {
      const uint32_t code = lower_two_bytes((c & 0x1fu) << 6 | (static_cast<unsigned char>(text[i + 1]) & 0x3fu));
      out.push_back(static_cast<char>(0xc0 | code >> 6));
      out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
      ++i;
    } else {
      out.push_back(static_cast<char>(c));
    }
  }
}

void normalise_into(std::string_view value, std::string& out) {
  out.clear();
  value = value.substr(0, kMaxValueBytes);
  while (!value.empty() && is_space(value.front())) value.remove_prefix(1);
  while (!value.empty() && is_space(value.back())) value.remove_suffix(1);
  if (is_written_phone(value)) {
    std::copy_if(value.begin(), value.end(), std::back_inserter(out), is_digit);
  } else {
    lower_into(value, out);
  }
}

// How many bytes of a letter or digit stand at `at`; 0 for anything else. Outside ASCII all is taken for a letter
// but the general punctuation, the Latin-1 signs and the danda.
size_t letter_at(std::string_view text, size_t at, bool& is_letter) {
  const auto c = static_cast<unsigned char>(text[at]);
  if (c < 0x80) {
    if (is_digit(text[at])) return 1;
    if ((c | 0x20) < 'a' || (c | 0x20) > 'z') return 0;
    is_letter = true;
    return 1;
  }
  const auto next = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : 0;
  if (c == 0xc2 || (c == 0xe2 && (next == 0x80 || next == 0x81)) || (c == 0xe3 && next == 0x80)) return 0;
  if (c == 0xe0 && next == 0xa5 && at + 2 < text.size() && (static_cast<unsigned char>(text[at + 2]) | 1) == 0xa5)
    return 0;
  is_letter = true;
  return 1;
}

// Calls visit for the words of a normalised text.
template <class Visit>
void for_each_word(std::string_view normalised, Visit&& visit) {
  if (is_moment(normalised)) return;
  std::string_view words[kMaxWords];
  size_t count = 0;
  bool any_letter = false;
  for (size_t i = 0; i < normalised.size();) {
    size_t end = i;
    while (end < normalised.size()) {
      const size_t n = letter_at(normalised, end, any_letter);
      if (n == 0) break;
      end += n;
    }
    if (end - i >= kMinWordBytes && count < kMaxWords) words[count++] = normalised.substr(i, end - i);
    i = end;
    // The bytes of a sign that is no letter, up to the next that can begin one.
    for (++i; i < normalised.size() && (normalised[i] & 0xc0) == 0x80; ++i) {
    }
  }
  if (!any_letter) return;
  for (size_t i = 0; i < count; ++i) visit(words[i]);
}

// Gives the terms of one entry; keeps buffers between entries.
class Terms {
 public:
  void collect(const Entry& entry, const TermSink& sink, bool with_unfindable) {
    sink_ = &sink;
    with_unfindable_ = with_unfindable;
    const auto& header = entry.header;
    const auto& body = entry.body;
    const bool is_row = record::is_change(header.kind);
    give(Dimension::kTable, header.table);
    sink(Dimension::kKind, to_string(header.kind));
    sink(Dimension::kVia, to_string(header.via));
    sink(Dimension::kTrust, to_string(header.trust));
    give(Dimension::kRole, body.attribution.role);
    give(Dimension::kTenant, header.tenant);
    give(Dimension::kActor, body.attribution.actor_id);
    normalise_into(body.attribution.actor_name, scratch_);
    give(Dimension::kActor, scratch_);
    flags(header, is_row);
    fields(entry);
    keys(body);
    give(Dimension::kSubject, body.subject);
    if (header.tx) {
      char digits[10];
      const auto end = std::to_chars(digits, digits + sizeof(digits), header.tx->xid).ptr;
      sink(Dimension::kTx, {digits, static_cast<size_t>(end - digits)});
    }
    context(body.attribution.context);
    if (header.kind == record::EntryKind::kAccess) looked_at(body.detail);
    for (const FieldChange& change : body.changes) values(change);
  }

 private:
  void give(Dimension dimension, std::string_view value) {
    if (!value.empty()) (*sink_)(dimension, value);
  }

  void flags(const record::EntryHeader& header, bool is_row) {
    constexpr std::pair<Flag, std::string_view> kNames[] = {{record::kHousekeeping, "housekeeping"},
                                                            {record::kForged, "forged"},
                                                            {record::kContextMalformed, "malformed-context"},
                                                            {record::kActorFromColumn, "actor-from-column"},
                                                            {record::kBulk, "bulk"}};
    for (const auto& [flag, name] : kNames)
      if (header.has(flag)) (*sink_)(Dimension::kFlag, name);
    if (is_row && header.trust <= record::Trust::kDatabase) (*sink_)(Dimension::kFlag, "unattributed");
  }

  void fields(const Entry& entry) {
    if (entry.header.kind != record::EntryKind::kUpdate && entry.header.kind != record::EntryKind::kGap) return;
    for (const FieldChange& change : entry.body.changes) give(Dimension::kField, change.field);
  }

  void keys(const record::EntryBody& body) {
    for (const auto* key : {&body.key, &body.old_key}) {
      if (key->size() == 1 && key->front().value.find_first_of("%,") == std::string_view::npos) {
        give(Dimension::kKey, key->front().value);
      } else if (!key->empty()) {
        give(Dimension::kKey, key_text(*key));
      }
    }
  }

  void context(std::string_view json) {
    if (json.empty()) return;
    old_leaves_.scan(json);
    for (const JsonLeaf& leaf : old_leaves_.leaves()) {
      if (leaf.depth != 1 || !leaf.is_string) continue;
      if (leaf.name == "request_id") give(Dimension::kRequest, leaf.text);
      if (leaf.name == "reason") text(Dimension::kReason, leaf.text);
    }
  }

  void looked_at(std::string_view detail) {
    old_leaves_.scan(detail);
    for (const JsonLeaf& leaf : old_leaves_.leaves())
      if (leaf.depth == 1 && leaf.is_string && leaf.name == "key") give(Dimension::kKey, leaf.text);
  }

  void values(const FieldChange& change) {
    const bool has_old = change.before.presence == record::Presence::kValue;
    const bool has_new = change.after.presence == record::Presence::kValue;
    if (change.form == ValueForm::kJson) {
      old_leaves_.scan(has_old ? change.before.text : std::string_view());
      new_leaves_.scan(has_new ? change.after.text : std::string_view());
      differing(Dimension::kOldValue, old_leaves_.leaves(), new_leaves_.leaves());
      differing(Dimension::kNewValue, new_leaves_.leaves(), old_leaves_.leaves());
      return;
    }
    if (has_old) text(Dimension::kOldValue, change.before.text);
    if (has_new) text(Dimension::kNewValue, change.after.text);
  }

  void text(Dimension dimension, std::string_view value) {
    normalise_into(value, scratch_);
    whole(dimension, scratch_);
    if (value.size() > kMaxValueBytes) return;
    for_each_word(scratch_, [&](std::string_view word) {
      if (word.size() != scratch_.size()) whole(dimension, word);
    });
  }

  void whole(Dimension dimension, std::string_view normalised) {
    if (with_unfindable_ ? !normalised.empty() : is_findable(normalised)) (*sink_)(dimension, normalised);
  }

  // The leaves of `these` that `others` does not have at the same path.
  void differing(Dimension dimension, const std::vector<JsonLeaf>& these, const std::vector<JsonLeaf>& others) {
    by_path_.clear();
    for (const JsonLeaf& leaf : others) by_path_.emplace_back(leaf.path, leaf.text);
    std::sort(by_path_.begin(), by_path_.end());
    for (const JsonLeaf& leaf : these)
      if (!std::binary_search(by_path_.begin(), by_path_.end(), std::pair(leaf.path, leaf.text)))
        text(dimension, leaf.text);
  }

  const TermSink* sink_ = nullptr;
  bool with_unfindable_ = false;
  std::string scratch_;
  JsonLeaves old_leaves_, new_leaves_;
  std::vector<std::pair<uint64_t, std::string_view>> by_path_;
};

Terms& thread_terms() {
  thread_local Terms terms;
  return terms;
}

}  // namespace

void for_each_term(const Entry& entry, const TermSink& sink) { thread_terms().collect(entry, sink, false); }

bool has_term(const Entry& entry, Dimension dimension, std::string_view value) {
  const bool is_value =
      dimension == Dimension::kOldValue || dimension == Dimension::kNewValue || dimension == Dimension::kReason;
  const std::string wanted = is_value ? normalise(value) : std::string(value);
  const std::string name = dimension == Dimension::kActor ? normalise(value) : wanted;
  bool found = false;
  thread_terms().collect(
      entry, [&](Dimension d, std::string_view v) { found = found || (d == dimension && (v == wanted || v == name)); },
      true);
  return found;
}

std::string normalise(std::string_view value) {
  std::string out;
  normalise_into(value, out);
  return out;
}

std::vector<std::string> words_of(std::string_view value) {
  std::vector<std::string> out;
  if (value.size() > kMaxValueBytes) return out;
  for_each_word(normalise(value), [&](std::string_view word) { out.emplace_back(word); });
  return out;
}

bool is_findable(std::string_view normalised) { return normalised.size() >= 2 && !is_moment(normalised); }

std::string key_text(const std::vector<record::KeyPart>& key) {
  std::string out;
  for (const record::KeyPart& part : key) {
    if (&part != &key.front()) out += ',';
    for (const char c : part.value) {
      if (c == '%') {
        out += "%25";
      } else if (c == ',') {
        out += "%2C";
      } else {
        out += c;
      }
    }
  }
  return out;
}

}  // namespace rowledger::store
