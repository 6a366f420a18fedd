#pragma once
// How the columns of a table came from those that its known images have: what an ALTER TABLE did to the values of rows
// that the stream never shows. Pure, except where a definition is kept in the store's meta.
#include <optional>
#include <string>
#include <vector>

#include "postgres/table_definition.h"
#include "record/schema.h"
#include "record/value.h"

namespace rowledger::capture {

// One column, compared with the definition that the images of the table were last known to fit.
struct ColumnPast {
  std::string former_name;                             // it was renamed
  bool is_replacement = false;                         // a column of this name was there, but another one
  bool may_be_rewritten = false;                       // what the image has need not be what the row had
  record::Presence fill = record::Presence::kUnknown;  // what rows have that are older than the column
  std::string fill_text;

  record::Value fill_value() const {
    return fill == record::Presence::kValue ? record::Value::of(fill_text) : record::Value{fill, {}};
  }
  bool is_redefined() const { return may_be_rewritten || !former_name.empty(); }
};

// Whether the definition's columns are just these: a definition that is read from the catalogue can be ahead of the
// stream, where other changes of the table are still to come.
bool is_of(const postgres::TableDefinition& definition, const std::vector<record::Column>& columns);

// By the position in `columns`. before: nothing when there is none, then all is as it was. Whatever cannot be told
// for certain, since `now` may be ahead of the columns, may be rewritten.
std::vector<ColumnPast> column_pasts(const std::optional<postgres::TableDefinition>& before,
                                     const postgres::TableDefinition& now, const std::vector<record::Column>& columns);

// The definition that images fit from now on: a default that a rewrite has put into the rows is still what
// older images lack.
postgres::TableDefinition with_older_fills(const std::optional<postgres::TableDefinition>& before,
                                           postgres::TableDefinition now);

std::string encode_definition(const postgres::TableDefinition& definition);
std::optional<postgres::TableDefinition> decode_definition(std::string_view text);

}  // namespace rowledger::capture
