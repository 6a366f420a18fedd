#include "capture/assembler.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "base/check.h"
#include "base/log.h"
#include "capture/baseline.h"
#include "capture/rekey.h"
#include "postgres/attach.h"

namespace rowledger::capture {
namespace {

using namespace postgres;

// The cursor is stored at least this often while the source is busy with things that are not captured: what
// is not stored here must not be forgotten there.
constexpr int64_t kKeepCursorEveryUs = 5'000'000;
constexpr size_t kMaxOriginBytes = 512;
constexpr size_t kMaxHeldBytes = 1 << 20;
constexpr size_t kWorthReadingAhead = 16;
constexpr size_t kTruncateChunkRows = 1'024;
constexpr char kTruncateProgress[] = "capture.truncate";  // "<commit lsn> <message> <table>": how far one got

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <class... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;  // clang 14 needs it said

std::optional<uint32_t> xid_of(const Message& message) {
  return std::visit(
      Overloaded{[](const Relation& m) { return m.xid; }, [](const Type& m) { return m.xid; },
                 [](const Insert& m) { return m.xid; }, [](const Update& m) { return m.xid; },
                 [](const Delete& m) { return m.xid; }, [](const Truncate& m) { return m.xid; },
                 [](const LogicalMessage& m) { return m.xid; }, [](const auto&) { return std::optional<uint32_t>(); }},
      message);
}

bool is_of_type(std::string_view message, char type) { return !message.empty() && message[0] == type; }

}  // namespace

Assembler::Assembler(const Parts& parts)
    : parts_(parts), recorder_(parts.tables, parts.state, parts.writer), last_cursor_kept_(Timestamp::now()) {}

void Assembler::at_barrier(Lsn lsn, std::vector<std::string> tables, std::function<Status()> work) {
  barrier_lsn_ = lsn;
  barrier_tables_ = std::move(tables);
  barrier_work_ = std::move(work);
}

Status Assembler::consume(const StreamBuffer& buffer) {
  std::vector<std::string_view> messages;  // what is streamed goes to the spool
  for (bool in_stream = in_stream_; const StreamFrame& frame : buffer.frames) {
    if (frame.kind == StreamFrame::Kind::kKeepalive) continue;
    const std::string_view bytes = buffer.payload(frame);
    if (is_of_type(bytes, 'S') || is_of_type(bytes, 'E')) in_stream = is_of_type(bytes, 'S');
    if (!in_stream) messages.push_back(bytes);
  }
  RL_TRY(read_ahead(messages, false));
  for (const StreamFrame& frame : buffer.frames) {
    if (frame.kind == StreamFrame::Kind::kKeepalive) {
      RL_TRY(on_keepalive(frame.wal_end));
    } else {
      RL_TRY(on_message(buffer.payload(frame)));
    }
  }
  keep_held();
  return {};
}

// The rows that these messages' updates and deletes concern come from the state together: one at a time, looking them
// up is most of what a bulk change costs.
Status Assembler::read_ahead(const std::vector<std::string_view>& messages, bool streamed) {
  if (messages.size() < kWorthReadingAhead) return {};
  std::map<TableId, std::vector<std::string>> wanted;
  std::string key;
  for (const std::string_view bytes : messages) {
    if (!is_of_type(bytes, 'U') && !is_of_type(bytes, 'D')) continue;
    const Result<Message> message = decode_pgoutput(bytes, streamed);
    if (!message) return {};  // consuming it says what is wrong
    const auto* update = std::get_if<Update>(&*message);
    const Tuple& known_as = update == nullptr                              ? std::get<Delete>(*message).before
                            : update->before_kind == Update::Before::kNone ? update->after
                                                                           : update->before;
    const auto plan = parts_.tables.plan(update == nullptr ? std::get<Delete>(*message).relation : update->relation);
    // A table that one of these announces is read ahead from the next ones on.
    if (!plan || *plan == nullptr || !(*plan)->recorded || !read_key(**plan, known_as, key)) continue;
    wanted[(*plan)->columns.table_id].push_back(key);
  }
  for (const auto& [table, keys] : wanted) {
    std::vector<std::string_view> views(keys.begin(), keys.end());
    RL_TRY(parts_.state.read_ahead(table, views));
  }
  return {};
}

Status Assembler::on_keepalive(Lsn wal_end) {
  // Streamed transactions in progress do not matter here: the server keeps their WAL until they end.
  if (transaction_ || in_stream_) return {};
  RL_TRY(run_barrier_if_due(wal_end));
  advance(wal_end);
  const Timestamp now = Timestamp::now();
  if (parts_.writer.cursor().end_lsn > parts_.writer.durable().confirmable &&
      now.us - last_cursor_kept_.us >= kKeepCursorEveryUs) {
    last_cursor_kept_ = now;
    parts_.writer.keep_cursor();
  }
  return {};
}

Status Assembler::on_message(std::string_view bytes) {
  RL_ASSIGN(const Message message, decode_pgoutput(bytes, in_stream_));
  if (std::holds_alternative<StreamStart>(message) || in_stream_ || std::holds_alternative<StreamCommit>(message) ||
      std::holds_alternative<StreamAbort>(message))
    return on_streamed(bytes, message);
  if (const auto* begin_message = std::get_if<Begin>(&message))
    return begin(begin_message->final_lsn, begin_message->committed_at, begin_message->xid);
  if (const auto* commit_message = std::get_if<Commit>(&message)) {
    if (!transaction_ || transaction_->context.tx.commit_lsn != commit_message->commit_lsn)
      return fail(ErrorCode::kCorrupt, "the stream commits a transaction that it did not begin");
    return commit(commit_message->end_lsn);
  }
  if (!transaction_) {
    // Relations are announced, and messages that belong to no transaction come, at any place.
    if (const auto* relation = std::get_if<Relation>(&message)) return learn(*relation);
    return {};
  }
  if (transaction_->size_known) return apply(message);
  held_.push_back(bytes);
  held_bytes_ += bytes.size();
  transaction_->context.bulk = held_.size() > record::kBulkThreshold;
  return transaction_->context.bulk || held_bytes_ > kMaxHeldBytes ? release_held() : Status();
}

// Applies the messages that waited; from now on the transaction's messages are applied as they come.
Status Assembler::release_held() {
  transaction_->size_known = true;
  const std::vector<std::string_view> held = std::exchange(held_, {});
  for (const std::string_view bytes : held) {
    RL_ASSIGN(const Message message, decode_pgoutput(bytes, false));
    RL_TRY(apply(message));
  }
  held_copies_.clear();
  held_bytes_ = 0;
  return {};
}

// The buffer that the held messages stand in goes away. The first ones are copies already.
void Assembler::keep_held() {
  for (size_t i = held_copies_.size(); i < held_.size(); ++i) held_[i] = held_copies_.emplace_back(held_[i]);
}

Status Assembler::begin(Lsn commit_lsn, Timestamp committed_at, uint32_t xid) {
  if (transaction_) return fail(ErrorCode::kCorrupt, "the stream begins a transaction inside another");
  RL_TRY(run_barrier_if_due(commit_lsn));
  const store::Cursor& cursor = parts_.writer.cursor();
  Transaction& tx = transaction_.emplace(Transaction{});
  tx.context.tx.system_id = cursor.system_id;
  tx.context.tx.timeline = cursor.timeline;
  tx.context.tx.commit_lsn = commit_lsn;
  tx.context.tx.xid = xid;
  tx.context.tx.committed_at = committed_at;
  tx.context.received_at = Timestamp::now();
  tx.context.who = &tx.who;
  tx.who = parts_.attributor.nobody();
  tx.captured_already = commit_lsn < cursor.end_lsn;
  if (cursor.partial_commit_lsn == commit_lsn) {
    tx.messages_to_skip = cursor.partial_messages_done;
    tx.context.tx.ordinal = cursor.partial_next_ordinal;
  }
  last_commit_time_ = committed_at;
  return {};
}

Status Assembler::commit(Lsn end_lsn) {
  if (!transaction_->size_known) RL_TRY(release_held());
  transaction_.reset();
  advance(end_lsn);
  if (!first_end_) first_end_ = end_lsn;
  if (parts_.writer.batch_is_large()) parts_.writer.flush();
  return {};
}

// ---- streamed transactions ---------------------------------------------------------------------

Status Assembler::on_streamed(std::string_view bytes, const Message& message) {
  if (const auto* start = std::get_if<StreamStart>(&message)) {
    in_stream_ = true;
    stream_xid_ = start->xid;
    return parts_.spool.begin_segment(start->xid);
  }
  if (std::holds_alternative<StreamStop>(message)) {
    in_stream_ = false;
    return parts_.spool.end_segment();
  }
  if (const auto* abort = std::get_if<StreamAbort>(&message)) {
    parts_.spool.abort(abort->xid, abort->subxid);
    return {};
  }
  if (const auto* commit_message = std::get_if<StreamCommit>(&message)) return commit_streamed(*commit_message);
  return parts_.spool.append(xid_of(message).value_or(stream_xid_), bytes);
}

Status Assembler::commit_streamed(const StreamCommit& commit_message) {
  RL_TRY(begin(commit_message.commit_lsn, commit_message.committed_at, commit_message.xid));
  transaction_->size_known = true;
  transaction_->context.bulk = true;  // it would not have been streamed otherwise
  std::vector<std::string_view> standing;
  RL_TRY(parts_.spool.replay(commit_message.xid, [&](const std::vector<TransactionSpool::Message>& messages) -> Status {
    standing.clear();
    for (const auto& message : messages)
      if (!message.aborted) standing.push_back(message.bytes);
    RL_TRY(read_ahead(standing, true));
    for (const auto& message : messages) RL_TRY(apply_spooled(message));
    return {};
  }));
  return commit(commit_message.end_lsn);
}

Status Assembler::apply_spooled(const TransactionSpool::Message& spooled) {
  if (spooled.bytes.empty()) {
    forget_who_after_rollback();
    return {};
  }
  RL_ASSIGN(const Message message, decode_pgoutput(spooled.bytes, true));
  // The server does not announce a relation again because a savepoint was rolled back.
  if (spooled.aborted && !std::holds_alternative<Relation>(message)) return {};
  return apply(message);
}

// A message in a streamed transaction bears the id of the whole transaction, also when a savepoint encloses it that
// was rolled back. Whatever was said since the last row that stands may be gone, or not; what was said before it
// stands, because all rows of a savepoint go with it. Then nobody is named until somebody is named again.
void Assembler::forget_who_after_rollback() {
  Transaction& tx = *transaction_;
  if (!tx.told_since_row) return;
  tx.who = parts_.attributor.nobody();
  tx.told_since_row = false;
}

// ---- what a transaction consists of ------------------------------------------------------------

Status Assembler::apply(const Message& message) {
  Transaction& tx = *transaction_;
  if (const auto* relation = std::get_if<Relation>(&message)) return learn(*relation);
  if (const auto* origin = std::get_if<Origin>(&message)) {
    tx.origin = origin->name.substr(0, kMaxOriginBytes);
    tx.context.tx.origin = tx.origin;
    return {};
  }
  if (const auto* logical = std::get_if<LogicalMessage>(&message)) {
    if (logical->transactional && logical->prefix == kMessagePrefix) {
      parts_.attributor.apply(logical->content, tx.context.tx.xid, tx.who);
      tx.told_since_row = true;
    }
    return {};
  }
  if (std::holds_alternative<Type>(message)) return {};
  tx.told_since_row = false;
  const uint64_t position = tx.messages_seen++;
  if (tx.captured_already || position < tx.messages_to_skip) return {};
  RL_TRY(apply_row(message));
  // After every row, so that whoever flushes next stores a cursor that fits the batch.
  note_partial(tx.messages_seen);
  if (parts_.writer.batch_is_large()) parts_.writer.flush();
  return {};
}

// PostgreSQL announces a relation anew after anything was done to it, before its next row.
Status Assembler::learn(const Relation& relation) {
  TablePlan* const plan = parts_.tables.learn(relation);
  if (plan == nullptr) return {};
  const std::string& table = plan->columns.table;
  RL_ASSIGN(const auto definition, parts_.definition_of(table));
  if (!definition || !parts_.tables.note_definition(*plan, *definition, parts_.writer)) return {};
  Baseline::mark_due(parts_.writer, table);
  if (std::ranges::count(barrier_tables_, table) == 0) parts_.comparison_due();
  return {};
}

// The table's plan with its schema in the log; null for tables that are not to be recorded (now).
Result<TablePlan*> Assembler::plan_of(uint32_t relation) {
  transaction_->context.relation = relation;
  RL_ASSIGN(TablePlan * plan, parts_.tables.plan(relation));
  if (plan == nullptr || std::ranges::count(ignored_tables_, plan->columns.table) > 0) return nullptr;
  if (!plan->recorded) {
    record::TxIdentity& tx = transaction_->context.tx;
    const Seq before = parts_.writer.next_seq();
    parts_.tables.record_schema(*plan, parts_.writer, tx);
    if (parts_.writer.next_seq() != before) tx.ordinal++;
    RL_TRY(move_to_new_keys(parts_.store, parts_.writer, parts_.tables, recorder_, *plan, transaction_->context,
                            [this] { note_partial(transaction_->messages_seen - 1); }));
  }
  return plan;
}

Status Assembler::apply_row(const Message& message) {
  ChangeContext& context = transaction_->context;
  if (const auto* truncate = std::get_if<Truncate>(&message)) return apply_truncate(*truncate);
  if (const auto* insert = std::get_if<Insert>(&message)) {
    RL_ASSIGN(TablePlan * plan, plan_of(insert->relation));
    return plan == nullptr ? Status() : recorder_.insert(*plan, insert->after, context);
  }
  if (const auto* update = std::get_if<Update>(&message)) {
    RL_ASSIGN(TablePlan * plan, plan_of(update->relation));
    return plan == nullptr ? Status() : recorder_.update(*plan, *update, context);
  }
  if (const auto* removal = std::get_if<Delete>(&message)) {
    RL_ASSIGN(TablePlan * plan, plan_of(removal->relation));
    return plan == nullptr ? Status() : recorder_.remove(*plan, *removal, context);
  }
  return fail(ErrorCode::kCorrupt, "the stream has a message where none of its kind can be");
}

Status Assembler::apply_truncate(const Truncate& truncate) {
  // A crash inside leaves behind how many of the tables are begun.
  size_t begun = 0;
  const std::string here =
      transaction_->context.tx.commit_lsn.to_string() + " " + std::to_string(transaction_->messages_seen);
  RL_ASSIGN(const auto progress, parts_.store.meta(kTruncateProgress));
  if (progress && progress->starts_with(here + " "))
    begun = std::strtoul(progress->c_str() + here.size() + 1, nullptr, 10);
  for (size_t i = 0; i < truncate.relations.size(); ++i) {
    RL_ASSIGN(TablePlan * plan, plan_of(truncate.relations[i]));
    if (plan == nullptr) continue;
    if (i >= begun) {
      recorder_.truncate(*plan, truncate, transaction_->context);
      parts_.writer.batch().set_meta(kTruncateProgress, here + " " + std::to_string(i + 1));
    }
    RL_TRY(remove_all_known(*plan));
  }
  return {};
}

// Records each row that the state has as removed, a chunk at a time; what a crash interrupts goes on with the
// rows that are still there.
Status Assembler::remove_all_known(TablePlan& plan) {
  std::string from;
  bool more = true;
  while (more) {
    note_partial(transaction_->messages_seen - 1);  // the truncate itself is not done yet
    RL_TRY(parts_.writer.flush_and_wait());         // from here on the store has every row
    std::vector<std::pair<std::string, store::RowState>> rows;
    more = false;
    RL_TRY(parts_.store.scan_rows(plan.columns.table_id, from, [&](std::string_view key, const store::RowState& row) {
      if (rows.size() == kTruncateChunkRows) {
        from = key;
        more = true;
        return false;
      }
      if (!row.deleted) rows.emplace_back(key, row);
      return true;
    }));
    for (const auto& [key, row] : rows) RL_TRY(recorder_.remove_known(plan, key, row, transaction_->context));
  }
  return {};
}

// ---- batches -----------------------------------------------------------------------------------

// The batch ends inside the transaction, after so many of its messages.
void Assembler::note_partial(uint64_t messages_done) {
  store::Cursor& cursor = parts_.writer.cursor();
  cursor.partial_commit_lsn = transaction_->context.tx.commit_lsn;
  cursor.partial_messages_done = messages_done;
  cursor.partial_next_ordinal = transaction_->context.tx.ordinal;
}

// Everything up to lsn is in the batches made so far.
void Assembler::advance(Lsn lsn) {
  store::Cursor& cursor = parts_.writer.cursor();
  if (lsn > cursor.end_lsn) {
    cursor.end_lsn = lsn;
    // A transaction that was begun before a restart is sent again; until then keepalives may come.
    if (lsn > cursor.partial_commit_lsn) {
      cursor.partial_commit_lsn = {};
      cursor.partial_messages_done = 0;
      cursor.partial_next_ordinal = 0;
    }
  }
  parts_.writer.set_captured(lsn);
}

Status Assembler::run_barrier_if_due(Lsn next_lsn) {
  if (!barrier_work_ || next_lsn < barrier_lsn_) return {};
  const std::function<Status()> work = std::exchange(barrier_work_, nullptr);
  ignored_tables_.clear();
  barrier_tables_.clear();
  return work();
}

}  // namespace rowledger::capture
