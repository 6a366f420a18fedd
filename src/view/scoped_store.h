#pragma once
// The part of a log that there is for one reader, as a store: what is not his does not exist in it. Everything that
// reads a log on somebody's behalf reads it through this, so that the code above cannot forget whose it is.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "store/store.h"
#include "view/scope.h"

namespace rowledger::view {

class ScopedStore final : public store::Store {
 public:
  // Both outlive it.
  ScopedStore(const store::Store& whole, const Scope& scope) : whole_(whole), scope_(scope) {}

  bool is_whole() const override { return false; }

  // kPermission: a reader's part takes nothing.
  Status append(const store::Batch& batch) override;
  Status set_checkpoint(std::string_view note) override;
  // Neither does it erase anything.
  Result<uint64_t> destroy_keys(const std::vector<store::Owner>& owners) override;
  Status drop_tokens(std::string_view subject) override;
  Result<std::vector<privacy::KeyId>> destroy_expired(const store::RetentionRules& rules, uint32_t today,
                                                      size_t at_most) override;
  Result<std::vector<privacy::KeyId>> untold_keys() const override;
  Status drop_expired_tokens() override;
  Status note_lost_keys(const std::vector<privacy::KeyId>& keys) override;
  Result<std::vector<privacy::KeyId>> lost_keys() const override;
  Result<std::vector<privacy::KeyId>> keys_of(const std::vector<store::Owner>& owners) const override;
  std::string name_of(const store::Owner&) const override { return {}; }
  Result<KeySlots> key_slots() const override;
  Status scan_keys(store::SeqRange range, const std::function<void(Seq, privacy::KeyId)>& visit) const override;
  Result<Trace> trace_of(std::string_view subject, Seq end) const override;

  // Positions, not contents: of the whole log.
  Seq end() const override { return whole_.end(); }
  Seq wait_beyond(Seq seq, int timeout_ms) const override { return whole_.wait_beyond(seq, timeout_ms); }
  Result<store::SeqRange> seqs_between(std::optional<Timestamp> from, std::optional<Timestamp> to) const override {
    return whole_.seqs_between(from, to);
  }

  Result<std::optional<record::OwnedEntry>> read(Seq seq) const override;
  Status scan(store::SeqRange range, const VisitEntry& visit) const override {
    return read(range, &Store::scan, visit);
  }
  Status follow(store::SeqRange range, const VisitEntry& visit) const override {
    return read(range, &Store::follow, visit);
  }
  Result<std::vector<Seq>> candidates(uint64_t range, const store::Filter& filter) const override;
  Result<std::vector<std::string>> values_of(store::Dimension dimension, size_t limit) const override;
  Result<std::vector<Tally>> tally(uint64_t range, const std::vector<Seq>& seqs,
                                   store::Dimension dimension) const override;
  Result<std::optional<store::RowState>> row(TableId table, std::string_view key) const override;
  Status rows(TableId table, const std::vector<std::string_view>& keys,
              const std::function<void(std::string_view key, store::RowState&& row)>& visit) const override;
  Status scan_rows(TableId table, std::string_view from,
                   const std::function<bool(std::string_view key, const store::RowState&)>& visit) const override;
  uint64_t next_tenant_seq(std::string_view tenant) const override;
  // kNotFound when one of them is not the reader's.
  Result<std::vector<std::string>> headers(Seq first, uint32_t count) const override;

  // Tables' columns, hashes and signatures, without values.
  store::Cursor cursor() const override { return whole_.cursor(); }
  bool cursor_altered() const override { return whole_.cursor_altered(); }
  std::vector<record::TableSchema> schemas() const override { return whole_.schemas(); }
  std::shared_ptr<const record::TableSchema> schema(SchemaId id) const override { return whole_.schema(id); }
  ledger::TreeEdge tree_edge() const override { return whole_.tree_edge(); }
  const ledger::TileSource& tiles() const override { return whole_.tiles(); }
  Result<std::optional<store::StoredCheckpoint>> checkpoint() const override { return whole_.checkpoint(); }

  Result<std::optional<std::string>> meta(std::string_view) const override { return std::optional<std::string>(); }
  store::StoreStats stats() const override { return {}; }

 private:
  using ReadRange = Status (store::Store::*)(store::SeqRange, const VisitEntry&) const;
  Status read(store::SeqRange range, ReadRange how, const VisitEntry& visit) const;

  enum class Part { kNone, kWhole, kWithoutOld };
  Result<Part> part_of(const record::Entry& entry) const;
  Result<bool> is_own(const store::RowState& row) const;
  Result<bool> is_about_next_change(const record::Entry& gap) const;

  const store::Store& whole_;
  const Scope& scope_;
};

}  // namespace rowledger::view
