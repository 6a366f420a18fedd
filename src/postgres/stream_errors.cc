#include "postgres/stream_errors.h"

#include <fmt/format.h>

#include <string_view>

#include "postgres/libpq.h"

namespace rowledger::postgres {
namespace {

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// SQLSTATE 55000, object_not_in_prerequisite_state, has many reasons.
Error not_ready(const StreamNames& names, const std::string& message) {
  if (contains(message, "can no longer") || contains(message, "invalidated")) {
    return {
        ErrorCode::kInvalid,
        fmt::format("replication slot \"{}\" was invalidated, the WAL it needs is gone: {}. Drop the slot and attach "
                    "again: a new baseline will show what was missed. Raise max_slot_wal_keep_size to prevent it",
                    names.slot, message)};
  }
  if (contains(message, "wal_level")) {
    return {ErrorCode::kInvalid, fmt::format("{}. Set wal_level = logical on the server and restart it", message)};
  }
  if (contains(message, "not created in this database")) {
    return {ErrorCode::kInvalid,
            fmt::format("{}. Give the database of the slot in the URL, or another slot name", message)};
  }
  return {ErrorCode::kInvalid, fmt::format("replication slot \"{}\" cannot be read: {}", names.slot, message)};
}

Error missing(const StreamNames& names, StreamPhase phase, const std::string& message) {
  if (phase == StreamPhase::kRunning) return publication_missing(names);
  return {
      ErrorCode::kNotFound,
      fmt::format("there is no replication slot \"{}\" on the server: {}. Changes made since it was dropped cannot be "
                  "read any more; attach again to make it and to take a new baseline",
                  names.slot, message)};
}

}  // namespace

Error publication_missing(const StreamNames& names) {
  return {
      ErrorCode::kNotFound,
      fmt::format("there is no publication \"{}\" in this database, or there was none when the changes that are due "
                  "now were made. Attach again; if the publication is there, it is younger than the slot: drop the "
                  "slot first",
                  names.publication)};
}

Error stream_error(const StreamNames& names, StreamPhase phase, const PGresult* result) {
  const std::string message = server_message(result);
  const std::string_view state = sqlstate_of(result);
  if (state == "42704") return missing(names, phase, message);
  if (state == "55006") {
    return {
        ErrorCode::kUnavailable,
        fmt::format("replication slot \"{}\" is in use by another process: {}. Stop that process; if it is gone, the "
                    "server lets go of the slot after wal_sender_timeout, or at once with SELECT "
                    "pg_terminate_backend(pid)",
                    names.slot, message)};
  }
  if (state == "55000") return not_ready(names, message);
  if (state == "58P01" && contains(message, "WAL")) {
    return {ErrorCode::kInvalid, fmt::format("the server has removed WAL that slot \"{}\" needs: {}. Drop the slot and "
                                             "attach again: a new baseline will show what was missed",
                                             names.slot, message)};
  }
  if (state == "42501" || state.substr(0, 2) == "28") {
    return {ErrorCode::kPermission, message + ". The role needs LOGIN and REPLICATION"};
  }
  if (state == "22023" || (state == "22000" && contains(message, "option"))) {
    return {ErrorCode::kInvalid,
            fmt::format("replication slot \"{}\" does not take the options of the plugin pgoutput: {}. "
                        "It was made for another program: choose another slot name",
                        names.slot, message)};
  }
  if (state == "42601") {
    return {
        ErrorCode::kInvalid,
        fmt::format("the server does not understand replication commands: {}. Most likely a connection pooler is in "
                    "between: use the address of PostgreSQL itself",
                    message)};
  }
  if (phase == StreamPhase::kRunning && (contains(message, "invalid memory alloc request size") || state == "54000")) {
    return {ErrorCode::kUnavailable,
            fmt::format(
                "the server cannot send one of the next changes, most likely because a value is too large (512 MB or "
                "more), and everything after it waits: {}. docs/operations.md, \"A value too large to be sent\", has "
                "the remedy",
                message)};
  }
  return {ErrorCode::kUnavailable, fmt::format("the server ended the replication stream: {}", message)};
}

}  // namespace rowledger::postgres
