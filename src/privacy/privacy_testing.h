#pragma once
// What the tests of this room share.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "privacy/secret.h"

namespace rowledger::privacy {

struct TempDir {
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "rowledger-privacy-XXXXXX").string();
    CHECK(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  std::filesystem::path operator/(std::string_view name) const { return path / name; }
  std::filesystem::path path;
};

inline std::string read_all(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_all(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

// The text of a Result's error, or "" when it is none: so that a failed EXPECT_EQ shows it.
template <class R>
std::string error_of(const R& result) {
  return result ? "" : result.error().message;
}

inline MasterKey master_of(char fill) { return MasterKey(std::string(kKeyBytes, fill)); }

}  // namespace rowledger::privacy
