#pragma once
// Numbers that must not be mixed up.
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace rowledger {

template <class Tag, class Rep>
struct StrongId {
  Rep value{};
  constexpr auto operator<=>(const StrongId&) const = default;
};

// An entry's 0-based position in the log, which is also its leaf's index in the tree.
using Seq = StrongId<struct SeqTag, uint64_t>;
// A captured table, numbered in the order of first capture; stable for the life of a data directory.
using TableId = StrongId<struct TableIdTag, uint32_t>;
// One version of one table's columns, numbered in the order of appearance.
using SchemaId = StrongId<struct SchemaIdTag, uint32_t>;

// A position in PostgreSQL's WAL. As text: "16/B374D848" (https://www.postgresql.org/docs/15/datatype-pg-lsn.html).
struct Lsn : StrongId<struct LsnTag, uint64_t> {
  std::string to_string() const;
  static std::optional<Lsn> parse(std::string_view text);
};

}  // namespace rowledger

template <class Tag, class Rep>
struct std::hash<rowledger::StrongId<Tag, Rep>> {
  size_t operator()(const rowledger::StrongId<Tag, Rep>& id) const { return std::hash<Rep>()(id.value); }
};
