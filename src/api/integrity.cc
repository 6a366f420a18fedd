// What proves the log: verification, proofs, evidence, and the resources of C2SP tlog-tiles.
#include <algorithm>
#include <chrono>

#include "api/answer.h"
#include "api/json_writer.h"
#include "api/routes.h"
#include "evidence/collect.h"
#include "evidence/proof.h"
#include "evidence/verify.h"
#include "ledger/tile_tree.h"

namespace rowledger::api {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kMostThreads = 64;
constexpr auto kTellEvery = std::chrono::milliseconds(500);

http::Response text_answer(std::string body, std::string_view type = "text/plain; charset=utf-8") {
  http::Response out;
  out.headers = {{"Content-Type", std::string(type)}, {"Cache-Control", "no-store"}};
  out.body = std::move(body);
  return out;
}

// Keeps the client patient until the report is there: with lines that tell how far it is, or with empty ones, which
// JSON takes before its value.
class Teller {
 public:
  Teller(http::BodySink& sink, bool progress) : sink_(sink), progress_(progress) {}

  bool tell(evidence::VerifyPhase phase, uint64_t done, uint64_t total) {
    const auto now = Clock::now();
    if (now - last_ < kTellEvery) return !sink_.gone();
    last_ = now;
    if (!progress_) return sink_.write("\n");
    return sink_.write(
        JsonWriter()
            .raw("progress",
                 JsonWriter().text("phase", to_string(phase)).number("done", done).number("total", total).finish())
            .finish() +
        "\n");
  }

