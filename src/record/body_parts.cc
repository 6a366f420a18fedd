#include "record/body_parts.h"

#include "base/bytes.h"
#include "base/check.h"
#include "record/entry.h"
#include "record/value.h"

namespace rowledger::record {
namespace {

constexpr uint8_t kFrameVersion = 1;
// How a frame tells the subject: none, the row itself ("table/key"), or a prefix and the length of what follows it.
enum SubjectForm : uint8_t { kNone = 0, kSelf = 1, kOther = 2 };
constexpr int kAttributionTexts = 6;
constexpr uint64_t kFirstLength = static_cast<uint64_t>(Presence::kValue);

Error malformed() { return {ErrorCode::kCorrupt, "entry body: the parts do not belong together"}; }

std::string self_subject(std::string_view table, const std::vector<std::string_view>& key) {
  std::string out(table);
  for (size_t i = 0; i < key.size(); ++i) {
    out += i == 0 ? '/' : ',';
    out += key[i];
  }
  return out;
}

class Splitter {
 public:
  Splitter(std::string_view body, std::string& frame, std::string& values)
      : in_(body), frame_(frame), values_(values) {}

  void run(std::string_view table) {
    frame_.u8(kFrameVersion);
    frame_.u8(in_.u8());
    key(&key_);
    key(nullptr);
    subject(table);
    for (int i = 0; i < kAttributionTexts; ++i) frame_.string(in_.string());
    const uint64_t changes = in_.varint();
    frame_.varint(changes);
    for (uint64_t i = 0; i < changes && in_.ok(); ++i) {
      frame_.string(in_.string());
      frame_.u8(in_.u8());
      value();
      value();
    }
    text();
    CHECK(in_.ok() && in_.at_end());
  }

 private:
  void key(std::vector<std::string_view>* parts) {
    const uint64_t count = in_.varint();
    frame_.varint(count);
    for (uint64_t i = 0; i < count && in_.ok(); ++i) {
      frame_.string(in_.string());
      const std::string_view part = text();
      if (parts != nullptr) parts->push_back(part);
    }
  }
  std::string_view text() {
    const std::string_view bytes = in_.string();
    frame_.varint(bytes.size());
    values_.append(bytes);
    return bytes;
  }
  void value() {
    const uint64_t head = in_.varint();
    frame_.varint(head);
    if (head >= kFirstLength) values_.append(in_.raw(head - kFirstLength));
  }
  void subject(std::string_view table) {
    const std::string_view subject = in_.string();
    if (subject.empty()) return frame_.u8(kNone);
    if (is_self(table, subject)) return frame_.u8(kSelf);
    const size_t slash = subject.find('/');
    const size_t prefix = slash == std::string_view::npos ? 0 : slash + 1;
    frame_.u8(kOther);
    frame_.string(subject.substr(0, prefix));
    frame_.varint(subject.size() - prefix);
    values_.append(subject.substr(prefix));
  }
  bool is_self(std::string_view table, std::string_view subject) const {
    if (!subject.starts_with(table)) return false;
    subject.remove_prefix(table.size());
    for (size_t i = 0; i < key_.size(); ++i) {
      if (subject.empty() || subject.front() != (i == 0 ? '/' : ',')) return false;
      subject.remove_prefix(1);
      if (!subject.starts_with(key_[i])) return false;
      subject.remove_prefix(key_[i].size());
    }
    return subject.empty() && !key_.empty();
  }

  ByteReader in_;
  ByteWriter frame_;
  std::string& values_;
  std::vector<std::string_view> key_;
};

// Puts a body together; without values, every length becomes zero and every value unknown.
class Joiner {
 public:
  Joiner(std::string_view frame, std::string_view values, bool has_values)
      : frame_(frame), values_(values), has_values_(has_values), out_(body_) {}

  Result<std::string> run(std::string_view table) {
    if (frame_.u8() != kFrameVersion) return fail(malformed());
    out_.u8(frame_.u8());
    key(&key_);
    key(nullptr);
    subject(table);
    for (int i = 0; i < kAttributionTexts; ++i) out_.string(frame_.string());
    const uint64_t changes = frame_.varint();
    out_.varint(changes);
    for (uint64_t i = 0; i < changes && frame_.ok(); ++i) {
      out_.string(frame_.string());
      out_.u8(frame_.u8());
      value();
      value();
    }
    text();
    if (!frame_.ok() || !frame_.at_end() || !values_.ok() || !values_.at_end()) return fail(malformed());
    return std::move(body_);
  }

 private:
  void key(std::vector<std::string_view>* parts) {
    const uint64_t count = frame_.varint();
    out_.varint(count);
    for (uint64_t i = 0; i < count && frame_.ok(); ++i) {
      out_.string(frame_.string());
      const std::string_view part = text();
      if (parts != nullptr) parts->push_back(part);
    }
  }
  std::string_view text() {
    const std::string_view bytes = take(frame_.varint());
    out_.string(bytes);
    return bytes;
  }
  void value() {
    const uint64_t head = frame_.varint();
    if (head < kFirstLength) return out_.varint(head);
    out_.varint(has_values_ ? head : static_cast<uint64_t>(Presence::kUnknown));
    out_.raw(take(head - kFirstLength));
  }
  std::string_view take(uint64_t size) { return has_values_ ? values_.raw(size) : std::string_view(); }
  void subject(std::string_view table) {
    switch (frame_.u8()) {
      case kNone: return out_.string({});
      case kSelf: return out_.string(has_values_ ? self_subject(table, key_) : std::string());
      case kOther: {
        std::string subject(frame_.string());
        subject += take(frame_.varint());
        return out_.string(has_values_ ? subject : std::string());
      }
      default: frame_.fail();
    }
  }

  ByteReader frame_, values_;
  const bool has_values_;
  std::string body_;
  ByteWriter out_;
  std::vector<std::string_view> key_;
};

}  // namespace

void split_body(std::string_view table, std::string_view body, std::string& frame, std::string& values) {
  Splitter(body, frame, values).run(table);
}

Result<std::string> join_body(std::string_view table, std::string_view frame, std::string_view values) {
  return Joiner(frame, values, true).run(table);
}

Result<std::string> body_without_values(std::string_view frame) { return Joiner(frame, {}, false).run({}); }

}  // namespace rowledger::record
