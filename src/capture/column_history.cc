#include "capture/column_history.h"

#include <algorithm>
#include <boost/json.hpp>

namespace rowledger::capture {
namespace {

namespace json = boost::json;
using postgres::ColumnDefinition;
using postgres::TableDefinition;

constexpr uint32_t kTextOid = 25, kVarcharOid = 1043;  // pg_type.dat

const ColumnDefinition* find(const TableDefinition& definition, const std::string& name) {
  const auto at = std::ranges::find(definition.columns, name, &ColumnDefinition::name);
  return at == definition.columns.end() ? nullptr : &*at;
}

const ColumnDefinition* find(const TableDefinition& definition, int number) {
  const auto at = std::ranges::find(definition.columns, number, &ColumnDefinition::number);
  return at == definition.columns.end() ? nullptr : &*at;
}

bool is_text(uint32_t type) { return type == kTextOid || type == kVarcharOid; }

// VACUUM FULL and TRUNCATE make new files too; together with an altered column it can be a rewrite of its values.
bool has_new_files(const TableDefinition& before, const TableDefinition& now) {
  return std::ranges::any_of(now.files, [&](const auto& file) {
    const auto was = before.files.find(file.first);
    return was != before.files.end() && was->second != file.second;
  });
}

void set_fill(const ColumnDefinition& column, bool new_files, ColumnPast& past) {
  if (column.fill) {
    past.fill = record::Presence::kValue;
    past.fill_text = *column.fill;
  } else if (!column.has_default || !new_files) {
    // A default that stood when the column was added is in the catalogue, or was written into a new file.
    past.fill = record::Presence::kNull;
  }
}

}  // namespace

std::vector<ColumnPast> column_pasts(const std::optional<TableDefinition>& before, const TableDefinition& now,
                                     const std::vector<record::Column>& columns) {
  std::vector<ColumnPast> out(columns.size());
  const bool new_files = before && has_new_files(*before, now);
  for (size_t i = 0; i < columns.size(); ++i) {
    const ColumnDefinition* column = find(now, columns[i].name);
    if (column == nullptr) continue;
    ColumnPast& past = out[i];
    if (!before) {
      if (column->fill) set_fill(*column, false, past);
      continue;
    }
    if (before->oid != now.oid) {
      past.may_be_rewritten = true;  // another table of the same name
      continue;
    }
    const ColumnDefinition* was = find(*before, column->number);
    if (was == nullptr) {
      set_fill(*column, new_files, past);
      past.is_replacement = find(*before, column->name) != nullptr;
      past.may_be_rewritten = past.fill == record::Presence::kUnknown;
      continue;
    }
    // An image without the column is older than it, and what it was filled with is known, or it was NULL.
    set_fill(was->fill ? *was : *column, false, past);
    if (was->name != column->name) past.former_name = was->name;
    const bool other_type = was->type_oid != column->type_oid && !(is_text(was->type_oid) && is_text(column->type_oid));
    past.may_be_rewritten = other_type || (new_files && was->version != column->version);
  }
  return out;
}

TableDefinition with_older_fills(const std::optional<TableDefinition>& before, TableDefinition now) {
  if (before && before->oid == now.oid)
    for (ColumnDefinition& column : now.columns)
      if (const ColumnDefinition* was = find(*before, column.number); was != nullptr && was->fill)
        column.fill = was->fill;
  return now;
}

std::string encode_definition(const TableDefinition& definition) {
  json::array files, columns;
  for (const auto& [oid, file] : definition.files) files.push_back(json::array{oid, file});
  for (const ColumnDefinition& c : definition.columns)
    columns.push_back(json::array{c.name, c.number, c.type_oid, c.type_modifier, c.version, c.has_default,
                                  c.fill ? json::value(*c.fill) : json::value()});
  return json::serialize(json::object{{"oid", definition.oid}, {"files", files}, {"columns", columns}});
}

std::optional<TableDefinition> decode_definition(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse({text.data(), text.size()}, error);
  if (error) return std::nullopt;
  // Written above, so that only another program's text can be of another form.
  try {
    TableDefinition out;
    out.oid = value.at("oid").to_number<uint32_t>();
    for (const json::value& file : value.at("files").as_array())
      out.files[file.at(0).to_number<uint32_t>()] = file.at(1).to_number<uint32_t>();
    for (const json::value& c : value.at("columns").as_array()) {
      ColumnDefinition column{json::value_to<std::string>(c.at(0)),
                              c.at(1).to_number<int>(),
                              c.at(2).to_number<uint32_t>(),
                              c.at(3).to_number<int32_t>(),
                              json::value_to<std::string>(c.at(4)),
                              c.at(5).as_bool(),
                              {}};
      if (c.at(6).is_string()) column.fill = json::value_to<std::string>(c.at(6));
      out.columns.push_back(std::move(column));
    }
    return out;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace rowledger::capture
