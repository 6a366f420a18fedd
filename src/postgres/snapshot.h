#pragma once
// A new slot and the tables as they were at the moment where it begins: the baseline and the stream
// meet without a hole or an overlap. Owned and used by one thread.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "postgres/catalogue.h"
#include "postgres/connection.h"
#include "postgres/table_definition.h"

namespace rowledger::postgres {

class SlotSnapshot {
 public:
  // Makes the logical slot with an exported snapshot and opens a REPEATABLE READ transaction on it.
  // The server first waits for every transaction that has written something and is still open, of any database.
  // waits: called several times a second meanwhile, with the server process that waits; true gives up (kCancelled).
  // interrupted: the same for what is read on the snapshot.
  // Errors: kConflict when a slot of that name exists; kUnavailable when none is free.
  using Waits = std::function<bool(int backend_pid)>;
  static Result<std::unique_ptr<SlotSnapshot>> create(const std::string& conninfo, const std::string& slot,
                                                      const Waits& waits = {},
                                                      const Connection::Interrupted& interrupted = {});
  virtual ~SlotSnapshot() = default;

  // The stream begins here: the snapshot shows everything committed before.
  virtual Lsn consistent_point() const = 0;
  virtual const SystemIdentity& system() const = 0;

  virtual Result<std::optional<TableInfo>> table(const std::string& publication, const std::string& name) = 0;
  virtual Result<std::optional<TableDefinition>> definition(const std::string& name) = 0;

  // Every row of the table with the columns of `info`, in the text forms of the stream. in_key_order:
  // sorted by the key's text in the C collation, which is the order of record::encode_key.
  virtual Status read_table(const TableInfo& info, bool in_key_order, const Connection::CopyRow& row) = 0;
};

Status drop_slot(Connection& connection, const std::string& slot);

// The server processes whose open transactions that process waits for.
Result<std::vector<int>> waited_for(Connection& connection, int backend_pid);

}  // namespace rowledger::postgres
