#include "support/postgres_server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <utility>

#include "base/check.h"

namespace rowledger::testing {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "PostgresServer: %s\n", what.c_str());
  std::abort();
}

std::string binary(const std::string& name) {
  const char* directory = std::getenv("ROWLEDGER_TEST_POSTGRES_BIN");
  return std::string(directory ? directory : "/usr/lib/postgresql/15/bin") + "/" + name;
}

struct Fd {
  int value = -1;
  Fd() = default;
  explicit Fd(int fd) : value(fd) {}
  Fd(Fd&& other) noexcept : value(std::exchange(other.value, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(value, other.value);
    return *this;
  }
  ~Fd() { close(); }
  void close() {
    if (value >= 0) ::close(std::exchange(value, -1));
  }
};

// Every descriptor is close-on-exec: a child that outlives the test must not keep a pipe open.
void make_pipe(Fd& read_end, Fd& write_end) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) give_up("pipe2 failed");
  read_end = Fd(fds[0]);
  write_end = Fd(fds[1]);
}

pid_t spawn(const std::vector<std::string>& command, int in, int out) {
  std::vector<char*> argv;
  argv.reserve(command.size() + 1);
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
  // The user postgres may not enter the directory in which root runs the test.
  posix_spawn_file_actions_addchdir_np(&actions, "/tmp");
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) give_up("cannot run " + command[0] + ": " + std::strerror(error));
  return pid;
}

struct Outcome {
  int status = 0;
  std::string output;  // both streams
};

Outcome finish(pid_t pid, const std::string& output_path) {
  Outcome outcome;
  while (waitpid(pid, &outcome.status, 0) < 0 && errno == EINTR) {
  }
  std::ifstream file(output_path);
  outcome.output.assign(std::istreambuf_iterator<char>(file), {});
  return outcome;
}

