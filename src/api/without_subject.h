#pragma once
// What erasing a person leaves: entries of his rows that were recorded while the configuration did not say whose these
// are. Their organisation's key seals them, which others' values need, so that retention alone erases them.
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "capture/settings.h"
#include "store/store.h"

namespace rowledger::api {

struct WithoutSubject {
  uint64_t entries = 0;  // whose values can be read
  std::optional<uint32_t>
      end_day;  // at whose beginning (since 1970-01-01, UTC) retention has erased them all; nothing: it never does
};

// Of the person's row, and of the rows that point to him.
Result<WithoutSubject> find_without_subject(const store::Store& store,
                                            const std::vector<capture::TableSettings>& tables,
                                            const store::RetentionRules& retention, std::string_view person_table,
                                            std::string_view person_key);

}  // namespace rowledger::api
