#include "store/dictionaries.h"

#include <algorithm>
#include <mutex>

#include "base/bytes.h"
#include "base/check.h"
#include "privacy/shared_dictionary.h"
#include "record/value.h"
#include "store/database.h"
#include "store/sealing.h"
#include "store/store_keys.h"

namespace rowledger::store {
namespace {

using privacy::RecordDictionary;

// With fewer rows at once, what they share is guessed rather than known.
constexpr size_t kMinRows = 1'024;
constexpr size_t kSampledRows = 2'048;
// Every so many of the samples do not go into a dictionary: they show what it is worth.
constexpr size_t kTestEvery = 8;
constexpr uint32_t kLongestPause = 1'024;
// Somebody whose key is changed has two in the rows that are flushed at once (privacy.key_period_days).
constexpr size_t kKeysOfOne = 2;

}  // namespace

struct DictionaryMaker::Sampled {
  std::string key;  // the key's number, which names whom the row is about
  std::string image;
  std::vector<record::Value> values;  // views of image
};

namespace {

// How many bytes a thousand come to.
template <class Rows>
uint64_t per_mille(const Rows& rows, size_t step, const RecordDictionary* dictionary) {
  uint64_t before = 0, after = 0;
  std::string packed;
  for (size_t i = 0; i < rows.size(); i += step) {
    packed.clear();
    privacy::compress_record(rows[i].image, dictionary, packed);
    before += rows[i].image.size();
    after += packed.size();
  }
  return before == 0 ? 1'000 : after * 1'000 / before;
}

}  // namespace

const RecordDictionary* Dictionaries::find(uint32_t number) const {
  const std::shared_lock lock(mutex_);
  const auto found = by_number_.find(number);
  return found == by_number_.end() ? nullptr : found->second.get();
}

const RecordDictionary* Dictionaries::newest_of(std::string_view table) const {
  const std::shared_lock lock(mutex_);
  const auto found = newest_.find(std::string(table));
  return found == newest_.end() ? nullptr : found->second;
}

bool Dictionaries::full() const {
  const std::shared_lock lock(mutex_);
  return by_number_.size() >= kMost;
}

void Dictionaries::add(std::string_view table, std::unique_ptr<const RecordDictionary> dictionary) {
  const std::unique_lock lock(mutex_);
  const RecordDictionary*& newest = newest_[std::string(table)];
  if (newest == nullptr || newest->number() < dictionary->number()) newest = dictionary.get();
  by_number_[dictionary->number()] = std::move(dictionary);
}

Status load_dictionary(Sealing& sealing, std::string_view meta_key, std::string_view value) {
  const Error malformed{ErrorCode::kCorrupt, "a dictionary of the log is malformed"};
  ByteReader number(meta_key.substr(1)), reader(value);
  const uint32_t is = number.u32();
  if (reader.u8() != 1) reader.fail();
  const std::string_view table = reader.string();
  const uint64_t per_mille = reader.varint();
  if (!reader.ok() || !number.ok() || !number.at_end() || is == 0 || per_mille > 1'000) return fail(Error(malformed));
  std::string_view sealed = reader.rest();
  RL_ASSIGN(std::optional<Sealing::Section> opened, sealing.open_dictionary(is, sealed));
  if (!opened) return {};
  std::string& bytes = opened->bytes;
  if (!sealed.empty() || bytes.empty() || bytes.size() > privacy::kMaxDictionaryBytes) return fail(Error(malformed));
  sealing.dictionaries().add(table, std::make_unique<RecordDictionary>(is, std::move(bytes), per_mille));
  return {};
}

// Evenly from all of them.
std::vector<DictionaryMaker::Sampled> DictionaryMaker::sample(std::span<const RowTable::Row> rows,
                                                              size_t at_most) const {
  const size_t step = std::max<size_t>(rows.size() / at_most, 1);
  std::vector<Sampled> out;
  out.reserve(rows.size() / step + 1);  // none moves: a short image stands in the string itself, and values point to it
  std::shared_ptr<const record::TableSchema> schema;
  for (size_t i = 0; i < rows.size(); i += step) {
    const auto row = view_row(rows[i].value);
    if (!row || row->head.key == KeyId{} || row->image.empty()) continue;
    if (!schema || schema->id != row->head.schema) schema = find_schema_(row->head.schema);
    // What was erased is no sample, nor what its key cannot be had for.
    SubjectKey ignored;
    const auto values = sealing_.find(row->head.key, ignored);
    if (!schema || !values || *values != record::Values::kHere) continue;
    Sampled& sampled = out.emplace_back();
    sampled.key = std::to_string(row->head.key.value);
    sampled.image = row->image;
    if (!record::decode_image(sampled.image, schema->columns.size(), sampled.values)) out.pop_back();
  }
  return out;
}

Result<const RecordDictionary*> DictionaryMaker::look_at(std::span<const RowTable::Row> rows) {
  if (!sealing_.seals()) return nullptr;
  RL_ASSIGN(const RowView first, view_row(rows.front().value));
  const auto schema = find_schema_(first.head.schema);
  if (!schema) return nullptr;
  const RecordDictionary* const current = sealing_.dictionaries().newest_of(schema->table);
  if (rows.size() < kMinRows || sealing_.dictionaries().full()) return current;
  Pause& pause = pauses_[schema->table];
  if (pause.left > 0) {
    --pause.left;
    return current;
  }
  return try_another(schema->table, rows, current, pause);
}

Result<const RecordDictionary*> DictionaryMaker::try_another(const std::string& table,
                                                             std::span<const RowTable::Row> rows,
                                                             const RecordDictionary* current, Pause& pause) const {
  // As good as it was when it was made, or nearly.
  if (current != nullptr &&
      per_mille(sample(rows, kSampledRows / kTestEvery), 1, current) * 4 <= current->per_mille() * 5)
    return current;
  const std::vector<Sampled> samples = sample(rows, kSampledRows);
  std::string bytes = build(samples);
  if (!bytes.empty()) {
    const RecordDictionary candidate(RecordDictionary::kNoNumber, bytes, 0);
    const uint64_t now = per_mille(samples, kTestEvery, current), then = per_mille(samples, kTestEvery, &candidate);
    if (then * 10 <= now * 9) {
      pause = {};
      return keep(table, std::move(bytes), then);
    }
  }
  pause = {pause.next, std::min(pause.next * 2, kLongestPause)};
  return current;
}

std::string DictionaryMaker::build(const std::vector<Sampled>& rows) const {
  std::vector<privacy::Sample> samples;
  std::vector<std::string> leads;  // short: no allocation; in place before anything points to them
  size_t values = 0;
  for (const Sampled& row : rows) values += row.values.size();
  leads.reserve(values);
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i % kTestEvery == 0) continue;
    privacy::Sample& sample = samples.emplace_back();
    sample.subject = rows[i].key;
    for (const record::Value& value : rows[i].values) {
      std::string& lead = leads.emplace_back();
      record::append_value(lead, value);
      lead.resize(lead.size() - value.text.size());
      // What looks like JSON is cut like JSON.
      const bool is_json = value.text.starts_with('{') || value.text.starts_with('[');
      if (is_json) sample.values.push_back({lead});
      sample.values.push_back({value.text, is_json, is_json ? std::string_view() : lead});
    }
  }
  return privacy::build_shared_dictionary(samples, privacy::kMaxDictionaryBytes, kKeysOfOne);
}

Result<const RecordDictionary*> DictionaryMaker::keep(const std::string& table, std::string bytes,
                                                      uint64_t per_mille) const {
  Dictionaries& dictionaries = sealing_.dictionaries();
  const RecordDictionary* const current = dictionaries.newest_of(table);
  uint32_t number = 1;
  while (dictionaries.find(number) != nullptr) ++number;
  std::string key = meta_key(kDictionary), value;
  ByteWriter(key).u32(number);
  ByteWriter writer(value);
  writer.u8(1);
  writer.string(table);
  writer.varint(per_mille);
  sealing_.seal_dictionary(number, bytes, value);
  // On a full disk there are more important things; another time, then.
  if (database_.stopped() || !database_.has_room_for(value.size())) return current;
  const rocksdb::Status status =
      database_.db().Put(synced(), database_.family(Family::kMeta), slice(key), slice(value));
  if (!status.ok()) return fail(error_of(status, "keeping a dictionary"));
  dictionaries.add(table, std::make_unique<RecordDictionary>(number, std::move(bytes), per_mille));
  return dictionaries.newest_of(table);
}

}  // namespace rowledger::store
