\set id random(1, 400)
BEGIN;
UPDATE contacts SET name = 'never' WHERE id = :id;
INSERT INTO tags SELECT n, 'never' FROM generate_series(100001, 100400) n ON CONFLICT DO NOTHING;
ROLLBACK;
