#include "api/access_log.h"

#include <unistd.h>

#include "api/json_writer.h"

namespace rowledger::api {
namespace {

// A reader waits no longer than this for his entry to be written.
constexpr int kWriteTimeoutMs = 5'000;

class DaemonAccessLog final : public AccessLog {
 public:
  DaemonAccessLog(capture::Capture& capture, SearchedValues values) : capture_(capture), values_(values) {}

  Status record(const people::Principal& reader, const Access& access) override {
    const std::string detail = to_json(reader, access, values_);
    record::Entry entry;
    entry.header.kind = record::EntryKind::kAccess;
    entry.header.trust = record::Trust::kVerified;
    if (reader.tenant) entry.header.tenant = *reader.tenant;
    entry.body.attribution.actor_id = reader.id;
    entry.body.attribution.actor_name = reader.name;
    entry.body.detail = detail;
    auto written = capture_.append({&entry, 1}, kWriteTimeoutMs);
    if (written) return {};
    return fail(ErrorCode::kUnavailable,
                "nothing is shown because it cannot be recorded who looked: " + written.error().message);
  }

 private:
  capture::Capture& capture_;
  const SearchedValues values_;
};

}  // namespace

std::string to_json(const people::Principal& reader, const Access& access, const SearchedValues& values,
                    const std::optional<Timestamp>& at) {
  JsonWriter who;
  who.text("kind", to_string(reader.kind)).text("id", reader.id);
  if (!reader.name.empty()) who.text("name", reader.name);
  who.text("role", to_string(reader.role));
  if (reader.tenant) who.text("tenant", *reader.tenant);
  JsonWriter out;
  if (at) out.text("at", at->to_string());
  out.raw("reader", who.finish()).text("route", access.route);
  std::string query = access.search.empty() ? std::string() : values.recorded(access.search);
  if (!query.empty() && !access.query.empty()) query += ' ';
  query += access.query;
  if (!query.empty()) out.text("query", query);
  if (!access.table.empty()) out.text("table", access.table);
  if (!access.key.empty()) out.text("key", access.is_known ? access.key : values.token(access.key));
  if (access.entries) out.number("entries", *access.entries);
  if (!access.unmasked.empty()) out.texts("unmasked", access.unmasked);
  if (!access.reason.empty()) out.text("reason", access.reason);
  return out.finish();
}

people::Principal owner_at(const http::Peer& peer) {
  using Kind = people::Principal::Kind;
  return {.kind = peer.uid ? Kind::kSocket : Kind::kOffline,
          .id = fmt::format("uid:{}", peer.uid.value_or(::geteuid())),
          .name = peer.user,
          .role = people::Role::kOwner};
}

std::unique_ptr<AccessLog> make_access_log(capture::Capture& capture, SearchedValues values) {
  return std::make_unique<DaemonAccessLog>(capture, values);
}

}  // namespace rowledger::api
