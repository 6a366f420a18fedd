#pragma once
// The database's side of attribution: the functions behind the trigger that says, in the WAL and inside
// each transaction, who makes the changes that follow. docs/attribution/README.md tells the message's form.
#include <string>
#include <vector>

namespace rowledger::postgres {

inline constexpr char kAttributionTrigger[] = "rowledger_attribution";

struct AttributionFunction {
  std::string signature;  // "rowledger.attribute()"
  std::string returns;    // the rest of CREATE FUNCTION's head: type, language, volatility, security
  std::string body;       // compared with pg_proc.prosrc, so that an older version is noticed
  std::string create_sql() const;
};

// In the order in which they can be made; the trigger's function comes last. encoding: the database's,
// as pg_encoding_to_char tells it.
std::vector<AttributionFunction> attribution_functions(const std::string& encoding);

}  // namespace rowledger::postgres