// Input and output go through files: no deadlock, and a daemonised child (pg_ctl start) that keeps
// its output open does not keep us waiting.
Outcome run(const std::string& scratch, const std::vector<std::string>& command, const std::string& input = "") {
  static std::atomic<int> counter = 0;
  const std::string base = scratch + "/run" + std::to_string(counter++);
  const std::string in_path = base + ".in", out_path = base + ".out";
  std::ofstream(in_path) << input;
  Fd in(open(in_path.c_str(), O_RDONLY | O_CLOEXEC));
  Fd out(open(out_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (in.value < 0 || out.value < 0) give_up("cannot write in " + scratch);
  Outcome outcome = finish(spawn(command, in.value, out.value), out_path);
  unlink(in_path.c_str());
  unlink(out_path.c_str());
  return outcome;
}

std::vector<std::string> as_postgres(std::vector<std::string> command) {
  if (geteuid() != 0) return command;
  static const char* const kPrefix[] = {"runuser", "-u", "postgres", "--"};
  command.insert(command.begin(), std::begin(kPrefix), std::end(kPrefix));
  return command;
}

// A directory below /tmp that goes with the object, and with the process however that ends: a
// detached shell waits for the end of a pipe that only we hold, stops the server in the directory,
// if there is one, and removes it.
class GuardedDirectory {
 public:
  GuardedDirectory() {
    char path[] = "/tmp/rowledger-test-XXXXXX";
    if (!mkdtemp(path)) give_up("mkdtemp failed below /tmp");
    path_ = path;
    if (geteuid() == 0) {
      const passwd* user = getpwnam("postgres");
      if (!user) give_up("there is no user postgres: install the package postgresql-15");
      if (chown(path, user->pw_uid, user->pw_gid) != 0) give_up("chown failed");
    }
    watch();
  }
  ~GuardedDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  void watch() {
    static const char kScript[] =
        "read -r never\n"
        "pid=$(head -n 1 \"$1/data/postmaster.pid\" 2>/dev/null) && kill -QUIT \"$pid\" 2>/dev/null\n"
        "tries=0\n"
        "while [ -e \"$1/data/postmaster.pid\" ] && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done\n"
        "rm -rf \"$1\"\n";
    Fd read_end;
    make_pipe(read_end, alive_);
    Fd null(open("/dev/null", O_WRONLY | O_CLOEXEC));
    // --fork: neither a child nor in the session of the test, so that what kills those leaves it.
    const pid_t pid = spawn({"setsid", "--fork", "sh", "-c", kScript, "sh", path_}, read_end.value, null.value);
    int status = 0;
    waitpid(pid, &status, 0);
  }
  std::string path_;
  Fd alive_;
};

// initdb takes a second: once a process, then copies.
const std::string& template_cluster() {
  static const auto* directory = [] {
    // Leaked on purpose: the watcher removes it after the process.
    auto* made = new GuardedDirectory;
    const Outcome outcome =
        run(made->path(), as_postgres({binary("initdb"), "-D", made->path() + "/template", "-U", "postgres", "-A",
                                       "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"}));
    if (outcome.status != 0) give_up("initdb failed:\n" + outcome.output);
    return new std::string(made->path() + "/template");
  }();
  return *directory;
}

// A port that no other test process takes, for as long as the lock lives: an abstract Unix socket
// of that number, which the kernel frees with the process. Below the range that the kernel hands out to
// clients, so that it stays free while the server is stopped.
Fd lock_port(int port) {
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = "rowledger-test-port-" + std::to_string(port);
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (bind(fd.value, reinterpret_cast<sockaddr*>(&address), size) != 0) return Fd();
  return fd;
}

class PrivateServer : public PostgresServer {
 public:
  explicit PrivateServer(const Options& options) {
    const Outcome copied = run(directory_.path(), as_postgres({"cp", "-a", template_cluster(), data_directory()}));
    if (copied.status != 0) give_up("cannot copy the template cluster:\n" + copied.output);
    configure(options);
    std::random_device random;
    for (int attempt = 0; attempt < 50; ++attempt) {
      port_ = 20'000 + static_cast<int>(random() % 12'000);
      port_lock_ = lock_port(port_);
      if (port_lock_.value < 0) continue;
      const Outcome outcome = start_once();
      if (outcome.status == 0) return;
      if (server_log().find("Address already in use") == std::string::npos) fail_to_start(outcome);
      fs::remove(log_path());
    }
    give_up("no free port found between 20000 and 32000");
  }

  ~PrivateServer() override {
    if (running_) pg_ctl({"stop", "-m", "immediate"});
  }

  std::string url(const std::string& database, const std::string& user) const override {
    return "postgresql://" + user + "@127.0.0.1:" + std::to_string(port_) + "/" + database;
  }
  int port() const override { return port_; }
  std::string data_directory() const override { return directory_.path() + "/data"; }

  std::string psql(const std::string& sql, const std::string& database) override {
    Outcome outcome =
        run(directory_.path(), {binary("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", "-", url(database, "postgres")},
            sql);
    if (outcome.status != 0) give_up("psql failed:\n" + outcome.output + "in:\n" + sql);
    if (outcome.output.ends_with('\n')) outcome.output.pop_back();
    return outcome.output;
  }

  std::string create_database() override {
    static std::atomic<int> counter = 0;
    std::string name = "db" + std::to_string(++counter);
    psql("CREATE DATABASE " + name, "postgres");
    return name;
  }

  void stop_immediately() override { stop_with("immediate"); }
  void stop() override { stop_with("fast"); }
  void start_again() override {
    CHECK(!running_);
    const Outcome outcome = start_once();
    if (outcome.status != 0) fail_to_start(outcome);
  }

 private:
  std::string log_path() const { return directory_.path() + "/server.log"; }
  std::string server_log() const {
    std::ifstream file(log_path());
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[noreturn]] void fail_to_start(const Outcome& outcome) const {
    give_up("PostgreSQL does not start:\n" + outcome.output + server_log());
  }

  void configure(const Options& options) {
    std::ofstream conf(data_directory() + "/postgresql.conf", std::ios::app);
    conf << "\nlisten_addresses = '127.0.0.1'\n"
         << "unix_socket_directories = '" << directory_.path() << "'\n"
         << "wal_level = logical\nmax_replication_slots = 10\nmax_wal_senders = 10\n"
         << "fsync = off\nfull_page_writes = off\nshared_buffers = 64MB\n";
    for (const auto& line : options.settings) conf << line << "\n";
    if (!conf.flush()) give_up("cannot write postgresql.conf");
  }

  Outcome pg_ctl(const std::vector<std::string>& arguments) {
    std::vector<std::string> command = {binary("pg_ctl"), "-D", data_directory(), "-w", "-t", "120"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run(directory_.path(), as_postgres(std::move(command)));
  }
  Outcome start_once() {
    Outcome outcome = pg_ctl({"-l", log_path(), "-o", "-p " + std::to_string(port_), "start"});
    running_ = outcome.status == 0;
    return outcome;
  }
  void stop_with(const std::string& mode) {
    CHECK(running_);
    const Outcome outcome = pg_ctl({"stop", "-m", mode});
    if (outcome.status != 0) give_up("PostgreSQL does not stop:\n" + outcome.output + server_log());
    running_ = false;
  }

  GuardedDirectory directory_;
  Fd port_lock_;
  int port_ = 0;
  bool running_ = false;
};

}  // namespace

std::unique_ptr<PostgresServer> PostgresServer::start(const Options& options) {
  return std::make_unique<PrivateServer>(options);
}

}  // namespace rowledger::testing
