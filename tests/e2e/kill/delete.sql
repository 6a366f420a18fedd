\set id random(1, 400)
DELETE FROM contacts WHERE id = :id;
