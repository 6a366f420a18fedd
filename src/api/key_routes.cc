// The installation's keys, for whoever holds its data directory.
#include <fmt/format.h>

#include <filesystem>

#include "api/answer.h"
#include "api/entry_of.h"
#include "api/json_body.h"
#include "api/json_writer.h"
#include "api/routes.h"
#include "privacy/key_keeper.h"
#include "privacy/master_key.h"

namespace rowledger::api {
namespace {

// They name files of this machine, and open everything: for whoever is at the socket, whatever roles there are.
std::optional<http::Response> refusal(const Call& call) {
  if (call.principal().role != people::Role::kOwner)
    return problem(403, "permission", "Not allowed", "keys are looked after on the log's machine: `rowledger keys`");
  if (call.dependencies.keeper == nullptr || call.dependencies.capture == nullptr)
    return problem(Error{ErrorCode::kUnavailable, "the keys are not at hand: they are locked, or no daemon runs"});
  return std::nullopt;
}

// Durable before it is done: what opens everything must not be taken without a trace.
Status record(const Call& call, std::string_view event) {
  const people::Principal& by = call.principal();
  const std::string detail = JsonWriter().text("event", event).raw("by", who_json(by)).finish();
  const record::Entry entry = entry_of(record::EntryKind::kControl, by, {}, detail);
  Status recorded = call.dependencies.capture->append({&entry, 1}, kRecordWaitMs);
  if (recorded) return {};
  return fail(std::move(recorded.error()).with_context("nothing was done, because it cannot be recorded"));
}

http::Response done(const Status& status) { return status ? json_answer("{}") : problem(status.error()); }

}  // namespace

http::Response get_keys(const Call& call) {
  if (auto refused = refusal(call)) return std::move(*refused);
  const privacy::KeyKeeper& keeper = *call.dependencies.keeper;
  const privacy::KeyRingStatus status = keeper.status();
  const auto count = [](uint64_t live, uint64_t destroyed) {
    return JsonWriter().number("live", live).number("destroyed", destroyed).finish();
  };
  return json_answer(JsonWriter()
                         .boolean("locked", false)
                         .text_or_null("verifier_key", call.dependencies.verifier_key)
                         .text("master_key", keeper.has_file() ? "file" : "command")
                         .raw("persons", count(status.subjects_live, status.subjects_destroyed))
                         .raw("tenants", count(status.tenants_live, status.tenants_destroyed))
                         .finish());
}

http::Response post_keys_backup(const Call& call) {
  if (auto refused = refusal(call)) return std::move(*refused);
  const auto body = JsonBody::read(call.request, {"file", "recovery_key"});
  if (!body) return problem(body.error());
  const auto file = body->text("file"), digits = body->text("recovery_key");
  if (!file) return problem(file.error());
  if (!digits) return problem(digits.error());
  if (!std::filesystem::path(*file).is_absolute())
    return problem(Error{ErrorCode::kInvalid, "file must be an absolute path"});
  const auto recovery = privacy::parse_recovery_key(*digits);
  if (!recovery) return problem(recovery.error());
  if (std::error_code ignored; std::filesystem::exists(*file, ignored))
    return problem(Error{ErrorCode::kConflict, fmt::format("{} exists already: name a new file", *file)});
  if (const Status recorded = record(call, "keys-backup"); !recorded) return problem(recorded.error());
  return done(call.dependencies.keeper->backup(*file, *recovery));
}

http::Response post_keys_rotation(const Call& call) {
  if (auto refused = refusal(call)) return std::move(*refused);
  const auto body = JsonBody::read(call.request, {"new_key_file"});
  if (!body) return problem(body.error());
  const auto file = body->text_if_given("new_key_file");
  if (!file) return problem(file.error());
  privacy::KeyKeeper& keeper = *call.dependencies.keeper;
  std::optional<privacy::MasterKey> key;
  if (*file) {
    auto read = privacy::read_master_key(**file);
    if (!read) return problem(read.error());
    key = *read;
  }
  const bool is_refused = keeper.has_file() == key.has_value();
  if (!is_refused) {
    if (const Status recorded = record(call, "keys-rotated"); !recorded) return problem(recorded.error());
  }
  return done(key ? keeper.rotate_to(*key) : keeper.rotate());
}

}  // namespace rowledger::api
