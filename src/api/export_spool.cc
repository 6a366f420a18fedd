#include "api/export_spool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>

#include "api/answer.h"
#include "api/json_view.h"
#include "api/json_writer.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/thread_name.h"
#include "base/write_all.h"

namespace rowledger::api {
namespace {

constexpr size_t kBufferBytes = 256 << 10;
constexpr auto kLookForExpired = std::chrono::minutes(1);
constexpr std::string_view kUnfinished = ".part", kData = ".data", kAbout = ".json";

using Phase = ExportState::Phase;

bool finished(const ExportState& state) { return state.phase == Phase::kDone || state.phase == Phase::kFailed; }

Error os_failure(std::string_view what, const std::filesystem::path& path) {
  return {ErrorCode::kIo, fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(errno))};
}

Status write_all(int fd, std::string_view bytes, const std::filesystem::path& path) {
  return rowledger::write_all(fd, bytes) ? Status() : fail(os_failure("write", path));
}

// What outlives the program, of a finished export.
std::string stored_json(const ExportState& state) {
  const ExportOrder& order = state.order;
  JsonWriter json;
  json.text("format", to_string(order.format))
      .text("query", order.query)
      .boolean("all", order.all)
      .boolean("images", order.images)
      .text("reader_id", order.reader_id)
      .text("tenant", order.tenant)
      .text("idempotency_key", order.idempotency_key)
      .number("end", order.end.value)
      .number("created_us", state.created_at.us)
      .number("expires_us", state.expires_at.us)
      .number("entries", state.entries)
      .number("bytes", state.bytes)
      .text("sha256", state.sha256)
      .text("manifest", state.manifest);
  return json.finish();
}

std::optional<ExportState> parse_state(std::string id, std::string_view text) {
  const JsonView json(text);
  const auto number = [&](std::string_view name) { return parse_number(json[name].raw()); };
  const auto format = parse_export_format(json["format"].text());
  const auto end = number("end"), created = number("created_us"), expires = number("expires_us"),
             entries = number("entries"), bytes = number("bytes");
  if (!format || !end || !created || !expires || !entries || !bytes || !json["manifest"]) return std::nullopt;
  ExportState out;
  out.phase = Phase::kDone;
  out.id = std::move(id);
  out.progress = 1;
  out.order = {.format = *format,
               .query = json["query"].text(),
               .all = json["all"].is_true(),
               .images = json["images"].is_true(),
               .reader_id = json["reader_id"].text(),
               .tenant = json["tenant"].text(),
               .end = Seq{*end},
               .idempotency_key = json["idempotency_key"].text()};
  out.created_at.us = static_cast<int64_t>(*created);
  out.expires_at.us = static_cast<int64_t>(*expires);
  out.entries = *entries;
  out.bytes = *bytes;
  out.sha256 = json["sha256"].text();
  out.manifest = json["manifest"].text();
  return out;
}

}  // namespace

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::kWaiting: return "waiting";
    case Phase::kRunning: return "running";
    case Phase::kDone: return "done";
    case Phase::kFailed: return "failed";
  }
  return "failed";
}

