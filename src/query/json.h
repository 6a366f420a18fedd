#pragma once
// The one JSON shape of an entry, for command line, API, exports and live stream (docs/json.md).
// Values: NULL, booleans, int2/int4 and finite floats as JSON; json and jsonb as the server's own
// text, verbatim (line breaks between its parts become spaces); everything else as PostgreSQL's text.
// Invalid UTF-8 is shown with U+FFFD, and the bytes beside it as "old_hex"/"new_hex".
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "record/entry.h"

namespace rowledger::query {

// A row's columns by name, in column order: what `at` answers and --images adds.
struct RowImage {
  struct Field {
    std::string name;
    record::ValueForm form = record::ValueForm::kText;
    record::Presence presence = record::Presence::kAbsent;
    std::string text;
    bool masked = false;  // not shown as it is
  };
  std::vector<Field> fields;
};

struct Images {
  std::optional<RowImage> before, after;
};

// The changes as they are shown: a changed json column as one change per path that differs, whose values are slices of
// the two texts, unless it is to be shown whole. `texts` keeps the paths.
std::vector<record::FieldChange> by_path(const std::vector<record::FieldChange>& changes,
                                         std::deque<std::string>& texts);

// The columns that are masked on either side.
std::vector<std::string_view> masked_columns(const Images& images);

// One line, no newline at the end. Leaves out what is absent. A changed json column becomes one change
// per differing path ("path": JSON pointer, RFC 6901) unless one side is no object or array. A masked value bears
// "masked":true; "masked" beside images names the columns that are masked in them.
std::string to_json(const record::Entry& entry, const Images* images = nullptr);
// {"column":value,...}; a value that cannot be known is {"unknown":true}, a column without a value is
// left out.
std::string to_json(const RowImage& row);

}  // namespace rowledger::query
