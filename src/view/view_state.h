#pragma once
// What a view is made of. Private to the room.
#include <fmt/format.h>

#include <set>
#include <string>

#include "view/masker.h"
#include "view/name_book.h"
#include "view/scoped_store.h"
#include "view/view.h"

namespace rowledger::view {

struct View::State {
  State(const people::Principal& who, const Policy& rules, const store::Store& log,
        std::set<std::string, std::less<>> in_clear)
      : reader(who),
        policy(rules),
        whole(log),
        masks(!who.may(people::Right::kSeePlain)),
        scope(reader, policy.tenant_columns),
        part(whole, scope),
        store(scope.is_whole() ? whole : static_cast<const store::Store&>(part)),
        masker(policy, whole, std::move(in_clear)),
        names(policy.names, store),
        log_reader(store, has_names()
                              ? query::Reader::NamesOf([this](const std::string& actor) { return names.names(actor); })
                              : query::Reader::NamesOf()) {}

  bool has_names() const { return !policy.names.table.empty(); }
  // A table as the log calls it.
  std::string full_name(std::string_view table) const {
    std::string in_public = fmt::format("public.{}", table);
    bool is_in_public = false;
    for (const record::TableSchema& schema : whole.schemas()) {
      if (schema.table == table) return std::string(table);
      is_in_public = is_in_public || schema.table == in_public;
    }
    return is_in_public ? in_public : std::string(table);
  }

  const people::Principal reader;
  const Policy& policy;
  const store::Store& whole;
  const bool masks;
  const Scope scope;
  const ScopedStore part;
  const store::Store& store;
  Masker masker;
  NameBook names;
  const query::Reader log_reader;
};

}  // namespace rowledger::view
