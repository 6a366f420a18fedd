#pragma once
// One key file on disk: slots appended in batches, read one by one, destroyed in place. Belongs to one thread at a time
// (KeyRing's writer lock), except that read() may be called from any thread meanwhile.
//
// Which slots may be torn. A batch is written, then synced, and only then may anything be sealed with its keys; the
// next batch is written after that. So when the program or the machine stops, only the last batch can be in pieces,
// and if it is, no one has used it. The header's marks say where it begins: the mark written with each batch tells how
// many slots were synced before it. Slots below the mark must be whole, or the file is damaged. Of those above it, the
// first that is not genuine, and all after it, are empty.
//
// What this cannot tell apart is a last batch that was synced and damaged later, on the device: KeyRing::reaches()
// lets the owner of the log make sure.
#include <atomic>
#include <cstdint>
#include <functional>
#include <string_view>

#include "privacy/key_file.h"
#include "privacy/private_file.h"

namespace rowledger::privacy {

class SlotFile {
 public:
  // A new file, durable except for its name (sync_directory).
  static Result<SlotFile> create(const std::filesystem::path& path, KeyFileKind kind, const KeyFileHeader& header);
  // Reads the header; recover() must follow.
  static Result<SlotFile> open(const std::filesystem::path& path, KeyFileKind kind);

  SlotFile(SlotFile&& other) noexcept;
  SlotFile& operator=(SlotFile&& other) noexcept;
  SlotFile(const SlotFile&) = delete;
  SlotFile& operator=(const SlotFile&) = delete;
  ~SlotFile() = default;

  // Reads every slot once: `genuine` is asked about live slots of the last batch, `visit` hears of all that hold. Ends
  // destructions that were torn, cuts off a torn batch, and makes what is left durable. kCorrupt when slots that were
  // durable are not there.
  using Genuine = std::function<bool(uint64_t slot, std::string_view bytes)>;
  using Visit = std::function<Status(uint64_t slot, SlotState state, std::string_view bytes)>;
  Status recover(const Genuine& genuine, const Visit& visit);

  // Whole slots behind the last. Not durable until sync().
  Status append(std::string_view slots);
  // Costs nothing when nothing was appended. After a failed sync nobody knows what the device holds: then this, append
  // and destroy fail until the file is opened anew.
  Status sync();
  // Durable when it returns: the slot's bytes are overwritten, synced, and read back from the device.
  Status destroy(uint64_t slot);
  // Notes that everything is durable, so that the next recover() has no last batch to judge. Does nothing before
  // recover().
  Status close_cleanly();

  // slot_bytes(kind) bytes.
  Status read(uint64_t slot, char* out) const;
  // `count` slots from `first` on.
  Status read(uint64_t first, uint64_t count, std::string& out) const;

  uint64_t slots() const { return slots_.load(std::memory_order_acquire); }
  const KeyFileHeader& header() const { return header_; }
  PrivateFile& file() { return file_; }

 private:
  SlotFile(PrivateFile file, KeyFileKind kind, const KeyFileHeader& header);
  uint64_t offset(uint64_t slot) const { return kHeaderBytes + slot * slot_bytes(kind_); }
  Status usable() const;
  Status write_mark();
  Status sync_file();
  Status recover_piece(uint64_t first, std::string_view piece, const Genuine& genuine, const Visit& visit,
                       uint64_t& end);
  Status finish_destroying(uint64_t slot, std::string_view bytes);

  PrivateFile file_;
  KeyFileKind kind_;
  KeyFileHeader header_;
  std::atomic<uint64_t> slots_ = 0;
  struct Known {
    uint64_t durable = 0;  // slots that are synced
    uint64_t marked = 0;   // what the newest mark says
    bool second_mark_next = false;
    bool broken = false;
    bool recovered = false;
  };
  Known known_;
};

}  // namespace rowledger::privacy
