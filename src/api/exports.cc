// Exports: ordered, watched, fetched (docs/format/export.md).
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "api/answer.h"
#include "api/byte_range.h"
#include "api/export_spool.h"
#include "api/json_body.h"
#include "api/json_writer.h"
#include "api/routes.h"

namespace rowledger::api {
namespace {

constexpr size_t kSentPieceBytes = 256 << 10;
constexpr size_t kLongestIdempotencyKey = 200;

Error no_spool() { return {ErrorCode::kUnavailable, "exports need the daemon: start it with `rowledger serve`"}; }

std::string to_json(const ExportState& state) {
  JsonWriter json;
  json.text("id", state.id)
      .text("state", to_string(state.phase))
      .text("format", to_string(state.order.format))
      .text("q", state.order.query)
      .text("created_at", state.created_at.to_string())
      .number("entries", state.entries)
      .number("bytes", state.bytes)
      .raw("progress", fmt::format("{:.4f}", state.progress));
  if (state.phase == ExportState::Phase::kDone)
    json.text("sha256", state.sha256).text("expires_at", state.expires_at.to_string());
  if (state.phase == ExportState::Phase::kFailed) json.text("problem", state.problem);
  return json.finish();
}

// {"format":"csv","q":"field:phone","all":false,"images":false}
Result<ExportOrder> order_of(const Call& call) {
  RL_ASSIGN(const JsonBody body, JsonBody::read(call.request, {"format", "q", "all", "images"}));
  RL_ASSIGN(const std::string format, body.text("format"));
  const auto known = parse_export_format(format);
  if (!known) return fail(ErrorCode::kInvalid, "\"format\" must be ndjson, csv, cloudevents or ocsf");
  ExportOrder out;
  out.format = *known;
  RL_ASSIGN(const auto query, body.text_if_given("q"));
  RL_ASSIGN(const auto all, body.flag_if_given("all"));
  RL_ASSIGN(const auto images, body.flag_if_given("images"));
  out.query = query.value_or("");
  out.all = all.value_or(false);
  out.images = images.value_or(false);
  if (out.images && out.format != ExportFormat::kNdjson && out.format != ExportFormat::kCloudEvents)
    return fail(ErrorCode::kInvalid, "whole rows (images) fit into ndjson and cloudevents only");
  out.idempotency_key = call.request.header("idempotency-key");
  if (out.idempotency_key.size() > kLongestIdempotencyKey)
    return fail(ErrorCode::kInvalid, "the Idempotency-Key is too long");
  const people::Principal& reader = call.principal();
  out.reader_id = reader.id;
  out.reader_name = reader.name;
  out.reader_role = to_string(reader.role);
  out.tenant = reader.tenant.value_or("");
  out.end = call.dependencies.store.end();
  return out;
}

// What the order's reader gets to see, entry by entry. It is read by another thread: with a view of its own.
ExportEntries entries_of(const Call& call, const ExportOrder& order, query::Search search) {
  return [view = view::View(call.principal(), call.dependencies.policy, call.dependencies.store),
          search = std::move(search), end = order.end, images = order.images](const auto& visit) -> Status {
    Status inner;
    Status outer = view.search(search, query::Order::kOldestFirst, Seq{0}, [&](const view::Shown& found) {
      if (found.seq() >= end) return false;
      if (!images) return visit(found.seq(), view.json(found));
      auto both = view.images(found);
      if (!both) inner = fail(std::move(both.error()));
      return both && visit(found.seq(), view.json(found, &*both));
    });
    RL_TRY(inner);
    return outer;
  };
}

// The export that the address names, if it is the caller's.
Result<ExportState> asked_for(const Call& call) {
  if (call.dependencies.exports == nullptr) return fail(no_spool());
  auto state = call.dependencies.exports->find(call.path[0], call.principal().id);
  if (!state)
    return fail(ErrorCode::kNotFound,
                "you have no such export: it may have expired, or was removed because a person in it was erased");
  return std::move(*state);
}

Result<ExportState> finished_one(const Call& call) {
  RL_ASSIGN(auto state, asked_for(call));
  if (state.phase == ExportState::Phase::kFailed)
    return fail(ErrorCode::kConflict, "the export failed: " + state.problem);
  if (state.phase != ExportState::Phase::kDone)
    return fail(ErrorCode::kConflict, "the export is not finished yet: ask for its state until it is done");
  return state;
}

class OpenFile {
 public:
  explicit OpenFile(int fd) : fd_(fd) {}
  ~OpenFile() { ::close(fd_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  // False at an error.
  bool send(uint64_t begin, uint64_t end, http::BodySink& sink) const {
    std::string piece;
    while (begin < end) {
      piece.resize(std::min<uint64_t>(kSentPieceBytes, end - begin));
      const ssize_t n = ::pread(fd_, piece.data(), piece.size(), static_cast<off_t>(begin));
      if (n <= 0) return false;
      if (!sink.write(std::string_view(piece).substr(0, static_cast<size_t>(n)))) return true;
      begin += static_cast<uint64_t>(n);
    }
    return true;
  }

 private:
  const int fd_;
};

}  // namespace

http::Response post_export(const Call& call) {
  if (call.dependencies.exports == nullptr) return problem(no_spool());
  auto order = order_of(call);
  if (!order) return problem(order.error());
  auto search = query::Search::parse(order->query, Timestamp::now(), order->all);
  if (!search) return problem(search.error(), order->query);
  call.access.route = "exports";
  call.access.search = order->query;
  ExportEntries entries = entries_of(call, *order, std::move(*search));
  const auto added = call.dependencies.exports->add(std::move(*order), std::move(entries));
  if (!added) return problem(added.error());
  auto response = json_answer(to_json(*added));
  response.status = 202;
  response.headers.emplace_back("Location", "/v1/exports/" + added->id);
  return response;
}

http::Response get_export(const Call& call) {
  const auto state = asked_for(call);
  return state ? json_answer(to_json(*state)) : problem(state.error());
}

http::Response get_export_data(const Call& call) {
  const auto state = finished_one(call);
  if (!state) return problem(state.error());
  call.access.route = "exports.data";
  call.access.search = state->order.query;
  call.access.entries = state->entries;
  const std::string tag = fmt::format("\"{}\"", state->sha256);
  // Of another version of the file no part is wanted; there is none, but the client may think so.
  const std::string_view only_if = call.request.header("if-range");
  const bool ranged = only_if.empty() || only_if == tag;
  const auto part = parse_byte_range(ranged ? call.request.header("range") : std::string_view(), state->bytes);
  http::Response out;
  out.headers = {{"Content-Type", std::string(content_type(state->order.format))},
                 {"Cache-Control", "no-store, no-transform"},
                 {"Accept-Ranges", "bytes"},
                 {"ETag", tag}};
  if (!part) {
    auto refusal = problem(416, "range", "There is no such part", "the range begins behind the end of the file");
    refusal.headers.emplace_back("Content-Range", fmt::format("bytes */{}", state->bytes));
    return refusal;
  }
  const auto fd = call.dependencies.exports->open_data(state->id);
  if (!fd) return problem(fd.error());
  out.headers.emplace_back(
      "Content-Disposition",
      fmt::format("attachment; filename=\"rowledger-{}{}\"", state->id.substr(0, 8), file_ending(state->order.format)));
  if (!part->whole) {
    out.status = 206;
    out.headers.emplace_back("Content-Range", fmt::format("bytes {}-{}/{}", part->begin, part->end - 1, state->bytes));
  }
  out.stream = [file = std::make_shared<OpenFile>(*fd), begin = part->begin, end = part->end](http::BodySink& sink) {
    // Cut short, which the client sees: the chunk that says that all is there does not come.
    if (!file->send(begin, end, sink)) throw std::runtime_error("an export's file cannot be read");
  };
  return out;
}

http::Response get_export_manifest(const Call& call) {
  const auto state = finished_one(call);
  if (!state) return problem(state.error());
  auto out = json_answer(state->manifest);
  out.headers.front().second = "text/plain; charset=utf-8";
  return out;
}

}  // namespace rowledger::api
