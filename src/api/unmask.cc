// Values without their masks, for a reason that is recorded with who saw them.
#include "api/answer.h"
#include "api/json_view.h"
#include "api/json_writer.h"
#include "api/routes.h"
#include "store/terms.h"

namespace rowledger::api {
namespace {

constexpr size_t kMaxFields = 50, kMinReasonBytes = 5, kMaxReasonBytes = 1'000;
constexpr char kContext[] = "context";

struct UnmaskOrder {
  std::string table, key;
  std::optional<uint64_t> seq;
  std::vector<std::string> fields;
  std::string reason;
};

Result<UnmaskOrder> order_of(const http::Request& request) {
  const JsonView body(request.body);
  if (body.kind() != JsonView::Kind::kObject)
    return fail(ErrorCode::kInvalid,
                "the body must be a JSON object with table and key, or seq, and fields and reason");
  UnmaskOrder out;
  out.table = body["table"].text();
  out.key = body["key"].text();
  if (const JsonView seq = body["seq"]) {
    out.seq = parse_number(seq.raw());
    if (!out.seq) return fail(ErrorCode::kInvalid, "seq must be an entry's number");
  }
  if (out.seq.has_value() == (!out.table.empty() || !out.key.empty()) || out.table.empty() != out.key.empty())
    return fail(ErrorCode::kInvalid, "say which row, by table and key, or which entry, by seq");
  if (!out.table.empty() && out.table.find('.') == std::string::npos) out.table.insert(0, "public.");
  bool texts_only = true;
  body["fields"].for_each_item([&](JsonView field) {
    texts_only = texts_only && field.kind() == JsonView::Kind::kString;
    out.fields.push_back(field.text());
    return out.fields.size() <= kMaxFields;
  });
  if (out.fields.empty() || out.fields.size() > kMaxFields || !texts_only)
    return fail(ErrorCode::kInvalid, "fields must be a list of 1 to 50 columns");
  out.reason = body["reason"].text();
  if (out.reason.size() < kMinReasonBytes || out.reason.size() > kMaxReasonBytes ||
      out.reason.find_first_not_of(" \t\r\n") == std::string::npos)
    return fail(ErrorCode::kInvalid, "a reason is required, of 5 to 1,000 characters; it is recorded with your name");
  return out;
}

bool asks_for(const UnmaskOrder& order, std::string_view field) {
  return std::find(order.fields.begin(), order.fields.end(), field) != order.fields.end();
}

http::Response unmask_row(const Call& call, const view::View& view, const UnmaskOrder& order) {
  call.access.table = order.table;
  call.access.key = order.key;
  const auto past = view.at(order.table, order.key, {view.scope().end()});
  if (!past) return problem(past.error());
  if (!past->exists) return problem(Error{ErrorCode::kNotFound, "the log knows no such row, or it is gone"});
  query::RowImage asked;
  for (const auto& field : past->row.fields)
    if (asks_for(order, field.name)) asked.fields.push_back(field);
  if (asked.fields.size() != order.fields.size())
    return problem(Error{ErrorCode::kInvalid, "the row has not all of these fields, or one is named twice"});
  return json_answer(JsonWriter().raw("fields", query::to_json(asked)).finish());
}

http::Response unmask_entry(const Call& call, const view::View& view, const UnmaskOrder& order) {
  call.access.query = fmt::format("seq:{}", *order.seq);
  const auto found = view.entry({*order.seq});
  if (!found) return problem(found.error());
  if (!*found) return problem(Error{ErrorCode::kNotFound, fmt::format("there is no entry {}", *order.seq)});
  record::Entry entry = (*found)->entry();
  call.access.table = entry.header.table;
  call.access.key = store::key_text(entry.body.key);
  std::erase_if(entry.body.changes, [&](const record::FieldChange& change) { return !asks_for(order, change.field); });
  const std::string json = query::to_json(entry);
  const JsonView shown(json);
  JsonWriter out;
  const JsonView changes = shown["changes"];
  out.raw("changes", changes ? changes.raw() : "[]");
  if (const JsonView context = shown[kContext]; context && asks_for(order, kContext)) out.raw(kContext, context.raw());
  return json_answer(out.finish());
}

}  // namespace

http::Response post_unmask(const Call& call) {
  const auto order = order_of(call.request);
  if (!order) return problem(order.error());
  const auto view = call.view().unmasking({order->fields.begin(), order->fields.end()});
  if (!view) return problem(view.error());
  call.access.route = "unmask";
  call.access.unmasked = order->fields;
  call.access.reason = order->reason;
  return order->seq ? unmask_entry(call, *view, *order) : unmask_row(call, *view, *order);
}

}  // namespace rowledger::api