 private:
  http::BodySink& sink_;
  const bool progress_;
  Clock::time_point last_ = Clock::now();
};

// Holds the flag as long as it lives.
class Turn {
 public:
  // Nothing while another one lives.
  static std::shared_ptr<Turn> take(std::shared_ptr<std::atomic_flag> flag) {
    if (flag->test_and_set()) return nullptr;
    return std::shared_ptr<Turn>(new Turn(std::move(flag)));
  }
  ~Turn() { flag_->clear(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  explicit Turn(std::shared_ptr<std::atomic_flag> flag) : flag_(std::move(flag)) {}
  const std::shared_ptr<std::atomic_flag> flag_;
};

Result<evidence::VerifyOptions> options_of(const http::Target& target) {
  evidence::VerifyOptions out;
  RL_ASSIGN(out.since.value, number_parameter(target, "since", 0, 0, UINT64_MAX));
  RL_ASSIGN(const uint64_t threads, number_parameter(target, "threads", 1, 1, kMostThreads));
  out.threads = static_cast<unsigned>(threads);
  RL_ASSIGN(const bool headers_only, flag_parameter(target, "headers_only"));
  out.values = !headers_only;
  for (const auto& [name, value] : target.parameters)
    if (name == "checkpoint") out.kept_checkpoints.push_back(value);
  return out;
}

Result<evidence::EvidenceRequest> request_of(const http::Target& target) {
  const auto entry = target.parameter("entry"), table = target.parameter("table"), key = target.parameter("key"),
             subject = target.parameter("subject"), q = target.parameter("q");
  if (entry.has_value() + table.has_value() + subject.has_value() + q.has_value() != 1 ||
      table.has_value() != key.has_value())
    return fail(ErrorCode::kInvalid, "say what to prove, one of: entry=, table= and key=, subject=, q=");
  if (entry) {
    const auto seq = parse_number(*entry);
    if (!seq) return fail(ErrorCode::kInvalid, "entry must be an entry's number");
    return evidence::EvidenceRequest(evidence::AboutEntry{Seq{*seq}});
  }
  if (table) return evidence::EvidenceRequest(evidence::AboutRow{std::string(*table), std::string(*key)});
  if (subject) return evidence::EvidenceRequest(evidence::AboutSubject{std::string(*subject)});
  RL_ASSIGN(const bool all, flag_parameter(target, "all"));
  return evidence::EvidenceRequest(evidence::AboutSearch{std::string(*q), all});
}

void put_down(const http::Target& target, Access& access) {
  access.route = "evidence";
  access.table = target.parameter("table").value_or("");
  access.key = target.parameter("key").value_or("");
  access.search = target.parameter("q").value_or("");
  if (const auto subject = target.parameter("subject")) {
    const size_t slash = subject->find('/');
    access.query = "subject";
    access.table = subject->substr(0, slash);
    access.key = slash == std::string_view::npos ? std::string_view() : subject->substr(slash + 1);
  }
  if (const auto entry = target.parameter("entry")) access.query = fmt::format("seq:{}", *entry);
}

}  // namespace

http::Response get_verification(const Call& call) {
  auto key = evidence::verifier_key_of(call.target.parameter("key").value_or(call.dependencies.verifier_key));
  if (!key) return problem(key.error());
  auto options = options_of(call.target);
  if (!options) return problem(options.error());
  const auto progress = flag_parameter(call.target, "progress");
  if (!progress) return problem(progress.error());
  auto turn = Turn::take(call.dependencies.verifying);
  if (turn == nullptr)
    return problem(Error{ErrorCode::kConflict, "a verification runs already: wait until it has ended"});
  options->second_place = call.dependencies.second_checkpoint;
  http::Response out;
  out.headers = {{"Content-Type", *progress ? "application/x-ndjson" : "application/json"},
                 {"Cache-Control", "no-store"}};
  out.stream = [&store = call.dependencies.store, key = std::move(*key), options = *options, progress = *progress,
                turn = std::move(turn)](http::BodySink& sink) mutable {
    Teller teller(sink, progress);
    const auto report = evidence::verify_log(
        store, key, options,
        [&](evidence::VerifyPhase phase, uint64_t done, uint64_t total) { return teller.tell(phase, done, total); });
    turn.reset();  // whoever has read the report may ask again
    // The status has been sent long since.
    sink.write((report ? to_json(*report) : JsonWriter().raw("problem", problem(report.error()).body).finish()) + "\n");
  };
  return out;
}

http::Response get_entry_proof(const Call& call) {
  const auto seq = parse_number(call.path[0]);
  if (!seq)
    return problem(Error{ErrorCode::kInvalid, "an entry's number is a whole number, as in /v1/entries/1207/proof"});
  const auto key = evidence::verifier_key_of(call.dependencies.verifier_key);
  if (!key) return problem(key.error());
  const auto found = call.view().entry({*seq});
  if (!found) return problem(found.error());
  if (!*found) return problem(Error{ErrorCode::kNotFound, fmt::format("there is no entry {}", *seq)});
  auto proof = evidence::prove_entry(call.view().scope(), *key, {*seq});
  return proof ? text_answer(std::move(*proof)) : problem(proof.error());
}

http::Response get_evidence(const Call& call) {
  const auto request = request_of(call.target);
  if (!request) return problem(request.error());
  put_down(call.target, call.access);
  const auto key = evidence::verifier_key_of(call.dependencies.verifier_key);
  if (!key) return problem(key.error());
  const std::string_view reason = call.target.parameter("reason").value_or("");
  const bool unmasks = call.view().masks() && !reason.empty() && call.principal().may(people::Right::kUnmask);
  if (unmasks) {
    call.access.unmasked = {"*"};
    call.access.reason = reason;
  }
  const auto evidence = evidence::collect_evidence(
      call.view(), *key, *request, unmasks ? evidence::Contents::kAll : evidence::Contents::kWhatIsShown);
  if (!evidence) return problem(evidence.error());
  call.access.entries = evidence->entries.size();
  return text_answer(evidence::format_evidence(*evidence));
}

namespace {

http::Response no_such_tile() {
  return problem(404, "not-found", "There is no such thing", "the log has no such tile, or not yet");
}

http::Response tile_answer(Result<std::string> bytes) {
  if (!bytes && (bytes.error().code == ErrorCode::kInvalid || bytes.error().code == ErrorCode::kNotFound))
    return no_such_tile();
  if (!bytes) return problem(bytes.error());
  return text_answer(std::move(*bytes), "application/octet-stream");
}

// Hashes are for all, and a full tile never changes.
http::Response hashes_answer(Result<std::string> bytes, uint32_t width) {
  auto out = tile_answer(std::move(bytes));
  if (out.status == 200 && width == ledger::kTileWidth)
    out.headers.back().second = "public, max-age=31536000, immutable";
  return out;
}

// What is answered depends on who asks: no cache that several readers share may hand it on, nor the browser's own after
// another one has signed in.
http::Response entries_answer(Result<std::string> bytes, uint32_t width) {
  auto out = tile_answer(std::move(bytes));
  if (out.status != 200 || width != ledger::kTileWidth) return out;
  out.headers.back().second = "private, max-age=31536000, immutable";
  out.headers.emplace_back("Vary", "Cookie, Authorization");
  return out;
}

Result<std::string> entry_bundle(const store::Store& store, uint64_t index, uint32_t width) {
  if (index >= ledger::kMaxTreeSize / ledger::kTileWidth || index * ledger::kTileWidth + width > store.end().value)
    return fail(ErrorCode::kInvalid, "the log has no such entries");
  RL_ASSIGN(const std::vector<std::string> headers, store.headers({index * ledger::kTileWidth}, width));
  std::string out;
  for (const std::string& header : headers) ledger::append_to_bundle(header, out);
  return out;
}

}  // namespace

http::Response get_tlog(const Call& call) {
  const store::Store& store = call.view().scope();
  const std::string_view path = call.path[0];
  if (path == "checkpoint") {
    const auto stored = store.checkpoint();
    if (!stored) return problem(stored.error());
    if (!*stored) return problem(404, "not-found", "There is no such thing", "no checkpoint was signed yet");
    return text_answer((*stored)->note);
  }
  const auto tile = ledger::parse_tile_path(path);
  if (!tile || tile->id.level >= ledger::kTileLevels) return no_such_tile();
  if (tile->entries) return entries_answer(entry_bundle(store, tile->id.index, tile->width), tile->width);
  const ledger::TreeEdge edge = store.tree_edge();
  return hashes_answer(ledger::TileTree(store.tiles(), edge).tile(tile->id, tile->width), tile->width);
}

}  // namespace rowledger::api
