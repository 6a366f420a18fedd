#include "evidence/evidence_bundle.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "ledger/decimal.h"
#include "ledger/tlog_proof.h"

namespace rowledger::evidence {
namespace {

using record::Values;

constexpr std::string_view kFirstLine = "rowledger evidence v1\n";
constexpr size_t kMaxAboutBytes = 4'096, kMaxKeyBytes = 1'024, kMaxCommentBytes = 1 << 16;

constexpr std::string_view kReadMe =
    R"(# Entries of an audit log, with what proves that they were recorded as they stand here.
# With Rowledger:     rowledger verify --evidence THIS_FILE --key KEY
# Without it: all below is base64 (RFC 4648). For each entry
#   leaf       = SHA-256(byte 00, header)
#   commitment = SHA-256("rowledger values v1", salt, body), which are the header's last 32 bytes
#   in a shell: { printf '\0'; echo HEADER | base64 -d; } | sha256sum
#               { printf 'rowledger values v1'; echo SALT | base64 -d; echo BODY | base64 -d; } | sha256sum
# Then upwards, with n = the entry's number, last = the checkpoint's number of entries - 1, hash = leaf;
# for each 32 bytes p of path:
#   if n is odd or n = last: hash = SHA-256(byte 01, p, hash); then, while n is even and not 0, halve n and last
#   otherwise:               hash = SHA-256(byte 01, hash, p)
#   halve n and last, rounding down
# In the end, last is 0, and hash is the third line of the checkpoint (RFC 9162, section 2.1.3.2).
# The checkpoint is signed with Ed25519 by the key (c2sp.org/signed-note). Ask somebody else than who gave you this file
# whether the key is the log's. "erased" (the values were destroyed on purpose) and "locked" (they could not be had) are what
# the maker of this file says: they are not proven.
# This shows that what is here is in the log. It does not show that nothing else is.
# Bytes of header and body: docs/format/entry.md of Rowledger.
)";

std::string_view to_word(Values values) {
  switch (values) {
    case Values::kHere: return "here";
    case Values::kErased: return "erased";
    case Values::kLocked: return "locked";
  }
  return "";
}

std::optional<Values> parse_word(std::string_view text) {
  for (const Values values : {Values::kHere, Values::kErased, Values::kLocked})
    if (text == to_word(values)) return values;
  return std::nullopt;
}

void append_line(std::string& out, std::string_view name, std::string_view bytes) {
  out.append(name).append(1, ' ').append(bytes.empty() ? "-" : to_base64(bytes)).append(1, '\n');
}

std::string end_line(std::string_view before) {
  return "end " + to_hex(as_view(sha256(std::string_view(), before))) + "\n";
}

// Line by line; the first thing that is wrong is remembered with its line.
class Lines {
 public:
  explicit Lines(std::string_view bytes) : all_(bytes), rest_(bytes) {}

  bool ok() const { return problem_.empty(); }
  bool at_end() const { return rest_.empty(); }
  std::string_view before() const { return all_.substr(0, all_.size() - rest_.size()); }
  bool next_is(std::string_view beginning) const { return rest_.starts_with(beginning); }
  void fail(std::string_view what) {
    if (ok()) problem_ = fmt::format("line {}: {}", std::max<size_t>(line_, 1), what);
    rest_ = {};
  }
  Error error() const { return {ErrorCode::kCorrupt, "the evidence is malformed or was altered, in " + problem_}; }

  // The next line without its end.
  std::string_view line() {
    ++line_;
    const size_t end = rest_.find('\n');
    if (end == std::string_view::npos) {
      fail("it ends in the middle");
      return {};
    }
    const std::string_view out = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return out;
  }
  // What stands behind "name ".
  std::string_view value(std::string_view name, size_t max_bytes) {
    const std::string_view text = line();
    if (!ok()) return {};
    if (!text.starts_with(name) || text.size() <= name.size() || text[name.size()] != ' ') {
      fail(fmt::format("\"{}\" should stand here", name));
      return {};
    }
    const std::string_view out = text.substr(name.size() + 1);
    if (out.empty() || out.size() > max_bytes) fail(fmt::format("\"{}\" has a length that it cannot have", name));
    return ok() ? out : std::string_view();
  }
  std::string base64(std::string_view name, size_t max_bytes) {
    const std::string_view text = value(name, (max_bytes + 2) / 3 * 4);
    if (!ok() || text == "-") return {};
    auto out = from_base64(text);
    if (!out || out->empty()) fail(fmt::format("\"{}\" is no base64", name));
    return ok() ? std::move(*out) : std::string();
  }
  uint64_t number(std::string_view text, uint64_t max) {
    const auto out = ledger::parse_decimal(text);
    if (!out || *out > max) fail("there is no such number");
    return ok() ? *out : 0;
  }

