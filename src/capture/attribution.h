#pragma once
// Who made a change: from the logical messages inside a transaction, in the layers of
// docs/attribution/README.md. Pure: message text in, attribution out.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "capture/settings.h"
#include "record/entry.h"

namespace rowledger::capture {

// What is known at one place of a transaction's stream. Owns its texts.
struct Who {
  // A table whose rows come from a statement of a trigger; not sure when they may as well come from the
  // statement that set the trigger off.
  struct Nested {
    uint32_t relation;
    bool sure;
  };

  std::string actor_id, actor_name;
  std::string role, application, client;
  std::string context;  // the rest of the context, a JSON object's text; raw text when malformed
  record::Trust trust = record::Trust::kUnknown;
  record::Via via = record::Via::kUnknown;  // of the tables that are not nested
  uint16_t flags = 0;                       // kForged, kContextMalformed
  bool by_trigger = false;                  // role, application and client are the database's own word
  std::vector<Nested> nested;

  record::Via via_of(uint32_t relation) const {
    for (const Nested& table : nested)
      if (table.relation == relation) return table.sure ? record::Via::kTrigger : record::Via::kUnknown;
    return via;
  }

  record::Attribution attribution() const { return {actor_id, actor_name, role, application, client, context}; }
};

// A context of more than this is kept as its first part, flagged.
inline constexpr size_t kMaxContextBytes = 64 << 10;

// Reads the messages of one source. One thread.
class Attributor {
 public:
  // stamp_secret: what the database's trigger stamps its messages with; empty: no trigger, so that
  // nothing can be believed to come from one.
  Attributor(const Settings& settings, std::string stamp_secret);

  // Who acts before any message of a transaction was seen.
  const Who& nobody() const { return nobody_; }

  // Applies a message with prefix `rowledger` that arrived in the transaction xid. It holds for the
  // changes that follow.
  //
  // From the trigger: the stamp, base64 of SHA-384(secret || body), then body in lines:
  //   rowledger 2 <client> <backend's pid>
  //   <xid8>, which must be this transaction's
  //   two lines that only the trigger itself uses
  //   empty, which ends all nested ones; or `all <oid>,...`: a statement of a trigger changes these relations, and
  //     their rows are its own from now on; or `perhaps <oid>,...`: they may as well be those of the statement that
  //     set it off
  //   <application_name>
  //   <role>, its newlines as \n
  //   <context>: all that follows, or nothing
  // From an application: the context itself, a JSON object.
  // A context: {"actor_id","actor_name","via","request_id","reason", ...}, or signed:
  // {"signed":"<the context's text>","hmac":"<hex of HMAC-SHA256(key, xid8 ':' signed)>"}.
  void apply(std::string_view content, uint32_t xid, Who& who);

 private:
  bool stamp_is_right(std::string_view stamp, std::string_view body) const;
  void apply_stamped(std::string_view body, uint32_t xid, Who& who);
  void apply_context(std::string_view text, std::string_view xid8, uint32_t xid, Who& who);
  bool signature_is_right(std::string_view signed_text, std::string_view hmac_hex, std::string_view xid8,
                          uint32_t xid) const;
  record::Via via_by_rule(const Who& who) const;

  const Settings& settings_;
  const std::string stamp_secret_;
  std::optional<HmacSha256> context_hmac_;
  Who nobody_;
};

}  // namespace rowledger::capture
