-- Two tables under load, and the oracle: every committed change as the database itself saw it.
CREATE TABLE contacts (
  id bigint PRIMARY KEY,
  name text,
  score numeric,
  active boolean NOT NULL DEFAULT true,
  seen timestamptz,
  body text,
  fields jsonb NOT NULL DEFAULT '{}'
);
ALTER TABLE contacts ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE TABLE tags (id bigint PRIMARY KEY, label text);

CREATE TABLE oracle (
  n bigserial PRIMARY KEY,
  xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  op text NOT NULL,
  relation text NOT NULL,
  before jsonb,
  after jsonb
);

CREATE FUNCTION plain(c contacts) RETURNS jsonb LANGUAGE sql
  SET timezone = 'UTC' AS $$
  SELECT jsonb_build_object('id', c.id::text, 'name', c.name, 'score', c.score::text, 'active', c.active,
    'seen', c.seen::text, 'body', c.body, 'fields', c.fields::text)
$$;
CREATE FUNCTION plain(t tags) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('id', t.id::text, 'label', t.label)
$$;

CREATE FUNCTION note_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO oracle (op, relation, before, after) VALUES (lower(TG_OP), TG_TABLE_NAME,
    CASE WHEN TG_OP <> 'INSERT' THEN plain(OLD) END, CASE WHEN TG_OP <> 'DELETE' THEN plain(NEW) END);
  RETURN NULL;
END $$;
CREATE TRIGGER oracle AFTER INSERT OR UPDATE OR DELETE ON contacts FOR EACH ROW EXECUTE FUNCTION note_row();
CREATE TRIGGER oracle AFTER INSERT OR UPDATE OR DELETE ON tags FOR EACH ROW EXECUTE FUNCTION note_row();

CREATE FUNCTION note_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO oracle (op, relation) VALUES ('truncate', 'tags');
  INSERT INTO oracle (op, relation, before)
    SELECT 'delete', 'tags', plain(t) FROM tags t ORDER BY t.id::text COLLATE "C";
  RETURN NULL;
END $$;
CREATE TRIGGER oracle_truncate BEFORE TRUNCATE ON tags FOR EACH STATEMENT EXECUTE FUNCTION note_truncate();

INSERT INTO contacts (id, name, score, seen, body)
  SELECT n, 'start ' || n, n * 1.10, '2026-01-01 00:00:00+05:30', repeat('b', n % 4 * 1500) FROM generate_series(1, 300) n;
INSERT INTO tags SELECT n, 'start ' || n FROM generate_series(1, 50) n;
