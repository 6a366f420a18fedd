#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "http/http.h"

namespace rowledger::http {

// The hand-over between a thread that streams and the I/O thread: one piece at a time, so
// that the producer runs no faster than the client takes.
class Pipe : public BodySink {
 public:
  // send: called on the producer's thread; taken() must follow on the I/O thread.
  explicit Pipe(std::function<void(std::string)> send) : send_(std::move(send)) {}

  bool write(std::string_view bytes) override {
    if (bytes.empty()) return !gone();
    {
      std::lock_guard lock(mutex_);
      if (gone_) return false;
      busy_ = true;
    }
    send_(std::string(bytes));
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return gone_ || !busy_; });
    return !gone_;
  }
  bool gone() const override {
    std::lock_guard lock(mutex_);
    return gone_;
  }

  void taken() {
    std::lock_guard lock(mutex_);
    busy_ = false;
    changed_.notify_all();
  }
  void break_off() {
    std::lock_guard lock(mutex_);
    gone_ = true;
    changed_.notify_all();
  }

 private:
  const std::function<void(std::string)> send_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool busy_ = false, gone_ = false;
};

}  // namespace rowledger::http
