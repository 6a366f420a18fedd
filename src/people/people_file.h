#pragma once
// What is kept of people: D/people.json (docs/format/people.md). It holds no secret as it is, only hashes.
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/crypto.h"
#include "base/result.h"
#include "base/time.h"
#include "people/principal.h"

namespace rowledger::people {

struct User {
  std::string name;  // lower case, unique in the installation
  Role role = Role::kViewer;
  std::optional<std::string> tenant;  // nothing: the whole installation
  bool disabled = false;
  Timestamp created_at;
  std::optional<Timestamp> last_sign_in_at;
  std::string password_hash;  // empty: none yet, only a link lets in
  uint64_t version = 1;       // counts the changes of what stands above, sign-ins excepted
};

struct ApiToken {
  uint64_t id = 0;
  std::string name;
  Role role = Role::kViewer;
  std::optional<std::string> tenant;
  std::string created_by;  // a Principal's id
  Timestamp created_at;
  std::optional<Timestamp> expires_at;
};

struct Session {
  std::string user;
  Timestamp created_at;
  Timestamp seen_at;     // some minutes old at most
  bool by_link = false;  // so that the password may be set without the old one
};

struct Link {
  std::string user;
  Timestamp expires_at;
};

struct PeopleData {
  std::map<std::string, User, std::less<>> users;
  // By the hash of the secret.
  std::map<Digest, ApiToken> tokens;
  std::map<Digest, Session> sessions;
  std::map<Digest, Link> links;
  uint64_t next_token = 1;
  // Details of control entries about changes that were made while no daemon could write the log.
  std::vector<std::string> unrecorded;
};

std::string format_people(const PeopleData& data);
// shown: the file's name for messages. kCorrupt with what to do.
Result<PeopleData> parse_people(std::string_view text, std::string_view shown);

// Nobody, when there is no file.
Result<PeopleData> read_people(const std::filesystem::path& file);
// Mode 0600; after a crash the old file or the new one is there, whole.
Status write_people(const std::filesystem::path& file, const PeopleData& data);

}  // namespace rowledger::people
