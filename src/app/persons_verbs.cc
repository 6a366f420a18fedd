// erase and hold: what is ordered about a person.
#include <fmt/format.h>

#include "api/json_view.h"
#include "api/json_writer.h"
#include "app/client.h"
#include "app/terminal.h"
#include "app/verbs.h"

namespace rowledger::app {
namespace {

using api::JsonView;

std::string order_json(const PersonOptions& options) {
  api::JsonWriter json;
  json.text("table", options.table).text("key", options.key).text("reason", options.reason);
  if (!options.basis.empty()) json.text("basis", options.basis);
  return json.finish();
}

std::string hold_text(JsonView hold) {
  if (hold["unreadable"].is_true())
    return fmt::format("{}  since {}  its reason and person cannot be read: the key is lost", hold["id"].text(),
                       hold["since"].text());
  return fmt::format("{}  {} {}  since {}  {}", hold["id"].text(), hold["table"].text(),
                     displayable(hold["key"].text(), 200), hold["since"].text(), displayable(hold["reason"].text(), 0));
}

int list_holds(Client& client, bool json) {
  const auto body = client.get("/v1/holds");
  if (!body) return report_error(body.error());
  if (json) return print_line(*body);
  std::string lines;
  JsonView(*body)["holds"].for_each_item([&](JsonView hold) {
    if (!lines.empty()) lines += '\n';
    lines += hold_text(hold);
    return true;
  });
  return print_line(lines.empty() ? "No hold stands." : lines);
}

bool has_some(JsonView number) { return number.text() != "0"; }

bool stays(JsonView erasure) { return has_some(erasure["in_clear"]) || has_some(erasure["without_subject"]); }

std::string what_stays(JsonView erasure) {
  std::string out;
  if (has_some(erasure["in_clear"]))
    out += fmt::format(
        "\n{} of them were written while sealing was off and stay in clear: no key can be destroyed for those.",
        erasure["in_clear"].text());
  if (has_some(erasure["without_subject"])) {
    const std::string until = erasure["without_subject_until"].text();
    out += fmt::format(
        "\nNOT erased: the values of {} entries more, which were recorded before `subject` said whose they are: "
        "others' "
        "are sealed with the same key. {}",
        erasure["without_subject"].text(),
        until.empty() ? "They stay, because no retention is configured that erases them ([retention] erase_after_days)."
                      : fmt::format("Retention has erased them by {}.", until));
  }
  return out;
}

}  // namespace

int run_erase(const PersonOptions& options) {
  const auto workspace = Workspace::load(options.directory);
  if (!workspace) return report_error(workspace.error());
  Client client(*workspace);
  const auto body = client.post("/v1/erasures", order_json(options));
  if (!body) return report_error(body.error());
  const JsonView answer(*body);
  const int printed =
      print_line(options.json ? *body
                              : fmt::format("Erased: the values of {} entries about {} {}, recorded as #{}.{}",
                                            answer["entries"].text(), options.table, options.key, answer["seq"].text(),
                                            what_stays(answer)));
  return printed == kDone && stays(answer) ? kFoundWrong : printed;
}

int run_hold(const PersonOptions& options) {
  const bool person = !options.table.empty();
  if (person + !options.lift.empty() + options.list != 1 || (person && (options.key.empty() || options.reason.empty())))
    return report_error({ErrorCode::kInvalid, "say one of: TABLE KEY --reason R, --lift ID, --list"});
  const auto workspace = Workspace::load(options.directory);
  if (!workspace) return report_error(workspace.error());
  Client client(*workspace);
  if (options.list) return list_holds(client, options.json);
  if (!options.lift.empty()) {
    const auto lifted = client.send("DELETE", fmt::format("/v1/holds/{}?reason={}", http::percent_encode(options.lift),
                                                          http::percent_encode(options.reason)));
    return lifted ? print_line(fmt::format("The hold {} is lifted.", options.lift)) : report_error(lifted.error());
  }
  const auto body = client.post("/v1/holds", order_json(options));
  if (!body) return report_error(body.error());
  return print_line(options.json ? *body
                                 : fmt::format("Held: nothing of {} {} can be erased until `rowledger hold --lift {}`.",
                                               options.table, options.key, JsonView(*body)["id"].text()));
}

}  // namespace rowledger::app