// The file of one export while it is being written: buffered, counted, hashed.
class ExportSpool::Writer {
 public:
  Writer(std::filesystem::path path, uint64_t spare_disk_bytes)
      : path_(std::move(path)), spare_disk_bytes_(spare_disk_bytes) {}
  ~Writer() {
    if (fd_ >= 0) ::close(fd_);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  Status open() {
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return fd_ < 0 ? Status(fail(os_failure("make", path_))) : Status();
  }
  std::string& buffer() { return buffer_; }
  bool due() const { return buffer_.size() >= kBufferBytes; }

  Status flush() {
    std::error_code error;
    const auto space = std::filesystem::space(path_, error);
    if (!error && space.available < spare_disk_bytes_ + buffer_.size())
      return fail(ErrorCode::kUnavailable,
                  "the disk has too little room left for an export: ask for less, or make room");
    RL_TRY(write_all(fd_, buffer_, path_));
    hash_.update(buffer_);
    bytes_ += buffer_.size();
    buffer_.clear();
    return {};
  }
  // Durable on success.
  Status finish(ExportState& state) {
    RL_TRY(flush());
    if (::fdatasync(fd_) != 0) return fail(os_failure("sync", path_));
    state.bytes = bytes_;
    state.sha256 = to_hex(as_view(hash_.finish()));
    return {};
  }
  uint64_t bytes() const { return bytes_ + buffer_.size(); }

 private:
  const std::filesystem::path path_;
  const uint64_t spare_disk_bytes_;
  int fd_ = -1;
  std::string buffer_;
  uint64_t bytes_ = 0;
  Sha256 hash_;
};

ExportSpool::ExportSpool(ExportSpoolOptions options, SignManifest sign)
    : options_(std::move(options)), sign_(std::move(sign)) {}

Result<std::unique_ptr<ExportSpool>> ExportSpool::open(ExportSpoolOptions options, SignManifest sign) {
  std::error_code error;
  std::filesystem::create_directories(options.directory, error);
  if (error || ::chmod(options.directory.c_str(), 0700) != 0)
    return fail(ErrorCode::kIo,
                fmt::format("cannot make the directory {} for its owner only", options.directory.string()));
  std::unique_ptr<ExportSpool> out(new ExportSpool(std::move(options), std::move(sign)));
  RL_TRY(out->take_in());
  out->thread_ = std::thread([raw = out.get()] { raw->run(); });
  return out;
}

ExportSpool::~ExportSpool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

std::filesystem::path ExportSpool::file(std::string_view id, std::string_view ending) const {
  return options_.directory / (std::string(id) + std::string(ending));
}

void ExportSpool::remove_files(const std::string& id) const {
  std::error_code ignored;
  for (const std::string_view ending : {kAbout, kData, kUnfinished}) std::filesystem::remove(file(id, ending), ignored);
}

Status ExportSpool::take_in() {
  std::error_code error;
  for (const auto& found : std::filesystem::directory_iterator(options_.directory, error)) {
    if (found.path().extension() != kAbout) continue;
    std::ifstream in(found.path(), std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    auto state = parse_state(found.path().stem().string(), text);
    if (state && state->expires_at > Timestamp::now() && std::filesystem::exists(file(state->id, kData)))
      exports_.emplace(state->id, std::move(*state));
  }
  for (const auto& found : std::filesystem::directory_iterator(options_.directory, error)) {
    if (exports_.contains(found.path().stem().string()) && found.path().extension() != kUnfinished) continue;
    std::filesystem::remove_all(found.path(), error);
  }
  if (error)
    return fail(ErrorCode::kIo, fmt::format("cannot tidy {}: {}", options_.directory.string(), error.message()));
  return {};
}

Result<ExportState> ExportSpool::add(ExportOrder order, ExportEntries entries) {
  std::lock_guard lock(mutex_);
  remove_expired();
  size_t unfinished = 0;
  for (const auto& [id, state] : exports_) {
    if (!order.idempotency_key.empty() && state.order.reader_id == order.reader_id &&
        state.order.idempotency_key == order.idempotency_key)
      return state;
    unfinished += !finished(state);
  }
  if (unfinished >= options_.most_waiting || exports_.size() >= options_.most_kept)
    return fail(ErrorCode::kUnavailable, "too many exports are there or on their way: try again later");
  ExportState state;
  state.id = to_hex(random_bytes(16));
  state.order = std::move(order);
  state.created_at = Timestamp::now();
  waiting_.push_back({state.id, std::move(entries), generation_});
  exports_.emplace(state.id, state);
  changed_.notify_all();
  return state;
}

std::optional<ExportState> ExportSpool::find(std::string_view id, std::string_view reader_id) const {
  std::lock_guard lock(mutex_);
  const auto found = exports_.find(id);
  if (found == exports_.end() || found->second.order.reader_id != reader_id) return std::nullopt;
  return found->second;
}

Result<int> ExportSpool::open_data(const std::string& id) const {
  const int fd = ::open(file(id, kData).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(os_failure("open", file(id, kData)));
  return fd;
}

Status ExportSpool::discard_all() {
  std::unique_lock lock(mutex_);
  ++generation_;
  ++discarding_;
  for (const Job& job : waiting_) exports_.erase(job.id);
  waiting_.clear();
  changed_.wait(lock, [&] { return !running_; });
  --discarding_;
  changed_.notify_all();
  // What was asked for meanwhile has nothing on the disk yet.
  std::erase_if(exports_, [&](const auto& each) {
    const bool gone = each.second.phase != Phase::kWaiting;
    if (gone) remove_files(each.first);
    return gone;
  });
  std::error_code error;
  if (!std::filesystem::is_empty(options_.directory, error) || error)
    return fail(ErrorCode::kIo, fmt::format("exports could not be removed from {}", options_.directory.string()));
  return {};
}

// The lock is held.
void ExportSpool::remove_expired() {
  const Timestamp now = Timestamp::now();
  std::erase_if(exports_, [&](const auto& each) {
    const bool gone = finished(each.second) && each.second.expires_at <= now;
    if (gone) remove_files(each.first);
    return gone;
  });
}

bool ExportSpool::broken_off(uint64_t generation) const {
  std::lock_guard lock(mutex_);
  return stopping_ || generation != generation_;
}

void ExportSpool::publish(const ExportState& state) {
  std::lock_guard lock(mutex_);
  exports_[state.id] = state;
}

void ExportSpool::run() {
  name_this_thread("export");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    remove_expired();
    if (waiting_.empty() || discarding_ > 0) {
      changed_.wait_for(lock, kLookForExpired);
      continue;
    }
    const Job job = std::move(waiting_.front());
    waiting_.pop_front();
    running_ = true;
    lock.unlock();
    write(job);
    lock.lock();
    running_ = false;
    changed_.notify_all();
  }
}

void ExportSpool::write(const Job& job) {
  ExportState state;
  {
    std::lock_guard lock(mutex_);
    state = exports_[job.id];
  }
  state.phase = Phase::kRunning;
  publish(state);
  const Status written = write_data(job, state);
  state.expires_at = {Timestamp::now().us + options_.keep_s * 1'000'000};
  if (!written) {
    remove_files(job.id);
    state.phase = Phase::kFailed;
    state.problem = written.error().message;
    if (written.error().code != ErrorCode::kCancelled) log::warning("an export failed: {}", state.problem);
  } else {
    state.phase = Phase::kDone;
    state.progress = 1;
  }
  publish(state);
}

Status ExportSpool::write_data(const Job& job, ExportState& state) {
  Writer writer(file(job.id, kUnfinished), options_.spare_disk_bytes);
  RL_TRY(writer.open());
  append_export_head(state.order.format, writer.buffer());
  Status inner;
  const Status outer = job.entries([&](Seq seq, std::string_view entry_json) {
    append_export_entry(state.order.format, entry_json, writer.buffer());
    ++state.entries;
    if (!state.first) state.first = seq;
    state.last = seq;
    if (!writer.due()) return true;
    inner = broken_off(job.generation) ? fail(ErrorCode::kCancelled, "it was broken off: ask again") : writer.flush();
    state.bytes = writer.bytes();
    state.progress = static_cast<double>(seq.value) / static_cast<double>(std::max<uint64_t>(state.order.end.value, 1));
    publish(state);
    return bool(inner);
  });
  RL_TRY(inner);
  RL_TRY(outer);
  RL_TRY(writer.finish(state));
  RL_ASSIGN(state.manifest, sign_(state));
  state.expires_at = {Timestamp::now().us + options_.keep_s * 1'000'000};
  if (::rename(file(job.id, kUnfinished).c_str(), file(job.id, kData).c_str()) != 0)
    return fail(os_failure("rename", file(job.id, kUnfinished)));
  const int fd = ::open(file(job.id, kAbout).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return fail(os_failure("make", file(job.id, kAbout)));
  Status about = write_all(fd, stored_json(state), file(job.id, kAbout));
  ::close(fd);
  // Also of one that ended just after the last look.
  if (about && broken_off(job.generation)) return fail(ErrorCode::kCancelled, "it was broken off: ask again");
  return about;
}

}  // namespace rowledger::api
