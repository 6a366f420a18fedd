#pragma once
// Reading of JSON text in place, for programs that show it again: numbers and nested values keep
// their very text, which a document model would lose. Text that is no JSON reads as kNone values;
// it is never overread.
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
  // The same without a copy, where the text stands as it is; else in `scratch`, which is then to be kept.
  std::string_view text(std::string& scratch) const;
  bool is_true() const { return raw_ == "true"; }

  // kNone when this is no object or has no such member.
  JsonView member(std::string_view name) const;
  JsonView operator[](std::string_view name) const { return member(name); }

  // Call visit(std::string_view name, JsonView value), or visit(JsonView value), until it returns false. Nothing for
  // other kinds. A name is valid until the visit returns.
  template <class Visit>
  void for_each_member(const Visit& visit) const {
    std::string scratch;
    JsonView name, value;
    for (std::string_view rest = inside(Kind::kObject); take_member(rest, name, value);)
      if (!visit(name.text(scratch), value)) return;
  }
  template <class Visit>
  void for_each_item(const Visit& visit) const {
    JsonView value;
    for (std::string_view rest = inside(Kind::kArray); take_item(rest, value);)
      if (!visit(value)) return;
  }

 private:
  // Between the brackets; empty for other kinds.
  std::string_view inside(Kind kind) const;
  // Take one off the front, and the comma behind it; false at the end.
  static bool take_member(std::string_view& rest, JsonView& name, JsonView& value);
  static bool take_item(std::string_view& rest, JsonView& value);

  Kind kind_ = Kind::kNone;
  std::string_view raw_;
};

}  // namespace rowledger::api
