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

bool same_text(uint32_t before, uint32_t now) { return before == now || (is_text(before) && is_text(now)); }

// Every number that was given since belongs to a column that is there: none was added and dropped in between,
// of which a column of that name could be the heir.
bool none_dropped_since(const TableDefinition& before, const TableDefinition& now, int up_to) {
  for (int number = before.numbers + 1; number <= up_to; ++number)
    if (find(now, number) == nullptr) return false;
  return true;
}

// A column that `before` has under this number.
ColumnPast past_of_kept(const ColumnDefinition& was, const ColumnDefinition& column, bool new_files) {
  ColumnPast past;
  // An image without the column is older than it, and what it was filled with is known, or it was NULL.
  set_fill(was.fill ? was : column, false, past);
  if (was.name != column.name) past.former_name = was.name;
  past.may_be_rewritten = !same_text(was.type_oid, column.type_oid) || (new_files && was.version != column.version);
  return past;
}

ColumnPast past_of_added(const TableDefinition& before, const TableDefinition& now, const ColumnDefinition& column,
                         bool new_files) {
  ColumnPast past;
  set_fill(column, new_files, past);
  const bool replaces = find(before, column.name) != nullptr;
  past.may_be_rewritten =
      replaces || past.fill == record::Presence::kUnknown || !none_dropped_since(before, now, column.number);
  return past;
}

// A column of the stream where the catalogue is ahead.
ColumnPast past_behind(const TableDefinition& before, const TableDefinition& now, const record::Column& column,
                       bool new_files) {
  ColumnPast past;
  const ColumnDefinition* was = find(before, column.name);
  if (was == nullptr) {
    const ColumnDefinition* added = find(now, column.name);
    if (added != nullptr && find(before, added->number) == nullptr)
      return past_of_added(before, now, *added, new_files);
    past.may_be_rewritten = true;
    return past;
  }
  set_fill(*was, false, past);
  const ColumnDefinition* then = find(now, was->number);
  const bool is_kept = then != nullptr
                           ? same_text(was->type_oid, then->type_oid) && !(new_files && was->version != then->version)
                           : !new_files && now.numbers == before.numbers;
  past.may_be_rewritten = !is_kept || !same_text(was->type_oid, column.type_oid);
  return past;
}

}  // namespace

bool is_of(const TableDefinition& definition, const std::vector<record::Column>& columns) {
  return std::ranges::equal(columns, definition.columns,
                            [](const record::Column& column, const ColumnDefinition& defined) {
                              return column.name == defined.name && column.type_oid == defined.type_oid &&
                                     column.type_modifier == defined.type_modifier;
                            });
}

std::vector<ColumnPast> column_pasts(const std::optional<TableDefinition>& before, const TableDefinition& now,
                                     const std::vector<record::Column>& columns) {
  std::vector<ColumnPast> out(columns.size());
  const bool new_files = before && has_new_files(*before, now);
  const bool is_present = is_of(now, columns);
  for (size_t i = 0; i < columns.size(); ++i) {
    const ColumnDefinition* column = find(now, columns[i].name);
    if (!before) {
      if (column != nullptr && column->fill) set_fill(*column, false, out[i]);
    } else if (before->oid != now.oid) {
      out[i].may_be_rewritten = true;  // another table of the same name
    } else if (!is_present) {
      out[i] = past_behind(*before, now, columns[i], new_files);
    } else if (const ColumnDefinition* was = find(*before, column->number)) {
      out[i] = past_of_kept(*was, *column, new_files);
    } else {
      out[i] = past_of_added(*before, now, *column, new_files);
    }
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
  return json::serialize(
      json::object{{"oid", definition.oid}, {"numbers", definition.numbers}, {"files", files}, {"columns", columns}});
}

std::optional<TableDefinition> decode_definition(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse({text.data(), text.size()}, error);
  if (error) return std::nullopt;
  // Written above, so that only another program's text can be of another form.
  try {
    TableDefinition out;
    out.oid = value.at("oid").to_number<uint32_t>();
    out.numbers = value.at("numbers").to_number<int>();
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
