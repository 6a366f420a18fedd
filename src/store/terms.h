#pragma once
// Which index terms an entry has. One place decides, so that what is indexed on append, what is
// rebuilt at start and what a search looks up are the same.
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "record/entry.h"
#include "store/store.h"

namespace rowledger::store {

using TermSink = std::function<void(Dimension, std::string_view)>;

// Calls sink for each term of the entry. Values given to the sink are normalised already.
void for_each_term(const record::Entry& entry, const TermSink& sink);

// Lower-cases ASCII and common scripts' letters where simple, trims white space; a text that is a
// phone number as people write it ("+91 98123-45678") becomes its digits.
std::string normalise(std::string_view value);

// The words by which a value is found besides the whole: runs of letters and digits, normalised,
// of at least two bytes; at most 32 words; values over 4 KiB are found as whole only.
std::vector<std::string> words_of(std::string_view value);

}  // namespace rowledger::store