 private:
  const std::string_view all_;
  std::string_view rest_;
  size_t line_ = 0;
  std::string problem_;
};

EvidenceEntry parse_entry(Lines& lines) {
  EvidenceEntry out;
  const std::string_view text = lines.value("entry", 64);
  const size_t space = std::min(text.find(' '), text.size());
  out.seq = {lines.number(text.substr(0, space), ledger::kMaxTreeSize)};
  const auto values = parse_word(text.substr(std::min(space + 1, text.size())));
  if (!values) lines.fail("an entry's values are here, erased or locked");
  if (!lines.ok()) return out;
  out.values = *values;
  out.header = lines.base64("header", record::kMaxHeaderBytes);
  if (out.values == Values::kHere) {
    out.salt = lines.base64("salt", record::kSaltBytes);
    out.body = lines.base64("body", kMaxEvidenceBytes);
    if (out.salt.size() != record::kSaltBytes) lines.fail("a salt has 32 bytes");
  }
  const std::string path = lines.base64("path", ledger::kMaxInclusionHashes * ledger::kHashBytes);
  if (path.size() % ledger::kHashBytes != 0) lines.fail("\"path\" is no list of hashes");
  for (size_t i = 0; i < path.size() / ledger::kHashBytes; ++i) out.path.push_back(ledger::digest_at(path, i));
  return out;
}

}  // namespace

std::string format_evidence(const Evidence& evidence) {
  std::string out(kFirstLine);
  out += kReadMe;
  append_line(out, "about", evidence.about);
  out += "key " + evidence.verifier_key + "\n";
  append_line(out, "checkpoint", evidence.checkpoint);
  out += fmt::format("entries {}\n", evidence.entries.size());
  std::string path;
  for (const EvidenceEntry& entry : evidence.entries) {
    out += fmt::format("entry {} {}\n", entry.seq.value, to_word(entry.values));
    append_line(out, "header", entry.header);
    if (entry.values == Values::kHere) {
      append_line(out, "salt", entry.salt);
      append_line(out, "body", entry.body);
    }
    path.clear();
    for (const Digest& hash : entry.path) path.append(as_view(hash));
    append_line(out, "path", path);
  }
  return out + end_line(out);
}

Result<Evidence> parse_evidence(std::string_view bytes) {
  if (bytes.size() > kMaxEvidenceBytes)
    return fail(ErrorCode::kCorrupt, fmt::format("evidence has at most {} bytes", kMaxEvidenceBytes));
  if (!bytes.starts_with(kFirstLine))
    return fail(ErrorCode::kCorrupt,
                "this is no evidence of Rowledger, or of a version that this program does not know");
  Lines lines(bytes);
  lines.line();
  size_t comment_bytes = 0;
  while (lines.ok() && lines.next_is("#"))
    if ((comment_bytes += lines.line().size()) > kMaxCommentBytes) lines.fail("too many comments");
  Evidence out;
  out.about = lines.base64("about", kMaxAboutBytes);
  out.verifier_key = lines.value("key", kMaxKeyBytes);
  out.checkpoint = lines.base64("checkpoint", ledger::kMaxNoteBytes);
  const uint64_t count = lines.number(lines.value("entries", 20), kMaxEvidenceEntries);
  for (uint64_t i = 0; i < count && lines.ok(); ++i) {
    out.entries.push_back(parse_entry(lines));
    if (i > 0 && out.entries[i - 1].seq >= out.entries[i].seq) lines.fail("the entries are not in their order");
  }
  const std::string expected = lines.ok() ? end_line(lines.before()) : std::string();
  const std::string_view end = lines.line();
  if (lines.ok() && (end != std::string_view(expected).substr(0, expected.size() - 1) || !lines.at_end()))
    lines.fail("its checksum is wrong");
  if (!lines.ok()) return fail(lines.error());
  return out;
}

}  // namespace rowledger::evidence
