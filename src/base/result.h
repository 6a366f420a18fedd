#pragma once
// Expected failure as a value. A function that can fail for reasons outside the program returns
// Result<T>; "not found" is a value (std::optional inside the Result), not an error. A broken
// invariant is CHECK (check.h), never an Error. No exception crosses a room's border.
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace rowledger {

// What kind of remedy the failure calls for; the CLI's exit codes and HTTP's statuses follow it.
enum class ErrorCode {
  kInvalid,      // the caller's input is wrong; the message says where and how to mend it
  kNotFound,     // a thing that the caller named does not exist
  kConflict,     // true now, may be otherwise later: in use, changed meanwhile
  kPermission,   // the reader or the database role may not
  kUnavailable,  // cannot be reached now; trying again may help
  kCorrupt,      // stored or received bytes are not what they must be
  kIo,           // the operating system refused: disk full, file unreadable
  kCancelled,    // stopped on request
  kInternal,
};

std::string_view to_string(ErrorCode code);

// message is one or two sentences for a person: what happened, where, what to do next.
// It never contains a value of a captured row, nor a secret.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;

  // "context: message", for saying on the way up what was being attempted.
  Error with_context(std::string_view context) && {
    message.insert(0, ": ").insert(0, context);
    return std::move(*this);
  }
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};
using Status = Result<void>;

inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace rowledger

#define RL_CONCAT_INNER(a, b) a##b
#define RL_CONCAT(a, b) RL_CONCAT_INNER(a, b)

// RL_TRY(expr): return the error of expr, if any, from the enclosing function.
#define RL_TRY(expr)                                                                                 \
  do {                                                                                               \
    if (auto rl_status = (expr); !rl_status) return ::rowledger::fail(std::move(rl_status.error())); \
  } while (false)

// RL_ASSIGN(auto x, expr): x = the value of expr, or return its error.
#define RL_ASSIGN(declaration, expr) RL_ASSIGN_INNER(RL_CONCAT(rl_result_, __LINE__), declaration, expr)
#define RL_ASSIGN_INNER(name, declaration, expr)                \
  auto name = (expr);                                           \
  if (!name) return ::rowledger::fail(std::move(name.error())); \
  declaration = std::move(*name)
