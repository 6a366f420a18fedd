#pragma once
// Who asks, and what he may. Every answer is made for a principal; what a role may do is said here and nowhere else.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rowledger::people {

// In the order of the documentation's table (docs/people.md).
enum class Role : uint8_t {
  kViewer,    // changes of the tenant, personal values masked
  kEditor,    // the same, and undo
  kAuditor,   // also unmasks, with a written reason; exports, proofs
  kPrivacy,   // erase, hold, retention
  kOperator,  // health, metrics, capture; no values at all
  kAdmin,     // users, tokens, rules of the tenant
  kOwner,     // everything: whoever may open the daemon's Unix socket or the data directory
};
inline constexpr std::array kRoles = {Role::kViewer,   Role::kEditor, Role::kAuditor, Role::kPrivacy,
                                      Role::kOperator, Role::kAdmin,  Role::kOwner};
std::string_view to_string(Role role);  // "viewer"
// Not "owner": nobody is given that role.
std::optional<Role> parse_role(std::string_view text);

enum class Right : uint8_t {
  kReadEntries,   // search, rows, past, insights, live; values masked unless kSeePlain
  kSeePlain,      // values unmasked without asking: the owner
  kUnmask,        // values unmasked with a written reason
  kExport,        // exports, evidence, proofs
  kUndo,          //
  kErase,         // erase, hold, retention
  kReadAccess,    // who looked at what
  kReadHealth,    // status, metrics, integrity
  kOperate,       // reconcile, capture
  kManagePeople,  // users and tokens of the tenant
};
inline constexpr std::array kRights = {Right::kReadEntries, Right::kSeePlain,    Right::kUnmask,     Right::kExport,
                                       Right::kUndo,        Right::kErase,       Right::kReadAccess, Right::kReadHealth,
                                       Right::kOperate,     Right::kManagePeople};
std::string_view to_string(Right right);  // "read_entries"

struct Principal {
  enum class Kind : uint8_t {
    kSocket,   // an operating system user at the daemon's Unix socket
    kOffline,  // the command line on the data directory itself
    kUser,     // signed in
    kToken,    // an API token
    kJwt,      // a token of an identity provider
  };
  Kind kind = Kind::kSocket;
  std::string id;    // "uid:0", "user:priya", "token:7", "jwt:<iss>#<sub>": stable, shown in access entries
  std::string name;  // for people
  Role role = Role::kViewer;
  std::optional<std::string> tenant;  // nothing: the whole installation

  bool may(Right right) const;
};
std::string_view to_string(Principal::Kind kind);  // "socket"

}  // namespace rowledger::people
