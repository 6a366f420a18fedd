#pragma once
// Entries about what a principal does, with him as their actor.
#include <string>
#include <string_view>

#include "people/principal.h"
#include "record/entry.h"

namespace rowledger::api {

// As long as something that is recorded before it is done waits for its entry.
inline constexpr int kRecordWaitMs = 10'000;

// {"kind":"socket","id":"uid:0","name":"root"}, as an entry's detail says who did something.
std::string who_json(const people::Principal& by);

// An entry for the log; it views what is given.
record::Entry entry_of(record::EntryKind kind, const people::Principal& by, std::string_view tenant,
                       std::string_view detail);

}  // namespace rowledger::api
