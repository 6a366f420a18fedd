#pragma once
// COPY's text format (https://www.postgresql.org/docs/15/sql-copy.html, "Text Format").
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace rowledger::postgres {

// Splits one line, with or without its newline, into its values, unescaping in place: the views point
// into `line`, which is overwritten. `values` is reused, so that no value costs an allocation.
void split_copy_line(char* line, size_t size, std::vector<std::optional<std::string_view>>& values);

}  // namespace rowledger::postgres
