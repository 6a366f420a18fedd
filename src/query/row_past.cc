// A row as it was. From the nearest newer place where the whole row is known (the state, or a delete) the
// changes since are undone; what that cannot tell is looked up in the older entries.
#include <algorithm>

#include "query/reader.h"
#include "query/row_chain.h"

namespace rowledger::query {
namespace {

using record::Entry;
using record::FieldChange;
using record::OwnedEntry;
using record::Presence;
using record::Value;
using Field = RowImage::Field;

Field field_of(std::string_view name, record::ValueForm form, const Value& value) {
  return {std::string(name), form, value.presence, std::string(value.text)};
}

Field* find_field(RowImage& row, std::string_view name) {
  const auto found = std::ranges::find(row.fields, name, &Field::name);
  return found == row.fields.end() ? nullptr : &*found;
}

void set_field(RowImage& row, const FieldChange& change, const Value& value) {
  Field* field = find_field(row, change.field);
  if (value.presence == Presence::kAbsent) {
    if (field != nullptr) row.fields.erase(row.fields.begin() + (field - row.fields.data()));
  } else if (field != nullptr) {
    *field = field_of(change.field, change.form, value);
  } else {
    row.fields.push_back(field_of(change.field, change.form, value));
  }
}

void undo(RowImage& row, const Entry& entry) {
  for (const FieldChange& change : entry.body.changes) set_field(row, change, change.before);
}

RowImage side_of(const Entry& entry, Value FieldChange::*side) {
  RowImage row;
  for (const FieldChange& change : entry.body.changes)
    if ((change.*side).presence != Presence::kAbsent)
      row.fields.push_back(field_of(change.field, change.form, change.*side));
  return row;
}

Result<RowImage> image_of(const store::Store& store, const store::RowState& state) {
  const auto schema = store.schema(state.schema);
  std::vector<Value> values;
  if (schema == nullptr || !record::decode_image(state.image, schema->columns.size(), values))
    return fail(ErrorCode::kCorrupt, "the stored image of a row does not fit its columns; run rowledger verify");
  RowImage row;
  for (size_t i = 0; i < values.size(); ++i)
    row.fields.push_back(field_of(schema->columns[i].name, schema->columns[i].form, values[i]));
  return row;
}

// Which version of the table's columns was in force at `seq`: capture writes a schema entry for each,
// before its first row. Nothing before the first.
Result<const record::TableSchema*> columns_at(const store::Store& store, const RowPlace& place, Seq seq) {
  using store::Dimension;
  using store::Filter;
  const auto term = [](Dimension dimension, std::string value) {
    return Filter{Filter::Op::kTerm, {dimension, std::move(value)}, {}};
  };
  const Filter filter{
      Filter::Op::kAnd, {}, {term(Dimension::kTable, place.table_name), term(Dimension::kKind, "schema")}};
  const record::TableSchema* found = nullptr;
  size_t next = 0;
  for (uint64_t range = 0; range <= seq.value / store::Store::kIndexRange; ++range) {
    RL_ASSIGN(const std::vector<Seq> candidates, store.candidates(range, filter));
    for (const Seq candidate : candidates) {
      if (candidate > seq) return found;
      RL_ASSIGN(const std::optional<OwnedEntry> entry, store.read(candidate));
      if (!entry || entry->header().kind != record::EntryKind::kSchema || entry->header().table != place.table_name)
        continue;
      if (next < place.versions.size()) found = &place.versions[next++];
    }
  }
  return found;
}

class Past {
 public:
  Past(const store::Store& store, const RowPlace& place) : store_(store), place_(place) {}

  Result<PastRow> at(Moment moment) {
    PastRow past;
    RL_ASSIGN(const std::optional<store::RowState> state, store_.row(place_.table, place_.encoded_key));
    if (!state) return past;
    RL_TRY(collect(state->newest, moment));
    if (!target_) return before_all(moment);
    past.known = true;
    past.seq = target_->header().seq;
    const Effect effect = effect_at(target_->entry(), place_.key);
    past.exists = effect != Effect::kVanishes && effect != Effect::kLeaves;
    if (!past.exists) return past;
    // A row that was erased before it moved to this key has nothing in the entry that moved it.
    past.erased = target_->values() == record::Values::kErased || (newer_.empty() && state->erased);
    if (past.erased) return past;
    RL_ASSIGN(past.row, row_after_target(*state));
    return past;
  }

 private:
  // Fills newer_ (newest first) and target_, the newest entry before the moment that touched the row.
  Status collect(Seq newest, Moment moment) {
    PlaceWalk walk(store_, place_.key, newest);
    while (true) {
      RL_ASSIGN(std::optional<OwnedEntry> entry, walk.next());
      if (!entry) return {};
      if (effect_at(entry->entry(), place_.key) == Effect::kNone) continue;
      if (entry->header().seq < moment.before) {
        target_ = std::move(entry);
        return {};
      }
      newer_.push_back(std::move(*entry));
    }
  }

