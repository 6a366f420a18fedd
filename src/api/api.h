#pragma once
// The routes: requests in, JSON out. The same object answers over the daemon's Unix socket and, for
// rescue, inside the command line itself over a store opened read-only.
#include <functional>

#include "capture/capture.h"
#include "http/http.h"
#include "query/reader.h"
#include "store/store.h"

namespace rowledger::api {

struct Dependencies {
  const store::Store& store;
  capture::Capture* capture = nullptr;  // nothing when opened read-only
  std::string source_name;
  std::string http_url;  // empty: no TCP listener
};

class Api {
 public:
  explicit Api(Dependencies dependencies) : dependencies_(std::move(dependencies)) {}
  http::Response handle(const http::Request& request) const;

 private:
  Dependencies dependencies_;
};

}  // namespace rowledger::api
