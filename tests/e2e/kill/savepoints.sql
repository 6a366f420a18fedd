\set id random(1, 400)
\set v random(1, 1000000)
BEGIN;
UPDATE contacts SET body = repeat('s', 3000 + :v % 100) WHERE id = :id;
SAVEPOINT a;
UPDATE contacts SET name = 'undone' WHERE id = :id;
ROLLBACK TO a;
UPDATE contacts SET name = 'kept ' || :v WHERE id = :id;
COMMIT;
