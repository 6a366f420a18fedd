#include "capture/source_look.h"

#include <fmt/format.h>

#include "postgres/catalogue.h"
#include "postgres/connection.h"

namespace rowledger::capture {

Result<Report> look_at_source(const Settings& settings, Lsn captured, const std::function<bool()>& interrupted) {
  Report out;
  out.phase = Report::Phase::kLocked;
  out.captured_lsn = captured;
  RL_ASSIGN(const auto connection, postgres::Connection::open(settings.conninfo, false, interrupted));
  RL_ASSIGN(out.source_lsn, postgres::current_wal_lsn(*connection));
  out.lag_bytes = static_cast<int64_t>(out.source_lsn.value - std::min(captured, out.source_lsn).value);
  RL_ASSIGN(const auto slot, postgres::slot_info(*connection, settings.slot));
  out.slot_exists = slot.has_value();
  if (!slot) {
    out.warnings.push_back(
        fmt::format("the slot {} is gone: what changes now will be found by comparison only, once the "
                    "keys can be had",
                    settings.slot));
    return out;
  }
  out.slot_active = slot->active;
  out.slot_wal_status = slot->wal_status;
  out.slot_retained_bytes = slot->retained_bytes;
  out.slot_safe_bytes = slot->safe_wal_bytes;
  if (!slot->safe_wal_bytes && slot->wal_status != "lost")
    out.warnings.push_back(
        "max_slot_wal_keep_size is not set: while the keys are locked, PostgreSQL keeps WAL without limit, until its "
        "disk is full. ALTER SYSTEM SET max_slot_wal_keep_size = '50GB', or what its disk has to spare, and reload");
  return out;
}

}  // namespace rowledger::capture
