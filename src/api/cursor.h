#pragma once
// Where the next page begins. Opaque to clients, encrypted and authentic: it is good for one reader and for what he
// paged through, and keeps the moment that "now-2d" was relative to. What it says may be a key that the reader is not
// shown.
#include <optional>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/ids.h"
#include "base/time.h"
#include "people/principal.h"

namespace rowledger::api {

struct Cursor {
  Seq from{};         // the next page's first candidate
  Timestamp now{};    // of the first page
  std::string place;  // where there is no seq to begin at

  bool operator==(const Cursor&) const = default;
};

class Cursors {
 public:
  // what: the route and those of its parameters that must stay the same.
  Cursors(const Digest& key, const people::Principal& reader, std::string_view what);

  std::string to_text(const Cursor& cursor) const;
  // Nothing for one that is not of this installation, this reader and this search.
  std::optional<Cursor> parse(std::string_view text) const;

 private:
  const Digest key_;
  const Digest bound_to_;
};

}  // namespace rowledger::api
