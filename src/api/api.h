#pragma once
// The routes: requests in, JSON out. The same object answers over the daemon's Unix socket and, for
// rescue, inside the command line itself over a store opened read-only.
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/access_log.h"
#include "capture/capture.h"
#include "http/http.h"
#include "people/identity_provider.h"
#include "people/people.h"
#include "privacy/key_keeper.h"
#include "query/reader.h"
#include "store/store.h"
#include "view/view.h"

namespace rowledger::api {

class ExportSpool;
class PersonsRights;

struct Dependencies {
  const store::Store& store;
  const view::Policy& policy;  // who sees what; outlives everything that shows values, streams and exports, too
  AccessLog& access;
  capture::Capture* capture = nullptr;  // nothing when opened read-only
  std::string source_name;
  std::string http_url;             // empty: no TCP listener
  std::string public_url;           // what people reach it by, when that is another address
  std::vector<std::string> tables;  // as configured, for status
  std::string slot;
  std::string version;
  SearchedValues searched_values{{}};       // how they stand in the log
  Digest cursor_key{};                      // of the cursors
  std::string verifier_key;                 // of the checkpoints
  std::filesystem::path second_checkpoint;  // where the last one is kept outside the data directory
  // Set while a verification runs: it takes a processor for itself, so there is one at a time.
  std::shared_ptr<std::atomic_flag> verifying = std::make_shared<std::atomic_flag>();
  std::filesystem::path directory;          // the data directory, whose disk is watched
  const privacy::KeyRing* keys = nullptr;   // nothing when they are locked
  bool seal = true;                         // as configured
  ExportSpool* exports = nullptr;           // nothing when opened read-only
  PersonsRights* rights = nullptr;          // nothing when opened read-only
  privacy::KeyKeeper* keeper = nullptr;     // nothing when they are locked, or opened read-only
  std::function<capture::Report()> locked;  // of a daemon without the master key: how the source stands; else nothing
  std::string time_zone = "UTC";
  people::People* people = nullptr;                       // nothing: only the owner may ask, and access is not managed
  people::IdentityProvider* identity_provider = nullptr;  // nothing: no tokens but our own
};

class Coverage;
class Idempotency;
class RequestMetrics;
struct Route;

class Api {
 public:
  explicit Api(Dependencies dependencies);
  ~Api();
  // From any thread. Each request is timed, and one that fails is told to the program's log. A live answer
  // (Response::live) borrows the store: end it before the store.
  http::Response handle(const http::Request& request) const;
  // The same for somebody who is known already.
  http::Response handle(const http::Request& request, const people::Principal& caller) const;

 private:
  http::Response timed(const http::Request& request, const people::Principal* known) const;
  // known: the caller; nothing when that has to be found out.
  http::Response answer(const http::Request& request, const people::Principal* known, const Route*& route) const;
  void end_with_access(const http::Request& request, const people::Principal& caller, http::LiveBody& live) const;

  const Dependencies dependencies_;
  const std::unique_ptr<Coverage> coverage_;
  const std::unique_ptr<RequestMetrics> requests_;
  const std::unique_ptr<Idempotency> idempotency_;
};

}  // namespace rowledger::api
