#include "api/export_manifest.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "base/crypto.h"
#include "base/json_text.h"
#include "ledger/note.h"
#include "store/notary.h"

namespace rowledger::api {
namespace {

constexpr auto kPatience = std::chrono::seconds(3);
constexpr auto kLookAgain = std::chrono::milliseconds(50);

std::string as_json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

Result<std::optional<ledger::SignedCheckpoint>> checkpoint_over(const store::Store& store,
                                                                const ledger::VerifierKey& key, Seq end) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    RL_ASSIGN(auto last, store::last_checkpoint(store, key));
    if ((last && last->checkpoint.size.value >= end.value) || std::chrono::steady_clock::now() > deadline) return last;
    std::this_thread::sleep_for(kLookAgain);
  }
}

std::string seq_text(const std::optional<Seq>& seq) { return seq ? fmt::format("{}", seq->value) : "none"; }

}  // namespace

SignManifest make_export_signer(const store::Store& store, const ledger::SigningKey& key) {
  return [&store, &key](const ExportState& done) -> Result<std::string> {
    const ExportOrder& order = done.order;
    RL_ASSIGN(const auto checkpoint, checkpoint_over(store, key.verifier(), order.end));
    // The first line is no key's name, so that this can never be taken for a checkpoint, whose first line is.
    std::string text = "rowledger export v1\n";
    text += fmt::format("id {}\n", done.id);
    text += fmt::format("created {}\n", done.created_at.to_string());
    text += fmt::format("reader {} {}\n", as_json(order.reader_id), as_json(order.reader_name));
    text += fmt::format("role {}\n", order.reader_role);
    text += fmt::format("tenant {}\n", order.tenant.empty() ? "all" : as_json(order.tenant));
    text += fmt::format("query {}\n", as_json(order.query));
    text += fmt::format("housekeeping {}\n", order.all ? "included" : "as the query says");
    text += fmt::format("images {}\n", order.images ? "included" : "none");
    text += fmt::format("format {}\n", to_string(order.format));
    text += fmt::format("log-entries {}\n", order.end.value);
    text += fmt::format("first {}\nlast {}\nentries {}\n", seq_text(done.first), seq_text(done.last), done.entries);
    text += fmt::format("bytes {}\nsha256 {}\n", done.bytes, done.sha256);
    if (checkpoint) {
      text += fmt::format("checkpoint {} {}\n", checkpoint->checkpoint.size.value,
                          to_base64(as_view(checkpoint->checkpoint.root)));
    } else {
      text += "checkpoint none\n";
    }
    RL_ASSIGN(const ledger::Note note, ledger::sign_note(std::move(text), key));
    return ledger::encode_note(note);
  };
}

}  // namespace rowledger::api
