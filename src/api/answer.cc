#include "api/answer.h"

#include "api/json_writer.h"

namespace rowledger::api {
namespace {

struct Kind {
  int status;
  std::string_view title;
};

Kind kind_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid: return {400, "The request is not understood"};
    case ErrorCode::kNotFound: return {404, "There is no such thing"};
    case ErrorCode::kConflict: return {409, "Not possible as things stand"};
    case ErrorCode::kPermission: return {403, "Not allowed"};
    case ErrorCode::kUnavailable: return {503, "Not possible just now"};
    case ErrorCode::kCancelled: return {503, "Stopped on request"};
    case ErrorCode::kCorrupt: return {500, "Stored data is damaged"};
    case ErrorCode::kIo: return {500, "The operating system refused"};
    case ErrorCode::kInternal: return {500, "Rowledger failed"};
  }
  return {500, "Rowledger failed"};
}

JsonWriter begin_problem(int status, std::string_view type, std::string_view title, std::string_view detail) {
  JsonWriter json;
  json.text("type", fmt::format("/problems/{}", type))
      .text("title", title)
      .number("status", status)
      .text("detail", detail);
  return json;
}

http::Response finish_problem(int status, JsonWriter json) {
  http::Response out;
  out.status = status;
  out.headers = {{"Content-Type", "application/problem+json"}};
  out.body = json.finish();
  return out;
}

}  // namespace

http::Response json_answer(std::string body) {
  http::Response out;
  out.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
  out.body = std::move(body);
  return out;
}

http::Response problem(int status, std::string_view type, std::string_view title, std::string_view detail) {
  return finish_problem(status, begin_problem(status, type, title, detail));
}

http::Response problem(const Error& error) {
  const Kind kind = kind_of(error.code);
  return problem(kind.status, to_string(error.code), kind.title, error.message);
}

http::Response problem(const query::SearchError& error, std::string_view text) {
  JsonWriter json = begin_problem(400, "search", "The search is not understood", query::to_string(error, text));
  json.text("message", error.message).number("position", error.position).number("length", error.length);
  if (!error.suggestion.empty()) json.text("suggestion", error.suggestion);
  return finish_problem(400, std::move(json));
}

Result<uint64_t> number_parameter(const http::Target& target, std::string_view name, uint64_t fallback, uint64_t least,
                                  uint64_t most) {
  const auto text = target.parameter(name);
  if (!text) return fallback;
  const auto value = parse_number(*text);
  if (!value || *value < least || *value > most) {
    return fail(ErrorCode::kInvalid, fmt::format("{} must be a whole number from {} to {}", name, least, most));
  }
  return *value;
}

Result<bool> flag_parameter(const http::Target& target, std::string_view name) {
  const auto text = target.parameter(name);
  if (!text || *text == "0" || *text == "false") return false;
  if (text->empty() || *text == "1" || *text == "true") return true;
  return fail(ErrorCode::kInvalid, fmt::format("{} must be 1 or 0", name));
}

}  // namespace rowledger::api
