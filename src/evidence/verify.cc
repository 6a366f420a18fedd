#include "evidence/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <thread>

#include "base/json_text.h"
#include "evidence/bundle_check.h"
#include "evidence/chain_check.h"
#include "evidence/erasure_check.h"
#include "evidence/findings.h"
#include "evidence/state_check.h"
#include "evidence/upper_tiles.h"
#include "evidence/value_check.h"
#include "ledger/tile_tree.h"
#include "store/notary.h"

namespace rowledger::evidence {
namespace {

using Clock = std::chrono::steady_clock;
using store::Store;

// A round is looked at by all threads, then put together in order by one.
constexpr uint64_t kRoundBundles = 64;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// Calls work(0) to work(count - 1), each once, on so many threads.
template <class Work>
void in_parallel(unsigned threads, uint64_t count, const Work& work) {
  std::atomic<uint64_t> next{0};
  const auto run = [&] {
    for (uint64_t i; (i = next.fetch_add(1)) < count;) work(i);
  };
  std::vector<std::thread> others;
  for (unsigned i = 1; i < std::min<uint64_t>(threads, count); ++i) others.emplace_back(run);
  run();
  for (std::thread& thread : others) thread.join();
}

// Each tenant's numbers, run by run.
class TenantCheck {
 public:
  // from_start: the first entry that is seen of a tenant has number 0.
  TenantCheck(bool from_start, FindingList& findings) : from_start_(from_start), findings_(findings) {}

  void add(const std::vector<TenantRun>& runs) {
    for (const TenantRun& run : runs) {
      const auto [known, is_new] = next_.try_emplace(run.tenant, from_start_ ? 0 : run.first);
      if (run.first != known->second)
        findings_.add(
            Seq{run.first_seq},
            fmt::format("its number among its tenant's entries is {}, where {} comes next", run.first, known->second));
      known->second = run.next;
    }
  }

  void compare_with(const Store& store, uint64_t end) const {
    for (const auto& [tenant, next] : next_) {
      const uint64_t stored = store.next_tenant_seq(tenant);
      if (stored < next || (stored > next && store.end().value == end))
        findings_.add(std::nullopt,
                      fmt::format("a tenant has {} entries, but the next one would get the number {}", next, stored));
    }
  }
  uint64_t tenants() const { return next_.size(); }

 private:
  const bool from_start_;
  FindingList& findings_;
  std::map<std::string, uint64_t, std::less<>> next_;
};

class Verification {
 public:
  Verification(const Store& store, const ledger::VerifierKey& key, const VerifyOptions& options,
               const VerifyProgress& progress)
      : store_(store),
        key_(key),
        options_(options),
        progress_(progress),
        end_(store.end().value),
        first_(std::min(options.since.value, end_) / kBundle * kBundle),
        chains_(store, options.values, first_, end_, findings_) {}

  Result<VerifyReport> run() {
    report_.entries = end_;
    report_.headers = end_ - first_;
    // Before anything else, so that all that it signs is looked at.
    RL_ASSIGN(stored_, store_.checkpoint());
    auto begin = Clock::now();
    RL_TRY(check_headers());
    RL_TRY(check_checkpoints());
    RL_TRY(check_kept_checkpoints());
    report_.header_seconds = seconds_since(begin);
    if (options_.values) {
      begin = Clock::now();
      RL_TRY(check_all_values());
      report_.value_seconds = seconds_since(begin);
    }
    begin = Clock::now();
    RL_TRY(check_state());
    report_.row_seconds = seconds_since(begin);
    report_.findings_total = findings_.total();
    report_.findings = findings_.take();
    return std::move(report_);
  }

 private:
  uint32_t count_of(uint64_t bundle) const { return static_cast<uint32_t>(std::min(kBundle, end_ - bundle * kBundle)); }

  Status go_on(VerifyPhase phase, uint64_t done, uint64_t total) const {
    if (!progress_ || progress_(phase, done, total)) return {};
    return fail(ErrorCode::kCancelled, "stopped on request");
  }

