#pragma once
// Erasing people's values, and holds that prevent it (docs/privacy.md). What was ordered, by whom and why, is in the
// log before anything is done.
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/without_subject.h"
#include "base/result.h"
#include "capture/capture.h"
#include "people/principal.h"
#include "store/store.h"

namespace rowledger::api {

class ExportSpool;

// A row that is a person, and whose values are his: under every name and organisation that the log knows of.
struct Person {
  std::string table, key;
  std::vector<store::Owner> owners;
  uint64_t entries = 0;  // about him
};

struct Erased {
  Seq seq;                         // of the entry that says so
  uint64_t entries = 0;            // about the person
  uint64_t in_clear = 0;           // of them, written while sealing was off: no key can be destroyed for those
  WithoutSubject without_subject;  // besides them
};

// Why nothing may be erased for now.
struct Hold {
  Seq id;              // the entry that says so
  std::string detail;  // of it: a JSON object; empty: its key is lost, so that nothing tells why and about whom
  Timestamp since;
  std::string tenant;
  std::vector<std::string> names;  // whose values it keeps, by Store::name_of(), as of when it was placed

  bool is_readable() const { return !detail.empty(); }
};

// Any thread.
class PersonsRights {
 public:
  PersonsRights(store::Store& store, capture::Capture& capture, ExportSpool* exports,
                std::vector<capture::TableSettings> tables, store::RetentionRules retention)
      : store_(store),
        capture_(capture),
        exports_(exports),
        tables_(std::move(tables)),
        retention_(std::move(retention)) {}

  // kConflict while a hold stands; kNotFound when the log knows no such person (or he is another organisation's);
  // kInvalid when rows of the table are not persons.
  Result<Erased> erase(const people::Principal& by, std::string_view table, std::string_view key,
                       std::string_view reason, std::string_view basis);

  Result<Hold> hold(const people::Principal& by, std::string_view table, std::string_view key, std::string_view reason);
  Result<std::vector<Hold>> holds(const people::Principal& by) const;
  Status lift(const people::Principal& by, Seq id, std::string_view reason);

  // Whose values a run of retention must leave alone: under every name and organisation that a person has by now. Who
  // asks it again gets the same, which costs little, until a hold is placed or lifted. This outlives it.
  capture::Capture::Held held() const;

 private:
  struct Traces {
    std::set<std::string> subjects, tenants;
    uint64_t entries = 0;  // about the subjects
    bool any = false;
  };
  // Of who stood at the key at `since`, or stands or stood there last. of: what is known of him already.
  Result<Traces> trace(std::string_view table, std::string_view key, std::optional<Seq> since, Traces of) const;
  Result<std::optional<record::OwnedEntry>> trace_at(std::string_view table, std::string_view key,
                                                     std::optional<Seq> since, Traces& out) const;
  Result<Person> find(const people::Principal& by, std::string_view table, std::string_view key) const;
  // A hold as the store's meta keeps it.
  struct Standing {
    Seq id;
    std::vector<std::string> names;
    bool operator==(const Standing&) const = default;
  };
  static std::string lines_of(const std::vector<Standing>& standing);
  Result<std::vector<Standing>> standing() const;
  std::vector<std::string> names_of(const Person& person) const;
  Result<store::HeldValues> held_now() const;
  bool is_held(const Person& person, const store::HeldValues& held) const;

  store::Store& store_;
  capture::Capture& capture_;
  ExportSpool* const exports_;
  const std::vector<capture::TableSettings> tables_;
  const store::RetentionRules retention_;
  std::mutex mutex_;  // held from looking at the holds until what follows from it is done
};

}  // namespace rowledger::api
