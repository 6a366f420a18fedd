\set id random(1, 400)
\set v random(1, 1000000)
UPDATE contacts SET score = :v / 1000.0, seen = now() WHERE id = :id;
