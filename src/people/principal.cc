#include "people/principal.h"

namespace rowledger::people {
namespace {

constexpr std::array<std::string_view, kRoles.size()> kRoleNames = {"viewer",   "editor", "auditor", "privacy",
                                                                    "operator", "admin",  "owner"};

constexpr uint32_t bit(Right right) { return uint32_t{1} << static_cast<unsigned>(right); }

constexpr uint32_t rights_of(Role role) {
  constexpr uint32_t kReading = bit(Right::kReadEntries) | bit(Right::kReadHealth);
  switch (role) {
    case Role::kViewer: return kReading;
    case Role::kEditor: return kReading | bit(Right::kUndo);
    case Role::kAuditor: return kReading | bit(Right::kUnmask) | bit(Right::kExport) | bit(Right::kReadAccess);
    case Role::kPrivacy: return kReading | bit(Right::kErase) | bit(Right::kReadAccess);
    case Role::kOperator: return bit(Right::kReadHealth) | bit(Right::kOperate);
    case Role::kAdmin: return kReading | bit(Right::kManagePeople) | bit(Right::kReadAccess);
    case Role::kOwner: return ~uint32_t{0};
  }
  return 0;
}

}  // namespace

std::string_view to_string(Role role) { return kRoleNames[static_cast<size_t>(role)]; }

std::optional<Role> parse_role(std::string_view text) {
  for (const Role role : kRoles) {
    if (role != Role::kOwner && to_string(role) == text) return role;
  }
  return std::nullopt;
}

std::string_view to_string(Right right) {
  constexpr std::array<std::string_view, kRights.size()> kNames = {
      "read_entries", "see_plain",   "unmask",      "export",  "undo",
      "erase",        "read_access", "read_health", "operate", "manage_people"};
  return kNames[static_cast<size_t>(right)];
}

std::string_view to_string(Principal::Kind kind) {
  constexpr std::array<std::string_view, 5> kNames = {"socket", "offline", "user", "token", "jwt"};
  return kNames[static_cast<size_t>(kind)];
}

bool Principal::may(Right right) const { return (rights_of(role) & bit(right)) != 0; }

}  // namespace rowledger::people
