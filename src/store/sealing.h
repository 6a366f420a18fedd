#pragma once
// How values are sealed on their way into the database, and opened on their way out (docs/format/store.md,
// docs/format/keys.md). Entries and rows say themselves under which key they are, none meaning in clear: both can
// stand in one log. Const use from any thread.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/ids.h"
#include "base/result.h"
#include "privacy/key_ring.h"
#include "record/entry.h"
#include "store/dictionaries.h"

namespace rowledger::store {

using privacy::KeyId;
using privacy::SubjectKey;

// What sealing adds to values at most.
inline constexpr size_t kSealOverheadBytes = 64;

class Sealing {
 public:
  // ring: null when there are no keys: nothing is sealed, and nothing that is can be opened. seal_new: whether what is
  // written from now on is sealed. salt_key: makes the salts of entries in clear.
  Sealing(privacy::KeyRing* ring, bool seal_new, std::string_view salt_key)
      : ring_(ring), seal_new_(ring != nullptr && seal_new), clear_salts_(salt_key) {}

  // Finds the installation's own key, which frames are sealed with. First thing after construction.
  Status prepare();

  bool seals() const { return seal_new_; }
  privacy::KeyRing* ring() const { return ring_; }
  KeyId installation_key() const { return installation_; }
  Dictionaries& dictionaries() { return dictionaries_; }
  const Dictionaries& dictionaries() const { return dictionaries_; }

  // What is known of a key. kHere: `out` is filled. A key that there never was is kCorrupt.
  Result<record::Values> find(KeyId id, SubjectKey& out) const;

  Digest clear_salt(Seq seq) const;

  // An entry's values under their subject's key. The nonce is the commitment's beginning: that depends on a salt which
  // is another for each entry, so that no nonce serves two plaintexts, and needs no room. dictionary: may be null.
  static void seal_values(const SubjectKey& key, Seq seq, const Digest& commitment,
                          const privacy::RecordDictionary* dictionary, std::string_view values, std::string& out);
  Result<std::string> open_values(const SubjectKey& key, Seq seq, const Digest& commitment,
                                  std::string_view sealed) const;

  // Which image: the row's key in the database and what else its record says, so that an image can be put neither
  // elsewhere nor behind the row's back.
  struct ImagePlace {
    std::string_view stored_key;
    Seq newest;
    SchemaId schema;
  };
  static void seal_image(const SubjectKey& key, const ImagePlace& place, const privacy::RecordDictionary* dictionary,
                         std::string_view image, std::string& out);
  Result<std::string> open_image(const SubjectKey& key, const ImagePlace& place, std::string_view sealed) const;

  // The frames of a bundle, under the installation's key, or in clear where none of its entries is sealed and none is
  // to be. open_section takes them off the front of `in`; nothing when the key cannot be had.
  struct Section {
    std::string bytes;
    bool in_clear = false;
  };
  void seal_section(Seq first, std::string_view bytes, bool has_sealed, std::string& out) const;
  Result<std::optional<Section>> open_section(Seq first, std::string_view& in) const;
  // That bytes which stand in clear were written by somebody who has the installation's key: nothing without one.
  std::string authenticate(char kind, std::string_view bytes) const;
  bool is_authentic(char kind, std::string_view bytes, std::string_view tag) const;
  // A dictionary, in the same way as a section.
  void seal_dictionary(uint32_t number, std::string_view bytes, std::string& out) const;
  Result<std::optional<Section>> open_dictionary(uint32_t number, std::string_view& in) const;

 private:
  void seal_shared(std::string_view place, std::string_view bytes, std::string& out) const;
  Result<std::optional<Section>> open_shared(std::string_view place, std::string_view what, std::string_view& in) const;
  Result<std::string> unpack(std::string_view packed) const;

  privacy::KeyRing* const ring_;
  const bool seal_new_;
  const HmacSha256 clear_salts_;
  KeyId installation_;
  SubjectKey installation_secret_;
  Dictionaries dictionaries_;
};

}  // namespace rowledger::store
