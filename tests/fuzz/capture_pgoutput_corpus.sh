#!/bin/bash
# Makes the seeds of the pgoutput fuzz target from a real server: one small file a message, its first byte
# 1 inside a stream segment and 0 outside. Usage: capture_pgoutput_corpus.sh [output directory]
# The server is a private one below /tmp, gone at the end.
set -euo pipefail
cd "$(dirname "$0")"
out=$(realpath -m "${1:-corpus/pgoutput}")
bin=${ROWLEDGER_TEST_POSTGRES_BIN:-/usr/lib/postgresql/15/bin}
dir=$(mktemp -d /tmp/rowledger-corpus-XXXXXX)
as_postgres=()
if [ "$(id -u)" = 0 ]; then
  chown postgres "$dir"
  as_postgres=(runuser -u postgres --)
fi
cd "$dir"
trap '"${as_postgres[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT

"${as_postgres[@]}" "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
# The smallest work memory, so that a small transaction is streamed while in progress.
"${as_postgres[@]}" "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w start -o "-c listen_addresses='' \
  -c unix_socket_directories='$dir' -c wal_level=logical -c fsync=off -c logical_decoding_work_mem=64kB" >/dev/null
sql() { "$bin/psql" -XAtq -h "$dir" -U postgres -v ON_ERROR_STOP=1 "$@"; }

sql <<'SQL'
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE TABLE contacts (id bigint PRIMARY KEY, name text, phone text UNIQUE NOT NULL, fields jsonb, feeling mood, note text);
CREATE TABLE whole (id int PRIMARY KEY, a text, b bytea); ALTER TABLE whole REPLICA IDENTITY FULL;
CREATE TABLE bulk (id int PRIMARY KEY, v text);
ALTER TABLE contacts ALTER note SET STORAGE EXTERNAL;
CREATE PUBLICATION p FOR ALL TABLES;
SELECT pg_create_logical_replication_slot('s', 'pgoutput') \g /dev/null
INSERT INTO contacts VALUES (1, 'Asha', '+919812345678', '{"lang": "hi"}', 'calm', repeat('n', 3000)), (2, NULL, '2', NULL, NULL, NULL);
UPDATE contacts SET name = 'Asha Rao' WHERE id = 1;
UPDATE contacts SET id = 3 WHERE id = 1;
DELETE FROM contacts WHERE id = 2;
INSERT INTO whole VALUES (1, 'x', '\xdeadbeef'), (2, '', NULL);
UPDATE whole SET a = 'y'; DELETE FROM whole WHERE id = 1;
ALTER TABLE contacts ALTER phone TYPE varchar(40), REPLICA IDENTITY USING INDEX contacts_phone_key;
UPDATE contacts SET phone = '77';
TRUNCATE contacts, whole RESTART IDENTITY CASCADE;
SELECT pg_logical_emit_message(true, 'rowledger', '{"actor_id":"42"}'), pg_logical_emit_message(false, 'other', '') \g /dev/null
SELECT pg_replication_origin_create('far') \g /dev/null
SELECT pg_replication_origin_session_setup('far') \g /dev/null
BEGIN; SELECT pg_replication_origin_xact_setup('0/42', now()) \g /dev/null
INSERT INTO bulk VALUES (0, 'from far'); COMMIT;
SELECT pg_replication_origin_session_reset() \g /dev/null
BEGIN;
INSERT INTO bulk SELECT i, 'v' || i FROM generate_series(1, 600) i;
SELECT pg_logical_emit_message(true, 'rowledger', 'in a stream') \g /dev/null
UPDATE bulk SET id = -id WHERE id < 10; UPDATE whole SET a = 'streamed'; INSERT INTO whole VALUES (9, 'w', NULL);
UPDATE whole SET a = 'z'; DELETE FROM whole; TRUNCATE whole;
INSERT INTO contacts VALUES (10, 'Meera', '10', '{}', 'cross', repeat('m', 3000));
UPDATE contacts SET name = 'Mira'; 
SAVEPOINT a; INSERT INTO bulk SELECT i, 'gone' FROM generate_series(1001, 2000) i; ROLLBACK TO a;
INSERT INTO bulk SELECT i, 'v' || i FROM generate_series(2001, 2600) i;
COMMIT;
SQL

mkdir -p "$out"
peek() { # options of the plugin
  sql -c "SELECT encode(data, 'hex') FROM pg_logical_slot_peek_binary_changes('s', NULL, NULL, 'publication_names', 'p', 'messages', 'true', $1)"
}
{ peek "'proto_version', '2', 'streaming', 'true'"; peek "'proto_version', '1', 'binary', 'true'"; } |
  python3 -c '
import hashlib, sys
out, in_stream, kept = sys.argv[1], 0, {}
for line in sys.stdin:
    message = bytes.fromhex(line)
    kind = chr(message[0])
    if kind == "E" or kind == "S": in_stream = int(kind == "E")
    # Of rows a few of each kind are enough, the rest only differ in their values.
    few = (kind, in_stream, len(message) // 64)
    kept[few] = kept.get(few, 0) + 1
    if kept[few] <= 3 and len(message) < 4096:
        seed = bytes([in_stream]) + message
        name = "%02x-%s-%s" % (message[0], "in" if in_stream else "out", hashlib.sha256(seed).hexdigest()[:8])
        open(out + "/" + name, "wb").write(seed)
    if kind == "S": in_stream = 1
    if kind == "E": in_stream = 0
' "$out"
find "$out" -type f | wc -l
