\set id random(1, 400)
\set v random(1, 1000000)
INSERT INTO contacts (id, name, score) VALUES (:id, 'n' || :v, :v / 100.0) ON CONFLICT (id) DO UPDATE SET name = excluded.name, active = NOT contacts.active;
UPDATE contacts SET fields = fields || jsonb_build_object('k' || :v % 5, jsonb_build_object('value', :v)) WHERE id = :id;
