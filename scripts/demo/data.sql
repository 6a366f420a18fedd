-- Three organisations, their staff and 6,000 contacts, the same at every run. All persons are invented.
SELECT setseed(0.42);

INSERT INTO languages (label, label_locale, locale) VALUES
  ('English', 'English', 'en'), ('Hindi', 'हिन्दी', 'hi'), ('Marathi', 'मराठी', 'mr'), ('Kannada', 'ಕನ್ನಡ', 'kn');

INSERT INTO organizations (name, shortcode, default_language_id) VALUES
  ('Shiksha Saathi', 'shiksha', 2), ('Aarogya Mitra', 'aarogya', 2), ('Riverside Literacy', 'riverside', 1);

INSERT INTO groups (label, organization_id)
SELECT label, o.id FROM organizations o, unnest(ARRAY['Parents', 'Teachers', 'Volunteers', 'New in July']) label;
INSERT INTO tags (label, organization_id)
SELECT label, o.id FROM organizations o, unnest(ARRAY['needs call', 'helpline', 'scholarship']) label;
INSERT INTO contacts_fields (name, shortcode, organization_id)
SELECT initcap(replace(f, '_', ' ')), f, o.id FROM organizations o, unnest(ARRAY['age_group', 'district', 'school']) f;

CREATE TEMP TABLE names AS SELECT
  ARRAY['Aarav','Aditi','Amina','Anjali','Arjun','Asif','Bhavna','Chetan','Deepa','Devika','Farah','Gauri','Harish','Imran',
        'Ishaan','Jaya','Kabir','Kavita','Lakshmi','Leena','Manoj','Meena','Mohan','Nandini','Neha','Omkar','Pooja','Rahul',
        'Rekha','Rohan','Sana','Savita','Shreya','Suresh','Tara','Usha','Vikram','Yash','Zoya'] AS given,
  ARRAY['Agarwal','Bano','Chauhan','Das','Deshmukh','Fernandes','Ghosh','Gupta','Iyer','Joshi','Khan','Kulkarni','Kumar','Mehta',
        'Mishra','Nair','Patel','Pillai','Rao','Reddy','Shaikh','Sharma','Singh','Thakur','Verma','Yadav'] AS family,
  ARRAY['आरव','अदिति','अंजलि','अर्जुन','दीपा','गौरी','जया','कविता','लक्ष्मी','मीना','मोहन','नेहा','पूजा','राहुल','रेखा','सविता','सुरेश','तारा','उषा','विक्रम'] AS given_hi,
  ARRAY['अग्रवाल','चौहान','गुप्ता','जोशी','कुमार','मिश्रा','पटेल','राव','शर्मा','सिंह','ठाकुर','वर्मा','यादव'] AS family_hi,
  ARRAY['Alice','Ben','Charlotte','Daniel','Emily','George','Grace','Henry','Isla','Jack','Lily','Nora','Oliver','Sophie','Thomas'] AS given_en,
  ARRAY['Baker','Clarke','Evans','Harris','Hughes','Miller','Parker','Reed','Taylor','Turner','Walker','Wright'] AS family_en;

CREATE FUNCTION pg_temp.pick(choices text[]) RETURNS text LANGUAGE sql VOLATILE AS
  $$ SELECT choices[1 + floor(random() * cardinality(choices))::int] $$;

INSERT INTO contacts (name, phone, bsp_status, status, language_id, organization_id, optin_time, optin_status, optin_method,
                      last_message_at, last_communication_at, fields, inserted_at, updated_at)
SELECT CASE WHEN org = 3 AND script < 0.7 THEN pg_temp.pick(given_en) || ' ' || pg_temp.pick(family_en)
            WHEN script < 0.35 THEN pg_temp.pick(given_hi) || ' ' || pg_temp.pick(family_hi)
            ELSE pg_temp.pick(given) || ' ' || pg_temp.pick(family) END,
       '9198' || lpad((n * 73939133::bigint % 100000000)::text, 8, '0'),
       pg_temp.pick('{none,session,session,session_and_hsm,session_and_hsm,hsm}')::contact_provider_status_enum,
       CASE WHEN random() < 0.01 THEN 'invalid' ELSE 'valid' END::contact_status_enum,
       CASE WHEN org = 3 THEN 1 ELSE 1 + floor(random() * 4) END,
       org, born, true, pg_temp.pick('{BSP,URL,WhatsApp}'), seen, seen,
       jsonb_build_object(
         'age_group', jsonb_build_object('type', 'string', 'label', 'Age Group', 'inserted_at', born,
                                         'value', pg_temp.pick('{15 to 18,19 or above,11 to 14}')),
         'district', jsonb_build_object('type', 'string', 'label', 'District', 'inserted_at', born,
                                        'value', pg_temp.pick('{Pune,Nashik,Mysuru,Udaipur,Patna,Ranchi}'))),
       born, seen
FROM names, generate_series(1, 6000) n,
  LATERAL (SELECT 1 + n % 3 AS org, random() AS script,
                  now()::timestamp(0) - random() * interval '400 days' - interval '60 days' AS born,
                  now()::timestamp(0) - random() * interval '60 days' AS seen) facts;

-- The people of the story have names of their own.
UPDATE contacts SET name = 'Asha Kale' WHERE id = 42;
UPDATE contacts SET name = 'Sunita Devi' WHERE id = 300;
UPDATE contacts SET name = 'Geeta Solanki' WHERE id = 771;
UPDATE contacts SET name = 'रुखसाना बेगम' WHERE id = 1999;

-- Staff are contacts, too.
INSERT INTO users (name, phone, roles, contact_id, organization_id)
SELECT s.name, c.phone, s.roles::user_roles_enum[], c.id, c.organization_id
FROM (VALUES ('Priya Raman', '{manager}', 3), ('Ravi Kumar', '{staff}', 6), ('Kamala Joshi', '{admin}', 9),
             ('Farhan Ali', '{manager}', 4), ('Nisha Bora', '{staff}', 7),
             ('Grace Thomas', '{admin}', 5), ('Joseph Mathew', '{staff}', 8)) AS s (name, roles, contact_id)
JOIN contacts c ON c.id = s.contact_id;
UPDATE contacts SET name = users.name FROM users WHERE users.contact_id = contacts.id;

INSERT INTO contacts_groups (contact_id, group_id, organization_id)
SELECT c.id, g.id, c.organization_id FROM contacts c JOIN groups g USING (organization_id)
WHERE g.label <> 'New in July' AND random() < 0.3;
INSERT INTO contacts_tags (contact_id, tag_id, organization_id)
SELECT c.id, t.id, c.organization_id FROM contacts c JOIN tags t USING (organization_id) WHERE random() < 0.05;
INSERT INTO profiles (contact_id, name, type, language_id, organization_id)
SELECT id, name, 'student', language_id, organization_id FROM contacts WHERE id % 20 = 0;
INSERT INTO contact_histories (contact_id, event_type, event_label, organization_id)
SELECT id, 'contact_opted_in', 'Opted in', organization_id FROM contacts WHERE id % 4 = 0;
ANALYZE;