  // Nothing that old is known of the key. A row that was inserted later, or moved here later, did not
  // stand here at the moment, if the table was captured then; one that a baseline found may have.
  Result<PastRow> before_all(Moment moment) const {
    PastRow past;
    if (newer_.empty() || moment.before.value == 0) return past;
    const Entry& oldest = newer_.back().entry();
    const bool began =
        oldest.header.kind == record::EntryKind::kInsert || effect_at(oldest, place_.key) == Effect::kArrives;
    if (!began) return past;
    RL_ASSIGN(const record::TableSchema* columns, columns_at(store_, place_, {moment.before.value - 1}));
    past.known = columns != nullptr;
    return past;
  }

  Result<RowImage> row_after_target(const store::RowState& state) {
    RL_ASSIGN(std::optional<RowImage> row, undo_newer(state));
    if (row && newer_.empty()) return std::move(*row);
    const record::TableSchema* columns = &place_.versions.back();
    if (place_.versions.size() > 1) {
      RL_ASSIGN(columns, columns_at(store_, place_, target_->header().seq));
      if (columns == nullptr) columns = &place_.versions.back();
    }
    const auto is_known = [&](const record::Column& column) { return find_field(*row, column.name) != nullptr; };
    if (!row || !std::ranges::all_of(columns->columns, is_known)) {
      if (!row) row.emplace();
      RL_TRY(add_older(*row, *columns));
    }
    RowImage ordered;
    for (const record::Column& column : columns->columns) {
      Field* field = find_field(*row, column.name);
      ordered.fields.push_back(field != nullptr ? std::move(*field)
                                                : field_of(column.name, column.form, Value::unknown()));
      ordered.fields.back().form = column.form;  // a column may have had another type then
    }
    return ordered;
  }

  // Nothing when no whole image is known between the target and another row at this key.
  Result<std::optional<RowImage>> undo_newer(const store::RowState& state) const {
    std::optional<RowImage> row;
    size_t undone = 0;  // newer_[undone..] are to be undone on the image
    for (size_t i = newer_.size(); i-- > 0;) {
      const Effect effect = effect_at(newer_[i].entry(), place_.key);
      if (effect == Effect::kChanges) continue;
      if (effect != Effect::kVanishes) return row;
      row = side_of(newer_[i].entry(), &FieldChange::before);
      undone = i + 1;
      break;
    }
    if (!row) {
      if (state.deleted || state.erased) return row;
      RL_ASSIGN(row, image_of(store_, state));
    }
    for (size_t i = undone; i < newer_.size(); ++i) undo(*row, newer_[i].entry());
    return row;
  }

  // Looks up, in the target and what is older, the columns that `row` does not have.
  Status add_older(RowImage& row, const record::TableSchema& columns) const {
    RowWalk walk(store_, target_->header().seq);
    bool whole = false;
    while (true) {
      RL_ASSIGN(const std::optional<OwnedEntry> older, walk.next());
      // What an erased entry had is not known, not even whether a column was there.
      if (!older || older->values() == record::Values::kErased) break;
      const Effect effect = effect_at(older->entry(), place_.key);
      if (effect == Effect::kVanishes) break;
      for (const FieldChange& change : older->body().changes)
        if (change.after.presence != Presence::kAbsent && find_field(row, change.field) == nullptr)
          row.fields.push_back(field_of(change.field, change.form, change.after));
      whole = whole || effect == Effect::kAppears;
    }
    if (!whole) return {};
    // A column that was added after the row appeared, and which no entry names, is NULL: an update that
    // finds another value in it says so.
    for (const record::Column& column : columns.columns)
      if (find_field(row, column.name) == nullptr)
        row.fields.push_back(field_of(column.name, column.form, Value::null()));
    return {};
  }

  const store::Store& store_;
  const RowPlace& place_;
  std::vector<OwnedEntry> newer_;
  std::optional<OwnedEntry> target_;
};

}  // namespace

Result<PastRow> Reader::at(std::string_view table, std::string_view key, Moment moment) const {
  RL_ASSIGN(const RowPlace place, find_place(store_, table, key));
  return Past(store_, place).at(moment);
}

Result<Images> Reader::images(const Entry& entry) const {
  Images images;
  if (entry.body.key.empty()) return images;
  RowPlace place;
  for (record::TableSchema& schema : store_.schemas())
    if (schema.table == entry.header.table) place.versions.push_back(std::move(schema));
  if (place.versions.empty()) return images;
  place.table = place.versions.back().table_id;
  place.table_name = entry.header.table;
  std::vector<std::string_view> parts;
  for (const record::KeyPart& part : entry.body.key) {
    place.key.emplace_back(part.value);
    parts.push_back(part.value);
  }
  place.encoded_key = record::encode_key(parts);
  switch (effect_at(entry, place.key)) {
    case Effect::kNone: break;
    case Effect::kAppears: images.after = side_of(entry, &FieldChange::after); break;
    case Effect::kVanishes: images.before = side_of(entry, &FieldChange::before); break;
    default: {
      RL_ASSIGN(PastRow past, Past(store_, place).at({Seq{entry.header.seq.value + 1}}));
      if (!past.exists) break;
      images.before = past.row;
      undo(*images.before, entry);
      images.after = std::move(past.row);
    }
  }
  return images;
}

}  // namespace rowledger::query
