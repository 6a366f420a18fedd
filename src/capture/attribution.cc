#include "capture/attribution.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

namespace rowledger::capture {
namespace {

namespace json = boost::json;

constexpr size_t kStampBytes = 64;
constexpr std::string_view kBodyBegins = "rowledger 2 ";

// A JSON object, or nothing. Contexts are small; the parser's buffer usually stays on the stack.
std::optional<json::object> parse_object(std::string_view text) {
  json::parse_options options;
  options.max_depth = 32;
  boost::system::error_code error;
  json::value value = json::parse({text.data(), text.size()}, error, {}, options);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.as_object());
}

// A member as text: strings as they are, numbers in decimal; empty when absent or of another type.
std::string text_member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains({name.data(), name.size()});
  if (value == nullptr) return {};
  if (const json::string* text = value->if_string()) return {text->data(), text->size()};
  if (value->is_number()) return json::serialize(*value);
  return {};
}

bool is_stamped(std::string_view content) {
  return content.size() > kStampBytes && content.substr(kStampBytes).starts_with(kBodyBegins);
}

// Takes what stands before `end` away from the front, and `end` with it.
std::string_view take_until(char end, std::string_view& rest) {
  const std::string_view taken = rest.substr(0, rest.find(end));
  rest.remove_prefix(std::min(taken.size() + 1, rest.size()));
  return taken;
}

// At most so many bytes of the text's front, without a part of a UTF-8 character at their end.
size_t whole_characters(std::string_view text, size_t most) {
  if (text.size() <= most) return text.size();
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return most;
}

bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return true;
  if (pattern.back() == '*') return text.starts_with(pattern.substr(0, pattern.size() - 1));
  return pattern == text;
}

// Whether the 64-bit id is the transaction's, of which the wire tells the low half.
bool names_transaction(std::string_view xid8, uint32_t xid) {
  uint64_t full_xid = 0;
  const auto [end, error] = std::from_chars(xid8.data(), xid8.data() + xid8.size(), full_xid);
  return error == std::errc() && end == xid8.data() + xid8.size() && static_cast<uint32_t>(full_xid) == xid;
}

// `all 16385,16390` or `perhaps 16385`; what is no number is passed over.
void note_nested(std::string_view line, std::vector<Who::Nested>& nested) {
  const bool sure = take_until(' ', line) == "all";
  while (!line.empty()) {
    const std::string_view number = take_until(',', line);
    uint32_t oid = 0;
    std::from_chars(number.data(), number.data() + number.size(), oid);
    if (oid == 0) continue;
    const auto known = std::find_if(nested.begin(), nested.end(), [&](const auto& n) { return n.relation == oid; });
    if (known != nested.end()) {
      known->sure = sure;
    } else {
      nested.push_back({oid, sure});
    }
  }
}

// Somebody imitates the trigger: nobody is named until it speaks again.
Who forgery() {
  Who who;
  who.flags = record::kForged;
  return who;
}

// What the context says beyond the members that have places of their own.
std::string without_own_places(json::object object) {
  for (const char* name : {"actor_id", "actor_name", "via"}) object.stable_erase(name);
  return object.empty() ? std::string() : json::serialize(object);
}

}  // namespace

Attributor::Attributor(const Settings& settings, std::string stamp_secret)
    : settings_(settings), stamp_secret_(std::move(stamp_secret)) {
  if (!settings.context_hmac_key.empty()) context_hmac_.emplace(settings.context_hmac_key);
}

void Attributor::apply(std::string_view content, uint32_t xid, Who& who) {
  if (is_stamped(content)) {
    const std::string_view body = content.substr(kStampBytes);
    if (stamp_is_right(content.substr(0, kStampBytes), body)) {
      apply_stamped(body, xid, who);
    } else {
      who = forgery();
    }
  } else {
    // Nothing of what an earlier context claimed holds for this one; what the trigger told does.
    who.trust = who.by_trigger ? record::Trust::kDatabase : record::Trust::kUnknown;
    who.via = who.by_trigger ? via_by_rule(who) : record::Via::kUnknown;
    who.flags = 0;
    apply_context(content, {}, xid, who);
  }
}

bool Attributor::stamp_is_right(std::string_view stamp, std::string_view body) const {
  if (stamp_secret_.empty()) return false;
  return equal_in_constant_time(to_base64(sha384(stamp_secret_, body)), stamp);
}

void Attributor::apply_stamped(std::string_view body, uint32_t xid, Who& who) {
  std::string_view session = take_until('\n', body).substr(kBodyBegins.size());
  const std::string_view xid8 = take_until('\n', body);
  // Taken from another transaction, where the trigger made it.
  if (!names_transaction(xid8, xid)) {
    who = forgery();
    return;
  }
  take_until('\n', body);
  take_until('\n', body);
  const std::string_view nested = take_until('\n', body);
  std::vector<Who::Nested> nested_before = std::move(who.nested);
  who = {};
  who.by_trigger = true;
  who.client = take_until(' ', session);
  who.application = take_until('\n', body);
  who.role = take_until('\n', body);
  who.trust = record::Trust::kDatabase;
  who.via = via_by_rule(who);
  if (!nested.empty()) {
    who.nested = std::move(nested_before);
    note_nested(nested, who.nested);
  }
  if (!body.empty()) apply_context(body, xid8, xid, who);
}

void Attributor::apply_context(std::string_view text, std::string_view xid8, uint32_t xid, Who& who) {
  who.actor_id.clear();
  who.actor_name.clear();
  who.context.clear();
  auto object = text.size() <= kMaxContextBytes ? parse_object(text) : std::nullopt;
  if (!object) {
    who.flags |= record::kContextMalformed;
    who.context = text.substr(0, whole_characters(text, kMaxContextBytes));
    return;
  }
  bool verified = false;
  if (object->contains("signed") || object->contains("hmac")) {
    const std::string signed_text = text_member(*object, "signed");
    const std::string own_xid8 = xid8.empty() ? text_member(*object, "xid") : std::string(xid8);
    auto inner = parse_object(signed_text);
    if (!inner || !signature_is_right(signed_text, text_member(*object, "hmac"), own_xid8, xid)) {
      // The claim is kept for whoever investigates, but nobody is named by it.
      who.flags |= record::kForged;
      who.context = text;
      return;
    }
    verified = true;
    object = std::move(inner);
  }
  who.actor_id = text_member(*object, "actor_id");
  who.actor_name = text_member(*object, "actor_name");
  if (!who.actor_id.empty() || !who.actor_name.empty())
    who.trust = verified ? record::Trust::kVerified : record::Trust::kClaimed;
  if (const auto via = record::parse_via(text_member(*object, "via"))) who.via = *via;
  who.context = without_own_places(std::move(*object));
}

bool Attributor::signature_is_right(std::string_view signed_text, std::string_view hmac_hex, std::string_view xid8,
                                    uint32_t xid) const {
  if (!context_hmac_) return false;
  // A replayed context cannot match.
  if (!names_transaction(xid8, xid)) return false;
  std::string message(xid8);
  message += ':';
  return equal_in_constant_time(to_hex(as_view((*context_hmac_)(message, signed_text))), hmac_hex);
}

record::Via Attributor::via_by_rule(const Who& who) const {
  for (const ViaRule& rule : settings_.via_rules)
    if (matches(rule.role, who.role) && matches(rule.application, who.application)) return rule.via;
  return who.application == "psql" ? record::Via::kSql : record::Via::kUnknown;
}

}  // namespace rowledger::capture
