#pragma once
// Looks at what capture relies on in the source's catalogue, and says in the log what changed there: things
// that the WAL does not tell and that would otherwise lose changes, or names, silently. Used by one thread at a
// time.
#include <map>
#include <string>
#include <vector>

#include "capture/entry_writer.h"
#include "capture/settings.h"
#include "postgres/catalogue.h"
#include "postgres/connection.h"
#include "store/store.h"

namespace rowledger::capture {

// Something in the source that keeps changes, or names, from the log.
struct Impairment {
  bool loses_changes = false;  // else only names, or the application's own writes fail
  std::string table;           // empty: all
  std::string text;            // what is wrong and how to mend it
};

struct Look {
  std::optional<postgres::SlotInfo> slot;
  bool publication_exists = false;
  Lsn source_lsn;
  std::vector<std::string> warnings;
  bool baseline_due = false;  // tables were marked (baseline.h): start a new session
};

class Watch {
 public:
  Watch(const Settings& settings, const store::Store& store, EntryWriter& writer);

  // Writes an entry for each thing that came or went since the last look, also over a restart. Takes the
  // writer's lock when it has something to write.
  Result<Look> look(postgres::Connection& connection);

 private:
  // By a stable name such as "table-unpublished:public.contacts".
  using Impairments = std::map<std::string, Impairment>;
  struct Sight {  // what one snapshot of the catalogue shows
    Look look;
    Impairments impairments;
    std::map<std::string, std::string> prints;
  };
  Status see(postgres::Connection& connection, Sight& sight) const;
  void find_impairments(const TableSettings& settings, const std::optional<postgres::TableInfo>& info,
                        Impairments& out) const;
  void note_impairments(const Impairments& now, Look& look);
  void note_alterations(const std::map<std::string, std::string>& now, const Impairments& impairments, Look& look);
  // Adds the table's fingerprints by names such as "trigger:public.contacts".
  Status take_fingerprints(postgres::Connection& connection, const std::string& table,
                           std::map<std::string, std::string>& out) const;
  void note_alteration(const std::string& what, const std::string& table, const std::string& before,
                       const std::string& now, Look& look);
  void note_other_subject(const std::string& table, const std::string& before, const std::string& now);
  void note_storage(const std::string& table, const std::string& before, const std::string& now, bool columns_altered,
                    Look& look);
  void note_slot(Look& look);
  void mark_due(const std::string& table, Look& look);

  const Settings& settings_;
  const store::Store& store_;
  EntryWriter& writer_;
  std::map<std::string, bool> impaired_;             // name -> loses changes; as stored in meta
  std::map<std::string, std::string> fingerprints_;  // as stored in meta
  bool slot_warned_ = false;
};

}  // namespace rowledger::capture
