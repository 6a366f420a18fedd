// move_position STORE LSN: makes capture's stored position another one, without the keys.
#include <cstdio>

#include "store/database.h"
#include "store/store_keys.h"

int main(int argc, char** argv) {
  using namespace rowledger::store;
  const auto lsn = argc == 3 ? rowledger::Lsn::parse(argv[2]) : std::nullopt;
  if (!lsn) return 2;
  StoreOptions options;
  options.directory = argv[1];
  const auto database = Database::open(options);
  if (!database) return std::fprintf(stderr, "%s\n", database.error().message.c_str()), 1;
  rocksdb::PinnableSlice stored;
  if (!(*database)->get(Family::kMeta, meta_key(kCursor), stored).value_or(false)) return 1;
  Cursor cursor = decode_cursor(view(stored)).value();
  cursor.end_lsn = *lsn;
  rocksdb::DB& db = (*database)->db();
  const auto put = db.Put({}, (*database)->family(Family::kMeta), meta_key(kCursor), encode_cursor(cursor));
  return put.ok() ? 0 : 1;
}
