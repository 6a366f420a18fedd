#pragma once
// The routes: requests in, JSON out. The same object answers over the daemon's Unix socket and, for
// rescue, inside the command line itself over a store opened read-only.
#include <memory>
#include <string>
#include <vector>

#include "capture/capture.h"
#include "http/http.h"
#include "query/reader.h"
#include "store/store.h"
#include "view/view.h"

namespace rowledger::api {

struct Dependencies {
  const store::Store& store;
  capture::Capture* capture = nullptr;  // nothing when opened read-only
  std::string source_name;
  std::string http_url;             // empty: no TCP listener
  std::vector<std::string> tables;  // as configured, for status
  std::string slot;
  std::string version;
  std::string verifier_key;  // of the checkpoints
  view::Policy policy{};     // who sees what
  Digest cursor_key{};       // of the cursors
};

class Coverage;

class Api {
 public:
  explicit Api(Dependencies dependencies);
  ~Api();
  // From any thread. A live answer (Response::live) borrows the store: end it before the store.
  http::Response handle(const http::Request& request) const;

 private:
  const Dependencies dependencies_;
  const std::unique_ptr<Coverage> coverage_;
};

}  // namespace rowledger::api
