#include "capture/watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "base/json_text.h"
#include "base/log.h"
#include "capture/baseline.h"

namespace rowledger::capture {
namespace {

using postgres::TableInfo;

constexpr char kImpairedKey[] = "watch.impaired";
constexpr char kFingerprintsKey[] = "watch.fingerprints";

// Meta values: one "name<tab>value" a line.
template <class Value>
std::string join(const std::map<std::string, Value>& map) {
  std::string out;
  for (const auto& [name, value] : map) out += fmt::format("{}\t{}\n", name, value);
  return out;
}

std::map<std::string, std::string> split(const std::string& text) {
  std::map<std::string, std::string> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (const size_t tab = line.find('\t'); tab != std::string::npos) out[line.substr(0, tab)] = line.substr(tab + 1);
  return out;
}

std::string reason_of(const std::string& name) { return name.substr(0, name.find(':')); }
std::string table_of(const std::string& name) {
  const size_t colon = name.find(':');
  return colon == std::string::npos ? std::string() : name.substr(colon + 1);
}

// The fingerprint "subject": whose data a table's rows are.
std::string subject_print(const TableSettings& table) {
  if (table.subject.empty()) return "nobody";
  return table.subject == "self" ? table.subject : fmt::format("{} by {}", table.subject, table.subject_column);
}

// The fingerprint "storage": "oid:file" of the table and then of each partition.
struct StorageTree {
  explicit StorageTree(const std::string& print) {
    std::istringstream members(print);
    for (std::string member; members >> member;) {
      const size_t colon = std::min(member.find(':'), member.size());
      if (files.empty()) root = member.substr(0, colon);
      files[member.substr(0, colon)] = member.substr(colon);
    }
  }
  std::string root;
  std::map<std::string, std::string> files;
};

}  // namespace

Watch::Watch(const Settings& settings, const store::Store& store, EntryWriter& writer)
    : settings_(settings), store_(store), writer_(writer) {
  if (auto stored = store.meta(kImpairedKey); stored && *stored)
    for (const auto& [name, loses] : split(**stored)) impaired_[name] = loses == "true";
  if (auto stored = store.meta(kFingerprintsKey); stored && *stored) fingerprints_ = split(**stored);
}

Result<Look> Watch::look(postgres::Connection& connection) {
  // Under one snapshot: what is altered between two questions would be half seen, as another alteration than it is.
  RL_TRY(connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  Sight sight;
  const Status seen = see(connection, sight);
  const Status over = connection.execute("ROLLBACK");
  RL_TRY(seen);
  RL_TRY(over);
  auto& [look, impairments, prints] = sight;

  const auto lock = writer_.lock();
  note_impairments(impairments, look);
  note_alterations(prints, impairments, look);
  note_slot(look);
  // Durable before the caller reads in the store which tables are due.
  if (look.baseline_due) {
    RL_TRY(writer_.flush_and_wait());
  } else if (!writer_.batch().empty()) {
    writer_.flush();
  }
  return std::move(look);
}

Status Watch::see(postgres::Connection& connection, Sight& sight) const {
  auto& [look, impairments, prints] = sight;
  RL_ASSIGN(look.slot, postgres::slot_info(connection, settings_.slot));
  RL_ASSIGN(look.source_lsn, postgres::current_wal_lsn(connection));
  RL_ASSIGN(const auto publication, postgres::publication_info(connection, settings_.publication));
  look.publication_exists = publication.has_value();
  if (!publication) {
    impairments["publication-missing"] = {
        true, "", fmt::format("publication {} does not exist: run `rowledger attach`", settings_.publication)};
  } else if (!(publication->insert && publication->update && publication->remove && publication->truncate)) {
    impairments["publication-operations"] = {
        true, "",
        fmt::format("publication {} leaves out some of insert, update, delete, truncate: run `rowledger attach`",
                    settings_.publication)};
  } else if (!publication->via_root) {
    impairments["publication-via-root"] = {
        true, "",
        fmt::format("publication {} does not publish partitions under their root: run `rowledger attach`",
                    settings_.publication)};
  }
  for (const TableSettings& table : settings_.tables) {
    prints["subject:" + table.table] = subject_print(table);
    RL_ASSIGN(const auto info, postgres::table_info(connection, settings_.publication, table.table));
    if (publication || !info) find_impairments(table, info, impairments);
    if (!info) continue;
    RL_TRY(take_fingerprints(connection, table.table, prints));
    if (!info->key.empty()) prints["key:" + table.table] = fmt::format("{}", fmt::join(info->key, ", "));
  }
  return {};
}

void Watch::find_impairments(const TableSettings& settings, const std::optional<TableInfo>& info,
                             Impairments& out) const {
  const std::string& table = settings.table;
  const auto found = [&](const char* reason, bool loses, std::string text) {
    out[std::string(reason) + ":" + table] = {loses, table, std::move(text)};
  };
  if (!info) return found("table-missing", true, fmt::format("table {} does not exist", table));
  if (!info->published) {
    found("table-unpublished", true,
          fmt::format("table {} is not in publication {}: run `rowledger attach`", table, settings_.publication));
  } else {
    if (!info->published_columns.empty())
      found("column-list", true,
            fmt::format("publication {} sends only some columns of {}: run `rowledger attach`", settings_.publication,
                        table));
    if (!info->row_filter.empty())
      found("row-filter", true,
            fmt::format("publication {} sends only some rows of {}: run `rowledger attach`", settings_.publication,
                        table));
  }
  if (info->persistence == 'u')
    found("table-unlogged", true,
          fmt::format("table {} is UNLOGGED, its changes are not in the WAL: ALTER TABLE {} SET LOGGED", table, table));
  if (!info->identity_problem.empty())
    found(
        "identity-missing", info->key.empty(),
        fmt::format("{}, so that {} and the application's own UPDATE and DELETE may fail: {}", info->identity_problem,
                    info->key.empty() ? "rows cannot be told apart" : "old keys are not sent", info->identity_remedy));
  if (settings_.expect_trigger) {
    if (!info->trigger_present) {
      found(
          "trigger-missing", false,
          fmt::format("the attribution trigger of {} is gone, so that names are lost: run `rowledger attach`", table));
    } else if (info->trigger_enabled != 'A') {
      found("trigger-disabled", false,
            fmt::format("the attribution trigger of {} is disabled, so that names are lost: "
                        "ALTER TABLE {} ENABLE ALWAYS TRIGGER rowledger_attribution",
                        table, table));
    }
  }
}

void Watch::note_impairments(const Impairments& now, Look& look) {
  bool changed = false;
  for (const auto& [name, impairment] : now) {
    look.warnings.push_back(impairment.text);
    if (impaired_.contains(name)) continue;
    changed = true;
    impaired_[name] = impairment.loses_changes;
    log::warning("{}", impairment.text);
    writer_.add_control(
        impairment.loses_changes ? record::EntryKind::kGap : record::EntryKind::kControl, impairment.table,
        json_object({{impairment.loses_changes ? "reason" : "event", reason_of(name)}, {"text", impairment.text}}));
  }
  for (auto it = impaired_.begin(); it != impaired_.end();) {
    if (now.contains(it->first)) {
      ++it;
      continue;
    }
    changed = true;
    const std::string table = table_of(it->first);
    log::info("mended: {}", it->first);
    writer_.add_control(record::EntryKind::kControl, table,
                        json_object({{"event", "restored"}, {"what", reason_of(it->first)}}));
    if (it->second)
      for (const TableSettings& settings : settings_.tables)
        if (table.empty() || settings.table == table) mark_due(settings.table, look);
    it = impaired_.erase(it);
  }
  if (changed) writer_.batch().set_meta(kImpairedKey, join(impaired_));
}

// Row versions of the catalogue's rows: they also change when something was altered and put back between two looks.
// One statement, so that all of it is of one moment. `storage` has the table and its partitions, "oid:file" each:
// a TRUNCATE of a partition, its detaching or attaching, and a table of the same name are nowhere in the stream.
Status Watch::take_fingerprints(postgres::Connection& connection, const std::string& table,
                                std::map<std::string, std::string>& out) const {
  RL_ASSIGN(
      const auto rows,
      connection.query(
          "WITH RECURSIVE tree AS (SELECT to_regclass($1)::oid AS oid"
          "  UNION SELECT i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid"
          "  JOIN pg_class p ON p.oid = i.inhrelid AND p.relispartition)"
          " SELECT 'publication', (SELECT string_agg(p.oid || '.' || p.xmin || '/' || coalesce(r.oid || '.' || r.xmin, "
          "''), ' ')"
          "  FROM pg_publication p LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid = to_regclass($1)"
          "  WHERE p.pubname = $2)"
          " UNION ALL SELECT 'trigger', (SELECT t.oid || '.' || t.xmin FROM pg_trigger t"
          "  WHERE t.tgrelid = to_regclass($1) AND t.tgname = 'rowledger_attribution')"
          " UNION ALL SELECT 'identity', (SELECT c.relreplident::text FROM pg_class c WHERE c.oid = to_regclass($1))"
          " UNION ALL SELECT 'columns', (SELECT md5(string_agg(a.attnum || '.' || a.xmin, ' ' ORDER BY a.attnum)) FROM "
          "pg_attribute a"
          "  WHERE a.attrelid = to_regclass($1) AND a.attnum > 0)"
          " UNION ALL SELECT 'storage', (SELECT string_agg(c.oid || ':' || c.relfilenode, ' ' ORDER BY c.oid <> "
          "to_regclass($1), c.oid)"
          "  FROM tree JOIN pg_class c USING (oid))",
          {postgres::quote_table(table), settings_.publication}));
  for (const auto& row : rows.rows)
    if (row[0] && row[1]) out[*row[0] + ":" + table] = *row[1];
  return {};
}

void Watch::note_alterations(const std::map<std::string, std::string>& now, const Impairments& impairments,
                             Look& look) {
  if (now == fingerprints_) return;
  for (const auto& [name, print] : now) {
    const auto before = fingerprints_.find(name);
    if (before == fingerprints_.end() || before->second == print) continue;
    const std::string what = reason_of(name), table = table_of(name);
    if (what == "subject") {
      note_other_subject(table, before->second, print);
      continue;
    }
    const bool only_names = what == "trigger" || what == "identity";
    // What an impairment tells, its end mends.
    const bool told = std::ranges::any_of(impairments, [&](const auto& named) {
      const Impairment& impairment = named.second;
      return (impairment.table.empty() || impairment.table == table) && impairment.loses_changes != only_names;
    });
    if (told) continue;
    if (what == "storage") {
      const auto columns = fingerprints_.find("columns:" + table);
      const auto columns_now = now.find("columns:" + table);
      const bool altered =
          columns != fingerprints_.end() && columns_now != now.end() && columns->second != columns_now->second;
      note_storage(table, before->second, print, altered, look);
    } else if (what != "columns") {
      note_alteration(what, table, before->second, print, look);
    }
  }
  // What is gone stays known, so that its return is noticed as an alteration.
  for (const auto& [name, print] : now) fingerprints_[name] = print;
  writer_.batch().set_meta(kFingerprintsKey, join(fingerprints_));
}

void Watch::note_alteration(const std::string& what, const std::string& table, const std::string& before,
                            const std::string& now, Look& look) {
  using record::EntryKind;
  if (what == "publication") {
    writer_.add_control(EntryKind::kGap, table,
                        json_object({{"reason", "publication-altered"},
                                     {"text", "the publication was altered; the table is compared with the log"}}));
    mark_due(table, look);
  } else if (what == "key") {
    writer_.add_control(
        EntryKind::kControl, table,
        json_object({{"event", "key-changed"},
                     {"before", before},
                     {"after", now},
                     {"text",
                      "rows are identified by other columns now: known rows move to their new keys, and the "
                      "table is compared with the log"}}));
    mark_due(table, look);
  } else {
    writer_.add_control(EntryKind::kControl, table,
                        json_object({{"event", what == "trigger" ? "trigger-altered" : "replica-identity-changed"},
                                     {"before", what == "identity" ? before : ""},
                                     {"after", what == "identity" ? now : ""}}));
  }
}

void Watch::note_other_subject(const std::string& table, const std::string& before, const std::string& now) {
  const std::string text = fmt::format(
      "whose data the rows of {} are is configured otherwise: {} before, {} now. What was recorded until now stays "
      "sealed as it was, so that erasing a person does not reach what was nobody's (docs/privacy.md)",
      table, before, now);
  log::warning("{}", text);
  writer_.add_control(record::EntryKind::kControl, table,
                      json_object({{"event", "subject-changed"}, {"before", before}, {"after", now}, {"text", text}}));
}

void Watch::note_storage(const std::string& table, const std::string& before, const std::string& now,
                         bool columns_altered, Look& look) {
  using record::EntryKind;
  const auto note = [&](EntryKind kind, std::string_view reason, const std::string& text) {
    writer_.add_control(kind, table,
                        json_object({{kind == EntryKind::kGap ? "reason" : "event", reason},
                                     {"text", text + "; the table is compared with the log"}}));
    mark_due(table, look);
  };
  const StorageTree then(before), today(now);
  if (then.root != today.root) {
    return note(EntryKind::kGap, "table-recreated",
                fmt::format("{} is another table of that name: the former one was dropped with its "
                            "rows, or renamed",
                            table));
  }
  size_t removed = 0, added = 0, rewritten = 0;
  for (const auto& [oid, file] : then.files) removed += !today.files.contains(oid);
  for (const auto& [oid, file] : today.files) {
    const auto old = then.files.find(oid);
    added += old == then.files.end();
    rewritten += old != then.files.end() && old->second != file;
  }
  if (removed > 0)
    note(EntryKind::kGap, "partition-removed",
         fmt::format("{} partition(s) of {} were dropped or detached, with their rows", removed, table));
  if (added > 0)
    note(EntryKind::kControl, "partition-added",
         fmt::format("{} partition(s) were added to {}, perhaps with rows in them", added, table));
  // A TRUNCATE of a table that is published by itself comes through the stream, and VACUUM FULL or CLUSTER change no
  // row. Of a partition, a TRUNCATE does not come; and an ALTER TABLE that computes values anew never does.
  const bool has_partitions = then.files.size() > 1 || today.files.size() > 1;
  if (rewritten > 0 && (has_partitions || columns_altered))
    note(
        EntryKind::kControl, "table-rewritten",
        fmt::format(
            "{} was written anew or emptied in PostgreSQL (TRUNCATE of a partition, VACUUM FULL, CLUSTER, ALTER TABLE)",
            table));
}

void Watch::note_slot(Look& look) {
  if (!look.slot) return;
  const bool endangered = look.slot->wal_status == "unreserved" ||
                          look.slot->retained_bytes > settings_.warn_retained_bytes ||
                          (look.slot->safe_wal_bytes && *look.slot->safe_wal_bytes < settings_.warn_retained_bytes / 4);
  if (!endangered) {
    slot_warned_ = false;
    return;
  }
  const std::string text = fmt::format(
      "slot {} makes the source keep {} MB of WAL (wal_status {}): let capture catch up, or max_slot_wal_keep_size "
      "will drop "
      "what is not captured yet",
      settings_.slot, look.slot->retained_bytes >> 20, look.slot->wal_status);
  look.warnings.push_back(text);
  if (slot_warned_) return;
  slot_warned_ = true;
  log::warning("{}", text);
  writer_.add_control(record::EntryKind::kControl, "", json_object({{"event", "slot-retains-wal"}, {"text", text}}));
}

void Watch::mark_due(const std::string& table, Look& look) {
  const auto mark = store_.meta("baseline." + table);
  if (!mark || !*mark) return;  // never begun: it is due anyway
  Baseline::mark_due(writer_, table);
  look.baseline_due = true;
}

}  // namespace rowledger::capture
