#pragma once
// Which index terms an entry has. One place decides, so that what is indexed on append, what is
// rebuilt at start and what a search looks up and compares are the same.
//
//   kTable     the table
//   kKind      the kind's name
//   kField     each changed column's name, of updates and gaps only: an insert, a delete or a baseline
//              has every column, which would say nothing
//   kActor     the id, and the name normalised
//   kVia, kTrust  their names; kRole the database role; kTenant the tenant
//   kFlag      "housekeeping", "forged", "malformed-context", "actor-from-column", "bulk",
//              "unattributed" (trust unknown or database, of row changes)
//   kKey       key_text of the key, and of the old key when the row moved; of an entry about who read the log, the key
//              of the row that was looked at, as it stands there
//   kSubject   the subject
//   kOldValue, kNewValue  each changed value whole and its words; of json columns not the text but each
//              scalar that differs from the other side at the same path, whole and its words
//   kTx        the xid in decimal
//   kRequest   "request_id" of the context, kReason: "reason" of the context whole and its words
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "record/entry.h"
#include "store/store.h"

namespace rowledger::store {

using TermSink = std::function<void(Dimension, std::string_view)>;

// Calls sink for each term of the entry, some perhaps twice. Values given to the sink are normalised.
void for_each_term(const record::Entry& entry, const TermSink& sink);

// True when for_each_term would give this term; for searches to check a candidate with. The value is
// normalised here where the index normalises. Values that is_findable refuses are compared as well.
bool has_term(const record::Entry& entry, Dimension dimension, std::string_view value);

// Lower-cases ASCII, Latin, Greek and Cyrillic letters, trims white space, keeps at most 4 KiB; a text that
// is a phone number as people write it ("+91 98123-45678") becomes its digits. Idempotent.
std::string normalise(std::string_view value);

// The words by which a value is found besides the whole: runs of letters and digits, normalised,
// of at least two bytes; at most 32 words. None for values over 4 KiB, for moments
// ("2026-11-23 09:30:01") and for values without a letter: these are found as whole only.
std::vector<std::string> words_of(std::string_view value);

// Whether values as this one, normalised, are in the index: not single bytes, not moments, of which there
// would be one or more in every entry. A filter for another value answers all.
bool is_findable(std::string_view normalised);

// A row's key as a search writes it: "42", or "a,b" with '%' and ',' inside parts as %25 and %2C.
std::string key_text(const std::vector<record::KeyPart>& key);

}  // namespace rowledger::store
