#include "capture/entry_writer.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/check.h"
#include "base/log.h"
#include "base/thread_name.h"
#include "base/time.h"

namespace rowledger::capture {
namespace {

// Large enough that one sync serves many transactions, small enough to stay in the CPU's cache.
constexpr size_t kLargeBatchBytes = 1 << 20;
constexpr size_t kLargeBatchEntries = 4'096;
// After an append, times as long as it took.
constexpr int kRest = 2;
constexpr auto kLongestRest = std::chrono::milliseconds(10);
constexpr auto kRetryAfter = std::chrono::milliseconds(500);
// A millisecond at most, so that no number of readers stops capture.
constexpr int kLetInSteps = 20;
constexpr auto kLetInStep = std::chrono::microseconds(50);
constexpr char kGapCountKey[] = "capture.gap_count";

record::Ref truncated(const Digest& digest) {
  record::Ref ref;
  std::memcpy(ref.data(), digest.data(), ref.size());
  return ref;
}

}  // namespace

EntryWriter::EntryWriter(const Settings& settings, store::Store& store)
    : settings_(settings), store_(store), ref_hmac_(settings.ref_key), cursor_(store.cursor()), next_seq_(store.end()) {
  captured_ = cursor_.end_lsn;
  durable_.captured = durable_.confirmable = cursor_.end_lsn;
  if (auto count = store.meta(kGapCountKey); count && *count)
    gap_count_ = std::strtoull((*count)->c_str(), nullptr, 10);
  // Before a batch stores a position that looks like our own.
  if (store.cursor_altered()) batch_.set_meta(kPositionAltered, "1");
  thread_ = std::thread([this] { run(); });
}

EntryWriter::~EntryWriter() {
  stopping_ = true;
  queue_.close();
  thread_.join();
}

EntryWriter::Lock EntryWriter::lock_until(std::chrono::steady_clock::time_point deadline) {
  waiting_.fetch_add(1);
  Lock out(mutex_, deadline);
  waiting_.fetch_sub(1);
  return out;
}

void EntryWriter::let_others_in() const {
  for (int i = 0; i < kLetInSteps && waiting_.load() > 0; ++i) std::this_thread::sleep_for(kLetInStep);
}

Seq EntryWriter::add(record::Entry& entry, std::string_view key) {
  record::EntryHeader& header = entry.header;
  header.seq = next_seq_;
  next_seq_.value++;
  header.source = settings_.source_name;
  if (header.received_at.us == 0) header.received_at = Timestamp::now();
  if (!header.tenant.empty()) {
    auto found = tenant_seqs_.find(std::string(header.tenant));
    if (found == tenant_seqs_.end())
      found = tenant_seqs_.emplace(header.tenant, store_.next_tenant_seq(header.tenant)).first;
    header.tenant_seq = found->second++;
  }
  if (!key.empty()) {
    // A table's name cannot contain a zero byte, so the two cannot be split otherwise.
    ref_input_.assign("row:").append(header.table).push_back('\0');
    header.row_ref = truncated(ref_hmac_(ref_input_, key));
  }
  if (const std::string_view actor_id = entry.body.attribution.actor_id; !actor_id.empty()) {
    if (actor_id != last_actor_id_) {
      last_actor_id_ = actor_id;
      last_actor_ref_ = truncated(ref_hmac_("actor:", actor_id));
    }
    header.actor_ref = last_actor_ref_;
  }
  batch_.add(entry);
  added_[static_cast<uint8_t>(header.kind)].fetch_add(1, std::memory_order_relaxed);
  if (header.kind == record::EntryKind::kGap) batch_.set_meta(kGapCountKey, std::to_string(++gap_count_));
  return header.seq;
}

Seq EntryWriter::add_control(record::EntryKind kind, std::string_view table, std::string_view detail,
                             const std::optional<record::TxIdentity>& tx) {
  record::Entry entry;
  entry.header.kind = kind;
  entry.header.table = table;
  entry.header.tx = tx;
  entry.body.detail = detail;
  return add(entry);
}

void EntryWriter::set_captured(Lsn lsn) {
  if (lsn > captured_) captured_ = lsn;
}

bool EntryWriter::batch_is_large() const {
  return batch_.bytes() >= kLargeBatchBytes || batch_.entries() >= kLargeBatchEntries ||
         batch_.state().size() >= kLargeBatchEntries;
}

bool EntryWriter::has_unflushed() const { return !batch_.empty() || cursor_due_ || captured_ != durable().captured; }

bool EntryWriter::committer_is_ready() const {
  return in_flight_.load(std::memory_order_acquire) == 0 && std::chrono::steady_clock::now() >= rest_until_.load();
}

void EntryWriter::flush() {
  auto pending = std::make_unique<Pending>();
  pending->store = !batch_.empty() || cursor_due_;
  pending->captured = captured_;
  pending->restarts = restarts_;
  pending->number = next_batch_++;
  if (pending->store) batch_.set_cursor(cursor_);
  cursor_due_ = false;
  pending->batch = std::move(batch_);
  batch_ = spare_.try_pop().value_or(store::Batch{});
  in_flight_.fetch_add(1, std::memory_order_acq_rel);
  if (!queue_.push(std::move(pending))) in_flight_.fetch_sub(1);
}

Status EntryWriter::flush_and_wait() {
  uint64_t number;
  {
    const Lock held = lock();
    if (has_unflushed()) flush();
    number = next_batch_ - 1;
  }
  return wait_for_batch(number);
}

Status EntryWriter::wait_for_batch(uint64_t number, int timeout_ms) {
  std::unique_lock guard(durable_mutex_);
  const auto done = [&] { return durable_.batches >= number || !failed_; };
  if (timeout_ms < 0) {
    durable_changed_.wait(guard, done);
  } else if (!durable_changed_.wait_for(guard, std::chrono::milliseconds(timeout_ms), done)) {
    return fail(ErrorCode::kUnavailable, problem_.empty() ? "the log was not written in time" : problem_);
  }
  return durable_.batches >= number ? Status() : failed_;
}

bool EntryWriter::wait_for_captured(Lsn lsn, uint64_t restarts, int timeout_ms) {
  std::unique_lock guard(durable_mutex_);
  const auto done = [&] { return durable_.restarts >= restarts && durable_.captured >= lsn; };
  durable_changed_.wait_for(guard, std::chrono::milliseconds(timeout_ms),
                            [&] { return done() || closing_ || !failed_; });
  return done();
}

Status EntryWriter::failure() const {
  std::lock_guard guard(durable_mutex_);
  return failed_;
}

void EntryWriter::close_within(int timeout_ms) {
  std::lock_guard guard(durable_mutex_);
  closing_ = true;
  give_up_at_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  durable_changed_.notify_all();
}

Durable EntryWriter::durable() const {
  std::lock_guard guard(durable_mutex_);
  return durable_;
}

std::string EntryWriter::problem() const {
  std::lock_guard guard(durable_mutex_);
  return problem_;
}

void EntryWriter::set_on_durable(std::function<void()> on_durable) {
  std::lock_guard guard(durable_mutex_);
  on_durable_ = std::move(on_durable);
}

void EntryWriter::run() {
  name_this_thread("append");
  while (auto pending = queue_.pop()) {
    const store::Batch& batch = (*pending)->batch;
    // What comes after a batch that is missing must not be written.
    Status done = failure();
    if (done && (*pending)->store) {
      const auto begin = std::chrono::steady_clock::now();
      done = append_until_done(batch);
      const auto end = std::chrono::steady_clock::now();
      rest_until_ = end + std::min<std::chrono::steady_clock::duration>(kRest * (end - begin), kLongestRest);
    }
    std::function<void()> on_durable;
    {
      std::lock_guard guard(durable_mutex_);
      if (done) {
        durable_.captured = (*pending)->captured;
        durable_.restarts = (*pending)->restarts;
        if (batch.cursor()) durable_.confirmable = batch.cursor()->end_lsn;
        durable_.batches = (*pending)->number;
      } else {
        failed_ = std::move(done);
      }
      on_durable = on_durable_;
    }
    in_flight_.fetch_sub(1, std::memory_order_acq_rel);
    durable_changed_.notify_all();
    if (on_durable) on_durable();
    store::Batch spare = std::move((*pending)->batch);
    if (spare_.size() < 2) {
      spare.clear();
      spare_.push(std::move(spare));
    }
  }
}

// A full disk is waited out: the batch is kept, the source keeps the rest in its WAL, and status says why.
Status EntryWriter::append_until_done(const store::Batch& batch) {
  while (true) {
    Status done = store_.append(batch);
    bool give_up;
    {
      std::lock_guard guard(durable_mutex_);
      give_up = std::chrono::steady_clock::now() >= give_up_at_;
      if (done) {
        problem_.clear();
        return done;
      }
      if (problem_ != done.error().message) log::error("cannot write the log: {}", done.error().message);
      problem_ = done.error().message;
    }
    if (done.error().code != ErrorCode::kIo || stopping_ || give_up) return done;
    std::this_thread::sleep_for(kRetryAfter);
  }
}

}  // namespace rowledger::capture
