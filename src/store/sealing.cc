#include "store/sealing.h"

#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "privacy/record_compressor.h"

namespace rowledger::store {
namespace {

constexpr uint64_t kMaxOpenedBytes = uint64_t{1} << 33;

Error damaged(std::string_view what) {
  return {ErrorCode::kCorrupt,
          std::string("sealed ").append(what).append(" do not open: they were altered or damaged")};
}

std::string place_of(char kind, uint64_t number) {
  std::string out(1, kind);
  ByteWriter(out).u64(number);
  return out;
}

// In a buffer that is kept.
std::string_view bytes_of(const Sealing::ImagePlace& place) {
  thread_local std::string out;
  out.assign(place.stored_key);
  ByteWriter writer(out);
  writer.u64(place.newest.value);
  writer.u32(place.schema.value);
  return out;
}

privacy::Nonce nonce_of(std::string_view bytes) {
  privacy::Nonce out;
  std::memcpy(out.data(), bytes.data(), out.size());
  return out;
}

// Drawn many at once: a call for 12 bytes costs as much as sealing.
void draw_nonce(privacy::Nonce& out) {
  thread_local std::array<char, 1'200> drawn;
  thread_local size_t left = 0;
  if (left < out.size()) {
    random_bytes(drawn.data(), drawn.size());
    left = drawn.size();
  }
  left -= out.size();
  std::memcpy(out.data(), drawn.data() + left, out.size());
}

// In a buffer that is kept.
std::string_view pack(std::string_view bytes, const privacy::RecordDictionary* dictionary) {
  thread_local std::string packed;
  packed.clear();
  constexpr size_t kKeptBytes = 1 << 20;
  if (packed.capacity() > kKeptBytes) std::string().swap(packed);
  privacy::compress_record(bytes, dictionary, packed);
  return packed;
}

}  // namespace

Status Sealing::prepare() {
  if (ring_ == nullptr) return {};
  RL_ASSIGN(installation_, ring_->tenant_key(""));
  RL_ASSIGN(const privacy::KeyState state, ring_->find(installation_, installation_secret_));
  CHECK(state == privacy::KeyState::kLive);
  return {};
}

Result<record::Values> Sealing::find(KeyId id, SubjectKey& out) const {
  if (ring_ == nullptr) return record::Values::kLocked;
  RL_ASSIGN(const privacy::KeyState state, ring_->find(id, out));
  return state == privacy::KeyState::kLive ? record::Values::kHere : record::Values::kErased;
}

Digest Sealing::clear_salt(Seq seq) const {
  std::string bytes;
  ByteWriter(bytes).u64(seq.value);
  return clear_salts_("rowledger salt v1", bytes);
}

void Sealing::seal_values(const SubjectKey& key, Seq seq, const Digest& commitment,
                          const privacy::RecordDictionary* dictionary, std::string_view values, std::string& out) {
  key.seal(nonce_of(as_view(commitment)), place_of('v', seq.value), pack(values, dictionary), out);
}

Result<std::string> Sealing::open_values(const SubjectKey& key, Seq seq, const Digest& commitment,
                                         std::string_view sealed) const {
  std::string packed;
  if (!key.unseal(nonce_of(as_view(commitment)), place_of('v', seq.value), sealed, packed))
    return fail(damaged("values"));
  return unpack(packed);
}

void Sealing::seal_image(const SubjectKey& key, const ImagePlace& place, const privacy::RecordDictionary* dictionary,
                         std::string_view image, std::string& out) {
  privacy::Nonce nonce;
  draw_nonce(nonce);
  out.append(reinterpret_cast<const char*>(nonce.data()), nonce.size());
  key.seal(nonce, bytes_of(place), pack(image, dictionary), out);
}

Result<std::string> Sealing::open_image(const SubjectKey& key, const ImagePlace& place, std::string_view sealed) const {
  std::string packed;
  if (sealed.size() < privacy::kNonceBytes ||
      !key.unseal(nonce_of(sealed), bytes_of(place), sealed.substr(privacy::kNonceBytes), packed))
    return fail(damaged("rows"));
  return unpack(packed);
}

Result<std::string> Sealing::unpack(std::string_view packed) const {
  std::string out;
  RL_TRY(privacy::decompress_record(
      packed, [this](uint32_t number) { return dictionaries_.find(number); }, kMaxOpenedBytes, out));
  return out;
}

void Sealing::seal_section(Seq first, std::string_view bytes, bool has_sealed, std::string& out) const {
  if (seal_new_ || has_sealed) return seal_shared(place_of('f', first.value), bytes, out);
  ByteWriter writer(out);
  writer.varint(0);
  writer.string(bytes);
}

Result<std::optional<Sealing::Section>> Sealing::open_section(Seq first, std::string_view& in) const {
  return open_shared(place_of('f', first.value), "frames", in);
}

std::string Sealing::authenticate(char kind, std::string_view bytes) const {
  std::string out;
  if (ring_ == nullptr) return out;
  privacy::Nonce nonce;
  draw_nonce(nonce);
  out.append(reinterpret_cast<const char*>(nonce.data()), nonce.size());
  installation_secret_.seal(nonce, kind + std::string(bytes), {}, out);
  return out;
}

bool Sealing::is_authentic(char kind, std::string_view bytes, std::string_view tag) const {
  std::string nothing;
  return ring_ != nullptr && tag.size() == privacy::kNonceBytes + privacy::kTagBytes &&
         installation_secret_.unseal(nonce_of(tag), kind + std::string(bytes), tag.substr(privacy::kNonceBytes),
                                     nothing);
}

void Sealing::seal_dictionary(uint32_t number, std::string_view bytes, std::string& out) const {
  CHECK(seal_new_);
  seal_shared(place_of('d', number), bytes, out);
}

Result<std::optional<Sealing::Section>> Sealing::open_dictionary(uint32_t number, std::string_view& in) const {
  if (in.starts_with('\0')) return fail(damaged("dictionaries"));  // there are none in clear
  return open_shared(place_of('d', number), "dictionaries", in);
}

void Sealing::seal_shared(std::string_view place, std::string_view bytes, std::string& out) const {
  CHECK(ring_ != nullptr);
  ByteWriter writer(out);
  writer.varint(installation_.value);
  writer.varint(privacy::kNonceBytes + bytes.size() + privacy::kTagBytes);
  privacy::Nonce nonce;
  draw_nonce(nonce);
  out.append(reinterpret_cast<const char*>(nonce.data()), nonce.size());
  installation_secret_.seal(nonce, place, bytes, out);
}

Result<std::optional<Sealing::Section>> Sealing::open_shared(std::string_view place, std::string_view what,
                                                             std::string_view& in) const {
  ByteReader reader(in);
  const KeyId id{reader.varint()};
  const std::string_view bytes = reader.string();
  if (!reader.ok()) return fail(damaged(what));
  in = reader.rest();
  if (id == KeyId{}) return Section{std::string(bytes), true};
  SubjectKey key;
  RL_ASSIGN(const record::Values values, find(id, key));
  if (values == record::Values::kLocked) return std::nullopt;
  // The installation's own key is never destroyed: another one was put in its place.
  if (values == record::Values::kErased) return fail(damaged(what));
  std::string out;
  if (bytes.size() < privacy::kNonceBytes ||
      !key.unseal(nonce_of(bytes), place, bytes.substr(privacy::kNonceBytes), out))
    return fail(damaged(what));
  return Section{std::move(out), false};
}

}  // namespace rowledger::store
