#pragma once
// Reading of JSON text in place, for programs that show it again: numbers and nested values keep
// their very text, which a document model would lose. Text that is no JSON reads as kNone values;
// it is never overread.
#include <functional>
#include <string>
#include <string_view>

namespace rowledger::api {

class JsonView {
 public:
  enum class Kind { kNone, kNull, kBool, kNumber, kString, kObject, kArray };

  // The first value of text; what follows it is ignored. Borrows text.
  explicit JsonView(std::string_view text);
  JsonView() = default;

  Kind kind() const { return kind_; }
  explicit operator bool() const { return kind_ != Kind::kNone; }
  std::string_view raw() const { return raw_; }

  // A string's characters; any other value's JSON text; "" for kNone and null.
  std::string text() const;
  bool is_true() const { return raw_ == "true"; }

  // kNone when this is no object or has no such member.
  JsonView member(std::string_view name) const;
  JsonView operator[](std::string_view name) const { return member(name); }

  // Until visit returns false. Nothing for other kinds.
  void for_each_member(const std::function<bool(const std::string& name, JsonView value)>& visit) const;
  void for_each_item(const std::function<bool(JsonView value)>& visit) const;

 private:
  Kind kind_ = Kind::kNone;
  std::string_view raw_;
};

}  // namespace rowledger::api
