#pragma once
// The data directory D with what stands in it: rowledger.toml, keys.toml, people.json, store/, spool/,
// rowledger.sock.
#include <filesystem>
#include <memory>

#include "api/api.h"
#include "app/config.h"
#include "app/keys.h"
#include "base/result.h"
#include "capture/settings.h"
#include "ledger/note_key.h"
#include "postgres/attach.h"
#include "privacy/key_ring.h"
#include "store/notary.h"
#include "store/rocksdb_store.h"

namespace rowledger::app {

// A log with what it needs to be read, or written. Ends in the right order.
struct OpenLog {
  std::unique_ptr<privacy::KeyRing> keys;
  std::unique_ptr<ledger::SigningKey> signing_key;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<store::Notary> notary;  // of a writer
  std::string keys_problem;  // of a reader: why the values' keys cannot be had although the master key is here

  store::Store& operator*() const { return *store; }
  store::Store* operator->() const { return store.get(); }
};

struct Workspace {
  std::filesystem::path directory;
  Config config;
  Keys keys;
  std::string role_password;  // of the password file, else of the keys
  view::Policy policy;        // who sees what, of the configuration
  // Of the verb that restores the keys: it alone opens them before what was erased is erased again.
  bool restores_keys = false;

  static std::filesystem::path config_file(const std::filesystem::path& directory) {
    return directory / "rowledger.toml";
  }
  static std::filesystem::path keys_file(const std::filesystem::path& directory) { return directory / "keys.toml"; }
  static std::filesystem::path key_ring_directory(const std::filesystem::path& directory) { return directory / "keys"; }
  std::filesystem::path socket() const { return directory / "rowledger.sock"; }
  std::filesystem::path exports() const { return directory / "exports"; }
  std::filesystem::path people_file() const { return directory / "people.json"; }

  // kInvalid with what to do when there is no rowledger.toml. Warnings about the environment go to
  // the program's log.
  static Result<Workspace> load(const std::filesystem::path& directory);

  // Before there are files to load.
  static Workspace made_for(const std::filesystem::path& directory, const Config& config);
  std::filesystem::path master_key_file() const { return beside(config.master_key_file, ".master-key"); }

  capture::Settings capture_settings() const;
  postgres::AttachPlanInput attach_input() const;
  api::Dependencies api_dependencies(const store::Store& store, api::AccessLog& access,
                                     capture::Capture* capture) const;
  // Of the key that checkpoints are signed with; empty when it is not as it should be.
  std::string verifier_key() const;
  std::filesystem::path second_checkpoint() const;
  api::SearchedValues searched_values() const;
  // Where verbs without a daemon note what they read (api/access_log.h).
  std::filesystem::path offline_access() const { return directory / "offline-access"; }
  // record: see people::People.
  Result<std::unique_ptr<people::People>> open_people(people::People::Record record) const;
  std::unique_ptr<people::IdentityProvider> identity_provider() const;  // nothing when none is configured
  // Of a configuration that listens.
  http::TcpOptions tcp_options() const;
  // For reading: kConflict while another process writes. As the writer: waits a while for verbs that
  // are just reading. Errors say what to do.
  // Without the master key a log can be read as far as its headers go; it cannot be written.
  Result<OpenLog> open_to_read() const;
  // Without keys, whatever these are like.
  Result<OpenLog> open_locked() const;
  // missing: whether the second checkpoint may be gone (store/notary.h).
  Result<OpenLog> open_to_write(store::MissingSecondPlace missing = store::MissingSecondPlace::kRefused) const;

  bool daemon_runs() const;
  // kConflict when it does.
  Status refuse_beside_daemon() const;

  // From the file or the command. An error: the keys are locked.
  Result<privacy::MasterKey> master_key() const;
  Result<std::unique_ptr<privacy::KeyRing>> open_key_ring(bool to_write = false) const;

  bool has_log() const;  // something was captured once

 private:
  store::StoreOptions store_options(bool read_only) const;
  // A configured path, or else the data directory's own name with an ending: beside it, not in it, so that a copy of
  // the directory alone opens nothing and hides nothing.
  std::filesystem::path beside(const std::string& configured, std::string_view ending) const;
  Result<OpenLog> try_to_write(store::MissingSecondPlace missing) const;
  Result<OpenLog> open_with(std::unique_ptr<privacy::KeyRing> keys) const;
};

}  // namespace rowledger::app
