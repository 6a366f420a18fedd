#pragma once
// Which entries there are for a reader: his tenant's, and without a tenant all; those about reading only for who may
// know who read. Private to the room.
#include <map>
#include <string>
#include <string_view>

#include "people/principal.h"
#include "record/entry.h"
#include "store/store.h"

namespace rowledger::view {

// Per table the column that says which tenant a row belongs to.
using TenantColumns = std::map<std::string, std::string, std::less<>>;

class Scope {
 public:
  Scope(const people::Principal& reader, const TenantColumns& columns)
      : reads_(reader.may(people::Right::kReadEntries)),
        reads_access_(reader.may(people::Right::kReadAccess)),
        tenant_(reader.tenant),
        columns_(columns) {}

  // Nothing is kept from him.
  bool is_whole() const { return reads_ && reads_access_ && !tenant_; }
  const std::optional<std::string>& tenant() const { return tenant_; }

  // A superset of what he may see that the index answers, and just what is his tenant's.
  store::Filter filter() const;
  store::Filter own_filter() const;
  // By the header alone: false is final. Entries without a tenant need a look at the body, see concerns_everyone().
  bool may_see(const record::EntryHeader& header) const;
  bool is_own(const record::EntryHeader& header) const { return !tenant_ || header.tenant == *tenant_; }

  // An entry without a tenant that every tenant needs in order to judge whether its own are complete: a gap, a table's
  // columns, a TRUNCATE. It has no values and names no row.
  static bool concerns_everyone(const record::Entry& entry);

  // The entry's row came from another tenant with this very change: what it had before is not this tenant's.
  bool came_from_elsewhere(const record::Entry& entry) const;

  // A row as it is now, by the column that says whose it is. Not for deleted ones, which have no values.
  bool owns_row(const record::TableSchema& schema, const store::RowState& row) const;

 private:
  store::Filter made_filter(bool with_everyones) const;

  const bool reads_, reads_access_;
  const std::optional<std::string> tenant_;
  const TenantColumns& columns_;
};

}  // namespace rowledger::view
