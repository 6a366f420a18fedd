#include "base/write_all.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <thread>

namespace rowledger {
namespace {

TEST(WriteAll, MoreThanAPipeHolds) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::string sent(1 << 20, 'a'), got;
  sent.back() = 'z';
  std::thread reader([&] {
    char bytes[4'096];
    for (ssize_t size; (size = ::read(ends[0], bytes, sizeof(bytes))) > 0;)
      got.append(bytes, static_cast<size_t>(size));
  });
  EXPECT_TRUE(write_all(ends[1], sent));
  ::close(ends[1]);
  reader.join();
  ::close(ends[0]);
  EXPECT_EQ(got, sent);
}

TEST(WriteAll, SaysWhyNot) {
  EXPECT_FALSE(write_all(-1, "x"));
  EXPECT_EQ(errno, EBADF);
  EXPECT_TRUE(write_all(-1, ""));
}

}  // namespace
}  // namespace rowledger
