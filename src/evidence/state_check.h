#pragma once
// The state's rows against the entries that they name. Private to the room; one thread.
#include <functional>
#include <string>
#include <vector>

#include "evidence/chain_check.h"
#include "evidence/findings.h"
#include "store/store.h"

namespace rowledger::evidence {

class StateCheck {
 public:
  // end: how much of the log was looked at. first: what of it. ends: each row's newest entry, of these.
  StateCheck(const store::Store& store, bool values, uint64_t first, uint64_t end, const SeqBits& ends,
             FindingList& findings)
      : store_(store),
        values_(values),
        first_(first),
        end_(end),
        ends_(ends),
        named_(first, end),
        findings_(findings) {}

  // go_on: called now and then with the rows done; false stops with kCancelled.
  Status run(const std::function<bool(uint64_t rows)>& go_on);
  uint64_t rows() const { return rows_; }
  uint64_t rows_unproven() const { return unproven_; }
  bool locked() const { return locked_; }

 private:
  static constexpr size_t kPageRows = 1 << 16, kPageBytes = 32 << 20;
  struct Row {
    TableId table;
    std::string key;
    store::RowState state;
  };

  Status check_table(TableId table, const std::function<bool(uint64_t rows)>& go_on);
  Status check_page(std::vector<Row>& page);
  Status check_row(const Row& row);
  void check_against(const Row& row, const record::OwnedEntry& entry);
  void check_image(const Row& row, const record::OwnedEntry& entry);
  Status check_sealing(const Row& row);
  Status follow_newer(Seq newest);

  const store::Store& store_;
  const bool values_;
  const uint64_t first_, end_;
  const SeqBits& ends_;
  SeqBits named_;
  FindingList& findings_;
  bool incomplete_ = false, locked_ = false;
  uint64_t rows_ = 0, unproven_ = 0;
};

}  // namespace rowledger::evidence
