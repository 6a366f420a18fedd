#include "evidence/chain_check.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowledger::evidence {
namespace {

using record::KeyPart;
using record::OwnedEntry;
using record::Values;

bool same_key(const std::vector<KeyPart>& a, const std::vector<KeyPart>& b) {
  return std::ranges::equal(a, b, {}, &KeyPart::value, &KeyPart::value);
}

}  // namespace

ChainCheck::ChainCheck(const store::Store& store, bool values, uint64_t first, uint64_t end, FindingList& findings)
    : store_(store),
      values_(values),
      first_(first),
      findings_(findings),
      ends_(first, end),
      recent_(std::min<uint64_t>(kRecent, end - first)) {}

Status ChainCheck::add(uint64_t first, const BundleFacts& facts) {
  for (size_t i = 0; i < facts.refs.size(); ++i) recent_[(first + i - first_) % recent_.size()] = facts.refs[i];
  for (size_t i = 0; i < facts.ends_chain.size(); ++i)
    if (facts.ends_chain[i]) ends_.set(first + i);
  const uint64_t end = first + facts.refs.size();
  const uint64_t known_from = std::max(first_, end > recent_.size() ? end - recent_.size() : 0);
  for (const Link& link : facts.links) {
    ++links_;
    ends_.clear(link.to);
    if (link.to >= known_from) {
      check(link, recent_[(link.to - first_) % recent_.size()]);
    } else {
      far_.push_back(link);
    }
  }
  if (far_.size() >= kMaxFar) RL_TRY(check_far());
  if (crossing_.size() >= kMaxCrossing) RL_TRY(check_crossing());
  return {};
}

Status ChainCheck::finish() {
  RL_TRY(check_far());
  return check_crossing();
}

void ChainCheck::check(const Link& link, uint64_t ref_there) {
  if (ref_there == 0)
    return findings_.add(Seq{link.from}, fmt::format("links to entry {}, which is of no row", link.to));
  if (ref_there == link.ref) return;
  if (values_) {
    crossing_.push_back(link);
  } else {
    ++unproven_;
  }
}

Status ChainCheck::check_far() {
  std::ranges::sort(far_, {}, &Link::to);
  std::vector<std::string> headers;
  uint64_t bundle = UINT64_MAX;
  for (const Link& link : far_) {
    if (link.to / kBundle != bundle) {
      bundle = link.to / kBundle;
      auto read = store_.headers({bundle * kBundle}, kBundle);
      if (!read && read.error().code != ErrorCode::kCorrupt) return fail(std::move(read.error()));
      headers = read ? std::move(*read) : std::vector<std::string>();
    }
    if (headers.empty()) continue;  // found already
    const auto header = record::decode_header(headers[link.to % kBundle]);
    if (header) check(link, short_ref(header->row_ref));
  }
  far_.clear();
  return {};
}

Status ChainCheck::check_crossing() {
  for (const Link& link : crossing_) RL_TRY(check_crossing(link));
  crossing_.clear();
  return {};
}

// Where the keys differ, one of the two moved its row to the other's key, and says so in its values.
Status ChainCheck::check_crossing(const Link& link) {
  const auto here = store_.read({link.from}), there = store_.read({link.to});
  for (const auto* entry : {&here, &there})
    if (!*entry && entry->error().code != ErrorCode::kCorrupt) return fail(entry->error());
  if (!here || !there || !*here || !*there) return {};  // found where its values are looked at
  if ((*here)->values() != Values::kHere || (*there)->values() != Values::kHere) {
    ++unproven_;
    return {};
  }
  const record::EntryBody &to = (*there)->body(), &from = (*here)->body();
  const std::vector<KeyPart>& key = from.old_key.empty() || link.at_key ? from.key : from.old_key;
  if ((*here)->header().table == (*there)->header().table && (same_key(to.key, key) || same_key(to.old_key, key)))
    return {};
  findings_.add(Seq{link.from}, fmt::format("links to entry {}, which is of another row", link.to));
  return {};
}

}  // namespace rowledger::evidence