  Status check_headers() {
    const uint64_t bundles = (end_ + kBundle - 1) / kBundle, first_bundle = first_ / kBundle;
    UpperTiles upper(store_.tiles(), findings_);
    TenantCheck tenants(first_ == 0, findings_);
    std::vector<Result<BundleFacts>> facts;
    for (uint64_t begin = 0; begin < bundles; begin += facts.size()) {
      facts.assign(std::min(bundles - begin, kRoundBundles * options_.threads), BundleFacts());
      in_parallel(options_.threads, facts.size(), [&](uint64_t i) {
        const Seq first{(begin + i) * kBundle};
        facts[i] = begin + i < first_bundle ? believe_tile(store_, first, findings_)
                                            : check_bundle(store_, first, count_of(begin + i), findings_);
      });
      for (uint64_t i = 0; i < facts.size(); ++i) {
        if (!facts[i]) return fail(std::move(facts[i].error()));
        RL_TRY(take(begin + i, *facts[i], upper, tenants));
      }
      RL_TRY(go_on(VerifyPhase::kHeaders, std::min(end_, (begin + facts.size()) * kBundle), end_));
    }
    RL_TRY(chains_.finish());
    tenants.compare_with(store_, end_);
    report_.tiles += upper.tiles();
    report_.tenants = tenants.tenants();
    report_.links = chains_.links();
    report_.links_unproven = chains_.links_unproven();
    return {};
  }

  Status take(uint64_t bundle, const BundleFacts& facts, UpperTiles& upper, TenantCheck& tenants) {
    report_.tiles += facts.tiles;
    if (count_of(bundle) == kBundle) {
      // Without a root neither the entries nor the tile can be read; what stands above it cannot be computed then.
      tree_broken_ = tree_broken_ || !facts.root;
      if (!tree_broken_) RL_TRY(upper.add(*facts.root));
    } else {
      last_leaf_hashes_ = facts.leaf_hashes;
    }
    if (bundle * kBundle < first_) return {};
    if (!facts.readable) {
      unreadable_.push_back(bundle);
      return {};
    }
    tenants.add(facts.tenants);
    return chains_.add(bundle * kBundle, facts);
  }

  // ---- what was signed ----

  Status check_checkpoints() {
    if (!stored_ && end_ > 0)
      findings_.add(std::nullopt, fmt::format("no checkpoint is stored: nothing proves the log's {} entries", end_));
    if (stored_) RL_TRY(check_note(stored_->note, "the last signed checkpoint", &report_.checkpoint));
    report_.unsigned_entries = report_.checkpoint ? end_ - std::min(end_, report_.checkpoint->size.value) : end_;
    RL_ASSIGN(const auto kept, store::read_second_place(options_.second_place));
    report_.second_place_missing = stored_ && !kept && !options_.second_place.empty();
    if (!kept) return {};
    std::optional<ledger::Checkpoint> ignored;
    return check_note(*kept, fmt::format("the checkpoint in {}", options_.second_place.string()), &ignored);
  }

  Status check_note(std::string_view note, const std::string& name, std::optional<ledger::Checkpoint>* out) {
    const auto opened = ledger::open_checkpoint(note, {&key_, 1});
    if (!opened) {
      findings_.add(std::nullopt, fmt::format("{} cannot be believed: {}", name, opened.error().message));
      return {};
    }
    *out = opened->checkpoint;
    const uint64_t size = opened->checkpoint.size.value;
    // The second place may be newer than the part of a growing log that was looked at.
    if (size > store_.end().value) {
      findings_.add(std::nullopt, fmt::format("{} signs {} entries, but the log has {}: entries at its end are missing",
                                              name, size, end_));
      return {};
    }
    if (size > end_) return {};
    return compare_root(opened->checkpoint, name);
  }

  Status check_kept_checkpoints() {
    const std::string name = "a checkpoint that was kept elsewhere";
    for (const std::string& note : options_.kept_checkpoints) {
      std::optional<ledger::Checkpoint> kept;
      RL_TRY(check_note(note, name, &kept));
      ++report_.kept_checkpoints;
      // Unlike the others it is older than this verification: what came in meanwhile is not what it signs.
      if (kept && kept->size.value > end_)
        findings_.add(std::nullopt, fmt::format("{} signs {} entries, but the log had {} when verification began", name,
                                                kept->size.value, end_));
    }
    return {};
  }

  Status compare_root(const ledger::Checkpoint& checkpoint, const std::string& name) {
    const auto edge = ledger::TreeEdge::restore({end_}, last_leaf_hashes_, store_.tiles());
    const auto root =
        edge ? ledger::TileTree(store_.tiles(), *edge).root(checkpoint.size) : Result<Digest>(fail(edge.error()));
    if (!root && root.error().code == ErrorCode::kIo) return fail(root.error());
    if (!root) {
      findings_.add(std::nullopt, fmt::format("the tree's root cannot be computed: {}", root.error().message));
    } else if (*root != checkpoint.root) {
      findings_.add(std::nullopt, fmt::format("the first {} entries are not those that were signed ({})",
                                              checkpoint.size.value, name));
    }
    return {};
  }

  // ---- values and rows ----

