#include "privacy/master_key.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include "privacy/private_file.h"

extern char** environ;

namespace rowledger::privacy {
namespace {

constexpr size_t kDigits = 2 * kKeyBytes;
constexpr size_t kMaxTextBytes = 4096;

template <class Key>
std::optional<Key> parse_digits(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  Key key;
  size_t n = 0;
  if (text.size() != kDigits ||
      sodium_hex2bin(reinterpret_cast<unsigned char*>(key.data()), kKeyBytes, text.data(), text.size(), nullptr, &n,
                     nullptr) != 0 ||
      n != kKeyBytes)
    return std::nullopt;
  return key;
}

// The child runs in a process group of its own, so that a timeout ends all that the command started.
Result<pid_t> spawn_shell(const std::string& command, int out) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  CHECK(posix_spawn_file_actions_init(&actions) == 0 && posix_spawnattr_init(&attributes) == 0);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigfillset(&defaults);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::string shell = "/bin/sh", option = "-c", text = command;
  std::array<char*, 4> argv{shell.data(), option.data(), text.data(), nullptr};
  pid_t child = 0;
  const int error = posix_spawn(&child, shell.c_str(), &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("cannot run the command for the master key: {}", std::strerror(error)));
  }
  return child;
}

struct Pipe {
  int in = -1, out = -1;  // read from, write to
  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    if (in >= 0) ::close(in);
    close_out();
  }
  void close_out() {
    if (out >= 0) ::close(std::exchange(out, -1));
  }
};

enum class Outcome { kEnded, kTimeout, kTooLong };

// Until the other end closes. `text` has room for what is allowed, so that it is never moved and left behind unwiped.
Outcome read_until_end(int fd, std::chrono::steady_clock::time_point deadline, std::string& text) {
  std::array<char, 256> buffer;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = left <= 0 ? 0 : ::poll(&waiting, 1, static_cast<int>(left));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return Outcome::kTimeout;
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Outcome::kEnded;
    if (text.size() + static_cast<size_t>(n) > kMaxTextBytes) return Outcome::kTooLong;
    text.append(buffer.data(), static_cast<size_t>(n));
    sodium_memzero(buffer.data(), buffer.size());
  }
}

// True when the child ended by itself with status 0 before the deadline. Whatever is left of it is killed.
bool reap(pid_t child, bool may_run_on, std::chrono::steady_clock::time_point deadline) {
  int status = 0;
  while (may_run_on && std::chrono::steady_clock::now() < deadline) {
    const pid_t got = ::waitpid(child, &status, WNOHANG);
    if (got == child) {
      ::kill(-child, SIGKILL);
      return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    ::poll(nullptr, 0, 5);  // it has closed its output; its end is near
  }
  ::kill(-child, SIGKILL);
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return false;
}

}  // namespace

Result<MasterKey> read_master_key(const std::filesystem::path& path) {
  auto file = PrivateFile::open(path);
  if (!file && file.error().code == ErrorCode::kNotFound) {
    return fail(ErrorCode::kNotFound, fmt::format("there is no master key at {}: put it back from where it is kept "
                                                  "safe; only a new installation makes a new one",
                                                  path.string()));
  }
  if (!file) return fail(std::move(file.error()));
  RL_ASSIGN(const uint64_t size, file->size());
  std::string text(std::min<uint64_t>(size, kMaxTextBytes), '\0');
  RL_TRY(file->read_at(0, text.data(), text.size()));
  const auto key = size <= kMaxTextBytes ? parse_digits<MasterKey>(text) : std::nullopt;
  wipe(text);
  if (key) return *key;
  return fail(ErrorCode::kInvalid, fmt::format("{} does not hold a master key, which is {} hexadecimal digits: put it "
                                               "back from where it is kept safe",
                                               path.string(), kDigits));
}

Result<MasterKey> master_key_from_command(const std::string& command, int timeout_ms) {
  Pipe pipe;
  if (int ends[2]; ::pipe2(ends, O_CLOEXEC) == 0) {
    pipe.in = ends[0];
    pipe.out = ends[1];
  } else {
    return os_error("make a pipe for", "the command for the master key");
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  RL_ASSIGN(const pid_t child, spawn_shell(command, pipe.out));
  pipe.close_out();
  std::string text;
  text.reserve(kMaxTextBytes);
  const Outcome outcome = read_until_end(pipe.in, deadline, text);
  const bool succeeded = reap(child, outcome == Outcome::kEnded, deadline);
  const auto key = parse_digits<MasterKey>(text);
  wipe(text);
  if (outcome == Outcome::kTooLong || (succeeded && !key)) {
    return fail(ErrorCode::kInvalid, fmt::format("the command for the master key must print {} hexadecimal digits and "
                                                 "nothing else; what it printed is not shown, for it may be secret",
                                                 kDigits));
  }
  if (succeeded) return *key;
  if (std::chrono::steady_clock::now() >= deadline) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("the command for the master key did not end within {} ms and was stopped", timeout_ms));
  }
  return fail(ErrorCode::kUnavailable, "the command for the master key failed: run it by hand as the daemon's user");
}

Status write_master_key(const std::filesystem::path& path, const MasterKey& key) {
  RL_ASSIGN(PrivateFile file, PrivateFile::create(path));
  std::array<char, kDigits + 1> text;
  sodium_bin2hex(text.data(), text.size(), reinterpret_cast<const unsigned char*>(key.view().data()), kKeyBytes);
  text[kDigits] = '\n';
  auto written = file.write_at(0, {text.data(), text.size()});
  sodium_memzero(text.data(), text.size());
  if (written) written = file.sync();
  if (written) return sync_directory(path.parent_path());
  ::unlink(path.c_str());
  return written;
}

Result<MasterKey> generate_master_key(const std::filesystem::path& path) {
  const MasterKey key = MasterKey::generate();
  RL_TRY(write_master_key(path, key));
  return key;
}

Result<RecoveryKey> parse_recovery_key(std::string_view digits) {
  const auto key = parse_digits<RecoveryKey>(digits);
  if (key) return *key;
  return fail(ErrorCode::kInvalid,
              fmt::format("a recovery key is {} hexadecimal digits, as it was shown when the first "
                          "backup was made",
                          kDigits));
}

}  // namespace rowledger::privacy
