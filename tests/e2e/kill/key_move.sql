\set id random(1, 400)
UPDATE contacts SET id = :id + 1000000 WHERE id = :id AND NOT EXISTS (SELECT FROM contacts WHERE id = :id + 1000000);
DELETE FROM contacts WHERE id = :id + 1000000;
