-- A contacts table like the first users' one.
CREATE TYPE contact_status_enum AS ENUM ('valid', 'invalid', 'processing', 'blocked', 'failed');
CREATE TABLE contacts (
  id bigint PRIMARY KEY,
  organization_id bigint NOT NULL,
  name varchar(255),
  phone varchar(255) NOT NULL,
  status contact_status_enum NOT NULL DEFAULT 'valid',
  optin_status boolean NOT NULL DEFAULT false,
  optin_time timestamp(0),
  fields jsonb NOT NULL DEFAULT '{}',
  last_message_number int NOT NULL DEFAULT 0,
  last_message_at timestamp(0),
  updated_by bigint,
  updated_at timestamp(0) NOT NULL DEFAULT '2026-01-01 00:00:00',
  UNIQUE (phone, organization_id)
);
INSERT INTO contacts (id, organization_id, name, phone, fields) VALUES
  (1, 1, 'Asha', '919812345678', '{"age_group": {"type": "string", "value": "18 or below"}, "score": 1.10}'),
  (2, 1, 'Ravi', '919898765432', '{}'),
  (3, 2, 'Meena', '918888877777', '{}');
GRANT ALL ON ALL TABLES IN SCHEMA public TO glific, analyst;