  Status check_all_values() {
    const uint64_t bundles = (end_ + kBundle - 1) / kBundle;
    ErasureCheck erasures(store_, first_, end_, findings_);
    std::vector<Result<ValueCounts>> counts;
    for (uint64_t begin = first_ / kBundle; begin < bundles; begin += counts.size()) {
      counts.assign(std::min(bundles - begin, kRoundBundles * options_.threads), ValueCounts());
      in_parallel(options_.threads, counts.size(), [&](uint64_t i) {
        if (!std::ranges::binary_search(unreadable_, begin + i))
          counts[i] = check_values(store_, {(begin + i) * kBundle}, count_of(begin + i), findings_);
      });
      for (uint64_t i = 0; i < counts.size(); ++i) {
        if (!counts[i]) return fail(counts[i].error());
        report_.values += counts[i]->proven;
        report_.values_erased += counts[i]->erased_seqs.size();
        report_.values_locked += counts[i]->locked;
        erasures.add(begin + i, *counts[i]);
      }
      RL_TRY(go_on(VerifyPhase::kValues, std::min(end_, (begin + counts.size()) * kBundle) - first_, end_ - first_));
    }
    return erasures.finish();
  }

  Status check_state() {
    StateCheck state(store_, options_.values, first_, end_, chains_.ends(), findings_);
    RL_TRY(state.run([&](uint64_t rows) { return !progress_ || progress_(VerifyPhase::kRows, rows, 0); }));
    report_.rows = state.rows();
    report_.rows_unproven = state.rows_unproven();
    report_.state_locked = state.locked();
    if (!options_.keys_problem.empty())
      findings_.add(std::nullopt, "the values' keys cannot be had: " + options_.keys_problem);
    return {};
  }

  const Store& store_;
  const ledger::VerifierKey& key_;
  const VerifyOptions& options_;
  const VerifyProgress& progress_;
  const uint64_t end_, first_;
  FindingList findings_;
  ChainCheck chains_;
  VerifyReport report_;
  std::optional<store::StoredCheckpoint> stored_;
  std::string last_leaf_hashes_;
  std::vector<uint64_t> unreadable_;  // bundles, ascending
  bool tree_broken_ = false;
};

}  // namespace

std::string_view to_string(VerifyPhase phase) {
  switch (phase) {
    case VerifyPhase::kHeaders: return "headers";
    case VerifyPhase::kValues: return "values";
    case VerifyPhase::kRows: return "rows";
  }
  return "";
}

Result<VerifyReport> verify_log(const Store& store, const ledger::VerifierKey& key, const VerifyOptions& options,
                                const VerifyProgress& progress) {
  if (options.threads == 0) return fail(ErrorCode::kInvalid, "at least one thread is needed");
  return Verification(store, key, options, progress).run();
}

std::string to_json(const VerifyReport& report) {
  std::string out = fmt::format(
      R"({{"ok":{},"entries":{},"headers":{},"tiles":{},"links":{},"links_unproven":{},"tenants":{})", report.ok(),
      report.entries, report.headers, report.tiles, report.links, report.links_unproven, report.tenants);
  out += fmt::format(R"(,"values":{},"values_erased":{},"values_locked":{},"rows":{},"rows_unproven":{})",
                     report.values, report.values_erased, report.values_locked, report.rows, report.rows_unproven);
  out += ",\"checkpoint\":";
  if (report.checkpoint) {
    out += "{\"origin\":";
    append_json_string(out, report.checkpoint->origin);
    out += fmt::format(R"(,"size":{},"root":"{}"}})", report.checkpoint->size.value,
                       to_base64(as_view(report.checkpoint->root)));
  } else {
    out += "null";
  }
  out += fmt::format(R"(,"state_locked":{},"second_checkpoint_missing":{})", report.state_locked,
                     report.second_place_missing);
  out += fmt::format(
      R"(,"unsigned_entries":{},"kept_checkpoints":{},"seconds":{{"headers":{:.3f},"values":{:.3f},"rows":{:.3f}}})",
      report.unsigned_entries, report.kept_checkpoints, report.header_seconds, report.value_seconds,
      report.row_seconds);
  out += fmt::format(R"(,"findings_total":{},"findings":[)", report.findings_total);
  for (bool first = true; const Finding& finding : report.findings) {
    if (!std::exchange(first, false)) out += ',';
    out += '{';
    if (finding.seq) out += fmt::format(R"("seq":{},)", finding.seq->value);
    out += "\"what\":";
    append_json_string(out, finding.what);
    out += '}';
  }
  return out + "]}";
}

}  // namespace rowledger::evidence
