#include "people/people_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>

namespace rowledger::people {
namespace {

namespace json = boost::json;
constexpr int64_t kVersion = 1;

json::value or_null(const std::optional<std::string>& text) { return text ? json::value(*text) : json::value(nullptr); }
json::value or_null(const std::optional<Timestamp>& time) {
  return time ? json::value(time->to_string()) : json::value(nullptr);
}
std::string hex(const Digest& digest) { return to_hex(as_view(digest)); }

json::object to_json(const User& user) {
  return {{"name", user.name},
          {"role", std::string(to_string(user.role))},
          {"tenant", or_null(user.tenant)},
          {"disabled", user.disabled},
          {"created_at", user.created_at.to_string()},
          {"last_sign_in_at", or_null(user.last_sign_in_at)},
          {"password", user.password_hash},
          {"version", user.version}};
}

json::object to_json(const Digest& hash, const ApiToken& token) {
  return {{"hash", hex(hash)},
          {"id", token.id},
          {"name", token.name},
          {"role", std::string(to_string(token.role))},
          {"tenant", or_null(token.tenant)},
          {"created_by", token.created_by},
          {"created_at", token.created_at.to_string()},
          {"expires_at", or_null(token.expires_at)}};
}

json::object to_json(const Digest& hash, const Session& session) {
  return {{"hash", hex(hash)},
          {"user", session.user},
          {"created_at", session.created_at.to_string()},
          {"seen_at", session.seen_at.to_string()},
          {"by_link", session.by_link}};
}

json::object to_json(const Digest& hash, const Link& link) {
  return {{"hash", hex(hash)}, {"user", link.user}, {"expires_at", link.expires_at.to_string()}};
}

// Members of one object. A member that is missing or of another type throws, which parse_people() catches: the file
// is written by this program only.
class Members {
 public:
  explicit Members(const json::value& value) : object_(value.as_object()) {}

  std::string text(const char* name) const { return std::string(object_.at(name).as_string()); }
  std::optional<std::string> text_or_none(const char* name) const {
    return object_.at(name).is_null() ? std::nullopt : std::optional(text(name));
  }
  bool flag(const char* name) const { return object_.at(name).as_bool(); }
  uint64_t number(const char* name) const { return object_.at(name).to_number<uint64_t>(); }
  Timestamp time(const char* name) const { return need(Timestamp::parse(text(name))); }
  std::optional<Timestamp> time_or_none(const char* name) const {
    return object_.at(name).is_null() ? std::nullopt : std::optional(time(name));
  }
  Role role(const char* name) const { return need(parse_role(text(name))); }
  Digest hash(const char* name) const {
    const std::string bytes = need(from_hex(text(name)));
    Digest out;
    if (bytes.size() != out.size()) throw std::runtime_error("a hash has 32 bytes");
    std::memcpy(out.data(), bytes.data(), out.size());
    return out;
  }
  const json::array& list(const char* name) const { return object_.at(name).as_array(); }

