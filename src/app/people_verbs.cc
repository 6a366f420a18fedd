// user and token: they say to the API what to do, as everybody does.
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <iostream>

#include "api/json_view.h"
#include "api/json_writer.h"
#include "app/client.h"
#include "app/terminal.h"
#include "app/verbs.h"

namespace rowledger::app {
namespace {

using api::JsonView;
using api::JsonWriter;

// Asks once; show: prints what came.
template <class Show>
int ask(const PeopleOptions& options, const std::string& method, const std::string& target, const std::string& json,
        const Show& show) {
  const auto workspace = Workspace::load(options.directory);
  if (!workspace) return report_error(workspace.error());
  Client client(*workspace);
  const auto answer = client.send(method, target, json);
  if (!answer) return report_error(answer.error());
  Output out;
  show(JsonView(*answer), out);
  out.flush();
  return out.failed() ? kFoundWrong : kDone;
}

std::string address_of(const PeopleOptions& options) { return "/v1/users/" + http::percent_encode(options.name); }

// A list's line: name, role, tenant, and what else there is to say.
std::string line_of(JsonView each, std::string_view more) {
  const std::string tenant = each["tenant"].text();
  return fmt::format("{}\t{}\t{}{}{}", displayable(each["name"].text(), 0), each["role"].text(),
                     tenant.empty() ? "all tenants" : "tenant " + displayable(tenant, 0), more.empty() ? "" : "\t",
                     more);
}

// "30d" as days.
Result<std::optional<uint64_t>> days_of(std::string_view text) {
  if (text.empty()) return std::optional<uint64_t>();
  uint64_t days = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), days);
  if (error != std::errc() || std::string_view(end, text.data() + text.size()) != "d")
    return fail(ErrorCode::kInvalid, "--expires takes a number of days, 30d");
  return std::optional(days);
}

JsonWriter access_of(const PeopleOptions& options) {
  JsonWriter json;
  json.text("name", options.name).text("role", options.role);
  if (options.tenant) json.text("tenant", *options.tenant);
  return json;
}

void print_sign_in(JsonView answer, Output& out) {
  const std::string link = answer["link"].text();
  if (link.starts_with("/")) {
    out.line("Nothing serves the web interface now: start `rowledger serve`, then `rowledger user link NAME`.");
  } else if (!link.empty()) {
    out.line("To sign in with, once, within ten minutes:");
    out.line(link);
  }
}

}  // namespace

int run_user_add(const PeopleOptions& options) {
  JsonWriter json = access_of(options);
  if (options.password_from_stdin) {
    std::string password;
    std::getline(std::cin, password);
    if (password.ends_with('\r')) password.pop_back();
    if (password.empty()) return report_error({ErrorCode::kInvalid, "standard input has no password"});
    json.text("password", password);
  }
  return ask(options, "POST", "/v1/users", json.finish(), [&](JsonView answer, Output& out) {
    out.line(fmt::format("Added {}.", line_of(answer["user"], "")));
    print_sign_in(answer, out);
  });
}

int run_user_list(const PeopleOptions& options) {
  return ask(options, "GET", "/v1/users", {}, [&](JsonView answer, Output& out) {
    answer["users"].for_each_item([&](JsonView user) {
      const std::string last = user["last_sign_in_at"].text();
      out.line(options.json ? std::string(user.raw())
                            : line_of(user, user["disabled"].is_true() ? "disabled"
                                            : last.empty()             ? "never signed in"
                                                                       : "signed in " + last));
      return true;
    });
  });
}

int run_user_disable(const PeopleOptions& options, bool disabled) {
  return ask(options, "PATCH", address_of(options), JsonWriter().boolean("disabled", disabled).finish(),
             [&](JsonView user, Output& out) { out.line(line_of(user, disabled ? "disabled" : "enabled")); });
}

int run_user_remove(const PeopleOptions& options) {
  return ask(options, "DELETE", address_of(options), {},
             [&](JsonView, Output& out) { out.line(fmt::format("Removed {}.", options.name)); });
}

int run_user_link(const PeopleOptions& options) {
  return ask(options, "POST", address_of(options) + "/link", {}, print_sign_in);
}

int run_token_create(const PeopleOptions& options) {
  const auto days = days_of(options.expires);
  if (!days) return report_error(days.error());
  JsonWriter json = access_of(options);
  if (*days) json.number("expires_days", **days);
  return ask(options, "POST", "/v1/tokens", json.finish(), [&](JsonView answer, Output& out) {
    out.line(fmt::format("Made token {}. It is shown only now; keep it as a password is kept:", answer["id"].raw()));
    out.line(answer["token"].text());
  });
}

int run_token_list(const PeopleOptions& options) {
  return ask(options, "GET", "/v1/tokens", {}, [&](JsonView answer, Output& out) {
    answer["tokens"].for_each_item([&](JsonView token) {
      const std::string end = token["expires_at"].text();
      out.line(options.json ? std::string(token.raw())
                            : fmt::format("{}\t{}", token["id"].raw(),
                                          line_of(token, end.empty() ? "does not expire" : "expires " + end)));
      return true;
    });
  });
}

int run_token_revoke(const PeopleOptions& options, uint64_t id) {
  return ask(options, "DELETE", fmt::format("/v1/tokens/{}", id), {},
             [&](JsonView, Output& out) { out.line(fmt::format("Token {} is revoked.", id)); });
}

}  // namespace rowledger::app
