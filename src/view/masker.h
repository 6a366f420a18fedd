#pragma once
// Entries and rows as one reader is shown them. Private to the room.
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "query/reader.h"
#include "store/store.h"
#include "view/policy.h"

namespace rowledger::view {

// One thread at a time.
class Masker {
 public:
  // in_clear: columns that are shown as they are although they have a mask, "context" for all that the application
  // said.
  Masker(const Policy& policy, const store::Store& store, std::set<std::string, std::less<>> in_clear = {})
      : policy_(policy), store_(store), in_clear_(std::move(in_clear)) {}

  // Masks what stands in `entry`; `texts` keeps what it views besides.
  void mask(record::Entry& entry, std::deque<std::string>& texts);
  void mask(std::string_view table, query::RowImage& row);

  // Whether the row's key says who somebody is: then it is shown to nobody who is not shown its column.
  bool hides_key(std::string_view table);

 private:
  enum class KeyTypes { kUnknown, kNumbers, kOther };  // numbers: whole ones, and UUIDs
  // Of the table's key columns: what the database numbers rows with says nothing about whom they are about.
  const std::map<std::string, KeyTypes, std::less<>>& key_columns(std::string_view table);
  const MaskNode& node_of(std::string_view table, std::string_view column);

  void mask_change(std::string_view table, const record::FieldChange& change, std::vector<record::FieldChange>& out,
                   std::deque<std::string>& texts);
  void mask_places(const MaskNode& node, const record::FieldChange& change, std::vector<record::FieldChange>& out,
                   std::deque<std::string>& texts);
  void mask_key(std::string_view table, std::vector<record::KeyPart>& key, std::deque<std::string>& texts);
  void mask_subject(std::string_view& subject, std::deque<std::string>& texts);
  void mask_context(record::Entry& entry, std::deque<std::string>& texts);
  void mask_detail(record::Entry& entry, std::deque<std::string>& texts);

  const Policy& policy_;
  const store::Store& store_;
  const std::set<std::string, std::less<>> in_clear_;
  std::map<std::string, std::map<std::string, KeyTypes, std::less<>>, std::less<>> key_columns_;
};

}  // namespace rowledger::view
