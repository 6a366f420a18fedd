#include "privacy/slot_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace rowledger::privacy {
namespace {

constexpr uint64_t kPieceBytes = 1 << 20;  // a multiple of both slot sizes

constexpr std::string_view kRemedy = "restore the keys from their backup";

}  // namespace

SlotFile::SlotFile(PrivateFile file, KeyFileKind kind, const KeyFileHeader& header)
    : file_(std::move(file)), kind_(kind), header_(header) {}

SlotFile::SlotFile(SlotFile&& other) noexcept
    : file_(std::move(other.file_)),
      kind_(other.kind_),
      header_(other.header_),
      slots_(other.slots_.load()),
      known_(other.known_) {}

SlotFile& SlotFile::operator=(SlotFile&& other) noexcept {
  file_ = std::move(other.file_);
  kind_ = other.kind_;
  header_ = other.header_;
  slots_ = other.slots_.load();
  known_ = other.known_;
  return *this;
}

Result<SlotFile> SlotFile::create(const std::filesystem::path& path, KeyFileKind kind, const KeyFileHeader& header) {
  RL_ASSIGN(PrivateFile file, PrivateFile::create(path));
  RL_TRY(file.write_at(0, encode_header(kind, header)));
  RL_TRY(file.sync());
  SlotFile out(std::move(file), kind, header);
  out.known_.recovered = true;  // there is nothing to recover
  return out;
}

Result<SlotFile> SlotFile::open(const std::filesystem::path& path, KeyFileKind kind) {
  RL_ASSIGN(PrivateFile file, PrivateFile::open(path));
  std::string bytes(kHeaderBytes, '\0');
  RL_TRY(file.read_at(0, bytes.data(), bytes.size()));
  auto header = decode_header(kind, bytes);
  if (!header) return fail(std::move(header.error()).with_context(path.string()));
  const auto mark = durable_slots(kind, header->ring_id, bytes);
  if (!mark) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: both counts of slots are damaged: {}", path.string(), kRemedy));
  }
  SlotFile out(std::move(file), kind, *header);
  out.known_.durable = out.known_.marked = *mark;
  // The other of the two is written next.
  const auto first = decode_mark(kind, header->ring_id, std::string_view(bytes).substr(kMarkOffsets[0], kMarkBytes));
  out.known_.second_mark_next = first == mark;
  return out;
}

Status SlotFile::recover(const Genuine& genuine, const Visit& visit) {
  RL_ASSIGN(const uint64_t size, file_.size());
  const uint64_t there = (std::max<uint64_t>(size, kHeaderBytes) - kHeaderBytes) / slot_bytes(kind_);
  if (there < known_.marked) {
    return fail(ErrorCode::kCorrupt, fmt::format("{} was cut short: it has {} slots of {}: {}", file_.path().string(),
                                                 there, known_.marked, kRemedy));
  }
  const uint64_t step = kPieceBytes / slot_bytes(kind_);
  std::string piece;
  uint64_t end = 0;
  for (uint64_t first = 0; first < there && end == first; first += step) {
    RL_TRY(read(first, std::min(step, there - first), piece));
    RL_TRY(recover_piece(first, piece, genuine, visit, end));
  }
  CHECK(end >= known_.marked);
  slots_ = end;
  known_.recovered = true;
  if (size != offset(end)) RL_TRY(file_.truncate(offset(end)));
  if (size == offset(end) && end == known_.marked) return {};
  RL_TRY(sync_file());
  return close_cleanly();
}

Status SlotFile::recover_piece(uint64_t first, std::string_view piece, const Genuine& genuine, const Visit& visit,
                               uint64_t& end) {
  const size_t n = slot_bytes(kind_);
  for (end = first; !piece.empty(); piece.remove_prefix(n), ++end) {
    const std::string_view bytes = piece.substr(0, n);
    const auto state = state_of_slot(bytes);
    const bool was_durable = end < known_.marked;
    const bool holds =
        state == SlotState::kDestroyed || (state == SlotState::kLive && (was_durable || genuine(end, bytes)));
    if (!holds && was_durable) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("slot {} of {} is damaged: {}", end, file_.path().string(), kRemedy));
    }
    if (!holds) return {};
    if (state == SlotState::kDestroyed) RL_TRY(finish_destroying(end, bytes));
    RL_TRY(visit(end, *state, bytes));
  }
  return {};
}

Status SlotFile::finish_destroying(uint64_t slot, std::string_view bytes) {
  const std::string wanted = destroyed_slot(kind_);
  if (bytes == wanted) return {};
  RL_TRY(file_.write_at(offset(slot), wanted));
  return file_.sync();
}

Status SlotFile::usable() const {
  CHECK(known_.recovered);
  if (!known_.broken) return {};
  return fail(ErrorCode::kIo, fmt::format("{} could not be synced before: the program must be started anew, once the "
                                          "device is in order",
                                          file_.path().string()));
}

Status SlotFile::append(std::string_view slots) {
  RL_TRY(usable());
  const size_t n = slot_bytes(kind_);
  CHECK(slots.size() % n == 0);
  // After a failure the end stays where it was, and the next try writes over what came of this one.
  RL_TRY(file_.write_at(offset(slots_), slots));
  slots_.store(slots_ + slots.size() / n, std::memory_order_release);
  return {};
}

// The marks take turns, so that a torn write leaves the other one.
Status SlotFile::write_mark() {
  if (known_.marked == known_.durable) return {};
  RL_TRY(file_.write_at(kMarkOffsets[known_.second_mark_next ? 1 : 0],
                        encode_mark(kind_, header_.ring_id, known_.durable)));
  known_.second_mark_next = !known_.second_mark_next;
  known_.marked = known_.durable;
  return {};
}

Status SlotFile::sync_file() {
  auto synced = file_.sync();
  known_.broken = !synced;
  if (!synced) return synced;
  known_.durable = slots_;
  return {};
}

Status SlotFile::sync() {
  RL_TRY(usable());
  if (known_.durable == slots_) return {};
  RL_TRY(write_mark());
  return sync_file();
}

Status SlotFile::destroy(uint64_t slot) {
  RL_TRY(sync());
  CHECK(slot < known_.durable);
  RL_TRY(write_mark());
  const std::string wanted = destroyed_slot(kind_);
  RL_TRY(file_.write_at(offset(slot), wanted));
  RL_TRY(sync_file());
  file_.drop_cached(offset(slot), slot_bytes(kind_));
  std::string there(wanted.size(), '\0');
  RL_TRY(read(slot, there.data()));
  if (there == wanted) return {};
  return fail(ErrorCode::kIo, fmt::format("slot {} of {} still holds other bytes after it was overwritten: the device "
                                          "does not keep what is written to it",
                                          slot, file_.path().string()));
}

Status SlotFile::close_cleanly() {
  if (!known_.recovered) return {};
  RL_TRY(sync());
  if (known_.marked == known_.durable) return {};
  RL_TRY(write_mark());
  return sync_file();
}

Status SlotFile::read(uint64_t slot, char* out) const { return file_.read_at(offset(slot), out, slot_bytes(kind_)); }

Status SlotFile::read(uint64_t first, uint64_t count, std::string& out) const {
  out.resize(count * slot_bytes(kind_));
  return file_.read_at(offset(first), out.data(), out.size());
}

}  // namespace rowledger::privacy