 private:
  template <class T>
  static T need(std::optional<T> value) {
    if (!value) throw std::runtime_error("a value is not as this program writes it");
    return std::move(*value);
  }
  const json::object& object_;
};

User user_of(const Members& from) {
  return {.name = from.text("name"),
          .role = from.role("role"),
          .tenant = from.text_or_none("tenant"),
          .disabled = from.flag("disabled"),
          .created_at = from.time("created_at"),
          .last_sign_in_at = from.time_or_none("last_sign_in_at"),
          .password_hash = from.text("password"),
          .version = from.number("version")};
}

ApiToken token_of(const Members& from) {
  return {.id = from.number("id"),
          .name = from.text("name"),
          .role = from.role("role"),
          .tenant = from.text_or_none("tenant"),
          .created_by = from.text("created_by"),
          .created_at = from.time("created_at"),
          .expires_at = from.time_or_none("expires_at")};
}

PeopleData data_of(const Members& root) {
  if (root.number("version") != kVersion) throw std::runtime_error("another version of this program wrote it");
  PeopleData out;
  for (const auto& each : root.list("users")) {
    User user = user_of(Members(each));
    out.users.emplace(user.name, std::move(user));
  }
  for (const auto& each : root.list("tokens")) out.tokens.emplace(Members(each).hash("hash"), token_of(Members(each)));
  for (const auto& each : root.list("sessions")) {
    const Members from(each);
    out.sessions.emplace(from.hash("hash"), Session{from.text("user"), from.time("created_at"), from.time("seen_at"),
                                                    from.flag("by_link")});
  }
  for (const auto& each : root.list("links")) {
    const Members from(each);
    out.links.emplace(from.hash("hash"), Link{from.text("user"), from.time("expires_at")});
  }
  out.next_token = root.number("next_token");
  for (const auto& each : root.list("unrecorded")) out.unrecorded.emplace_back(each.as_string());
  return out;
}

template <class Map>
json::array list_of(const Map& map) {
  json::array out;
  for (const auto& [hash, each] : map) out.push_back(to_json(hash, each));
  return out;
}

tl::unexpected<Error> os_error(std::string_view what, const std::filesystem::path& file) {
  const int error = errno;
  return fail(error == EACCES ? ErrorCode::kPermission : ErrorCode::kIo,
              fmt::format("cannot {} {}: {}", what, file.string(), std::strerror(error)));
}

Status write_synced(const std::filesystem::path& file, std::string_view text) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return os_error("write", file);
  ssize_t n = 0;
  while (!text.empty() && ((n = ::write(fd, text.data(), text.size())) > 0 || errno == EINTR))
    if (n > 0) text.remove_prefix(static_cast<size_t>(n));
  const bool whole = text.empty() && ::fchmod(fd, 0600) == 0 && ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  errno = error;
  if (!whole) return os_error("write", file);
  return {};
}

Status sync_directory(const std::filesystem::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  errno = error;
  if (!synced) return os_error("sync", directory);
  return {};
}

}  // namespace

std::string format_people(const PeopleData& data) {
  json::array users;
  for (const auto& [name, user] : data.users) users.push_back(to_json(user));
  json::array unrecorded;
  for (const auto& each : data.unrecorded) unrecorded.emplace_back(each);
  return json::serialize(json::object{{"version", kVersion},
                                      {"users", std::move(users)},
                                      {"tokens", list_of(data.tokens)},
                                      {"sessions", list_of(data.sessions)},
                                      {"links", list_of(data.links)},
                                      {"next_token", data.next_token},
                                      {"unrecorded", std::move(unrecorded)}}) +
         "\n";
}

Result<PeopleData> parse_people(std::string_view text, std::string_view shown) {
  const auto wrong = [&](std::string_view why) {
    return fail(ErrorCode::kCorrupt, fmt::format("{} is damaged ({}): restore it from a backup, or remove it and give "
                                                 "everybody access anew",
                                                 shown, why));
  };
  try {
    boost::system::error_code error;
    const json::value root = json::parse(text, error);
    if (error) return wrong("no JSON");
    return data_of(Members(root));
  } catch (const std::exception& e) {
    return wrong(e.what());
  }
}

Result<PeopleData> read_people(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return PeopleData();
  if (fd < 0) return os_error("read", file);
  std::string text;
  char buffer[16 << 10];
  ssize_t n;
  while ((n = ::read(fd, buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR))
    if (n > 0) text.append(buffer, static_cast<size_t>(n));
  struct stat info {};
  const bool open_to_others = ::fstat(fd, &info) == 0 && (info.st_mode & 077) != 0;
  const int error = errno;
  ::close(fd);
  errno = error;
  if (n < 0) return os_error("read", file);
  if (open_to_others) {
    return fail(ErrorCode::kInvalid, fmt::format("other users may read {}, which says who may sign in: chmod 600 {}",
                                                 file.string(), file.string()));
  }
  return parse_people(text, file.string());
}

Status write_people(const std::filesystem::path& file, const PeopleData& data) {
  auto fresh = file;
  fresh += ".new";
  RL_TRY(write_synced(fresh, format_people(data)));
  if (::rename(fresh.c_str(), file.c_str()) != 0) return os_error("replace", file);
  return sync_directory(file.parent_path());
}

}  // namespace rowledger::people
