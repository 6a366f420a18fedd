"""A week in the life of three organisations, told in seconds. What is said begins with the time, to which the demo
sets its clock (clock.py)."""
import hashlib
import hmac
import itertools
import random

from session import Session, literal, set_context

STAFF = {
    "priya": {"actor_id": "1", "actor_name": "Priya Raman"},
    "ravi": {"actor_id": "2", "actor_name": "Ravi Kumar"},
    "kamala": {"actor_id": "3", "actor_name": "Kamala Joshi"},
    "farhan": {"actor_id": "4", "actor_name": "Farhan Ali"},
    "grace": {"actor_id": "6", "actor_name": "Grace Thomas"},
}
ASHA, SUNITA, GEETA, RUKHSANA = 42, 300, 771, 1999
SHIKSHA, AAROGYA, RIVERSIDE = 1, 2, 3


class Week:
    def __init__(self, cluster, context_key, say):
        self.web = Session(cluster, "glific", "glific_web")
        self.jobs = Session(cluster, "glific", "glific_oban")
        self.psql = Session(cluster, "meera")
        self.context_key = context_key  # nothing: no context can be signed
        self.say = say
        self.random = random.Random(7)
        self.requests = itertools.count(1)

    def close(self):
        for session in (self.web, self.jobs, self.psql):
            session.close()

    # Who acts.

    def staff(self, who, sql, **more):
        context = {**STAFF[who], "via": "app", "request_id": f"req-{next(self.requests):04}", **more}
        self.web.transaction(sql, context)

    def flow(self, name, sql):
        self.jobs.transaction(sql, {"via": "flow", "flow": name})

    def job(self, name, sql):
        self.jobs.transaction(sql, {"via": "job", "job": name})

    def signed(self, context_text):
        """Signs for the transaction that is open on the web session."""
        xid8 = self.web.run("SELECT pg_current_xact_id()")
        mac = hmac.new(self.context_key, f"{xid8}:{context_text}".encode(), hashlib.sha256)
        return {"signed": context_text, "hmac": mac.hexdigest()}

    def messages(self, count, organizations=(SHIKSHA, AAROGYA, RIVERSIDE)):
        """Each its own transaction, as they come; each touches its contact through the trigger."""
        statements = []
        for _ in range(count):
            organization = self.random.choice(organizations)
            contact = 3 * self.random.randrange(10, 2000) + organization - 1
            flow = self.random.choice(("inbound", "inbound", "outbound"))
            body = self.random.choice(("ok", "हाँ", "Thank you", "1", "2", "When is the next class?", "कब आना है?"))
            statements.append(
                "INSERT INTO messages (body, flow, contact_id, organization_id)"
                f" SELECT {literal(body)}, '{flow}', id, organization_id FROM contacts WHERE id = {contact};")
        self.jobs.run("\n".join(statements))

    # The days.

    def run(self):
        for day in (self.monday, self.tuesday, self.wednesday, self.thursday, self.friday, self.weekend):
            day()

    def monday(self):
        self.say("Mon 09:10  messages come in, as all week: each touches its contact (housekeeping)")
        self.messages(250)
        self.say("Mon 09:42  Priya, on the phone with Asha, corrects her number")
        self.staff("priya", f"UPDATE contacts SET phone = '919845550142', updated_at = now() WHERE id = {ASHA}",
                   reason="caller asked")
        self.say("Mon 11:00  the Registration flow fills in age groups for 40 contacts")
        for contact in range(600, 720, 3):
            self.flow("Registration",
                      "UPDATE contacts SET fields = jsonb_set(fields, '{age_group,value}', '\"19 or above\"'),"
                      f" updated_at = now() WHERE id = {contact}")
        self.say("Mon 16:05  Farhan writes Rukhsana's name in Latin letters")
        self.staff("farhan", f"UPDATE contacts SET name = 'Rukhsana Begum', updated_at = now() WHERE id = {RUKHSANA}")

    def tuesday(self):
        self.say("Tue 10:30  Ravi imports a file with 1,200 contacts: one transaction")
        self.staff("ravi", f"""
            INSERT INTO contacts (name, phone, language_id, organization_id, optin_time, optin_status, optin_method)
            SELECT 'Parent ' || n, '9197' || lpad((n * 7919)::text, 8, '0'), 2, {SHIKSHA}, now(), true, 'Import'
            FROM generate_series(1, 1200) n;
            INSERT INTO contacts_groups (contact_id, group_id, organization_id)
            SELECT c.id, g.id, g.organization_id FROM contacts c JOIN groups g USING (organization_id)
            WHERE c.optin_method = 'Import' AND g.label = 'New in July' AND g.organization_id = {SHIKSHA}""",
                   via="import", file="parents-july.csv")
        self.messages(150)
        self.say("Tue 18:20  Asha writes STOP; the flow opts her out")
        self.flow("Opt out", f"""
            UPDATE contacts SET optin_status = false, optin_time = NULL, optout_time = now(), optout_method = 'WhatsApp',
                   updated_at = now() WHERE id = {ASHA};
            INSERT INTO contact_histories (contact_id, event_type, event_label, organization_id)
            VALUES ({ASHA}, 'contact_opted_out', 'Opted out', {SHIKSHA})""")

    def wednesday(self):
        self.say("Wed 08:55  Meera, an engineer, expires bsp_status for many contacts, from psql")
        self.psql.run("UPDATE contacts SET bsp_status = 'none'"
                      f" WHERE bsp_status = 'session' AND organization_id = {AAROGYA}")
        self.messages(150)
        self.say("Wed 14:15  Kamala renames the contact variable age_group to age_band: every contact's JSON changes")
        self.staff("kamala", f"""
            UPDATE contacts_fields SET shortcode = 'age_band', name = 'Age Band'
            WHERE shortcode = 'age_group' AND organization_id = {SHIKSHA};
            UPDATE contacts SET fields = fields - 'age_group' || jsonb_build_object('age_band', fields -> 'age_group')
            WHERE organization_id = {SHIKSHA} AND fields ? 'age_group'""")

    def thursday(self):
        self.say("Thu 10:10  Priya moves a phone number from Sunita to Geeta, who has the handset now")
        self.staff("priya", f"""
            WITH given AS (SELECT phone FROM contacts WHERE id = {SUNITA}),
                 freed AS (UPDATE contacts SET phone = 'moved-' || id, status = 'invalid', updated_at = now()
                           WHERE id = {SUNITA} RETURNING id)
            SELECT set_config('demo.phone', phone, true) FROM given, freed;
            UPDATE contacts SET phone = current_setting('demo.phone'), updated_at = now() WHERE id = {GEETA}""",
                   reason="same household, handset passed on")
        self.say("Thu 12:40  Farhan deletes a contact; its memberships go with it")
        self.staff("farhan", "DELETE FROM contacts WHERE id = 1000", reason="asked to be forgotten")
        self.say("Thu 17:30  Meera empties the tags of all organisations: TRUNCATE")
        self.psql.run("TRUNCATE contacts_tags")
        self.messages(150)

    def friday(self):
        self.say("Fri 02:00  the nightly job closes sessions; jobs name no person")
        self.job("close_sessions", "UPDATE contacts SET bsp_status = 'none', updated_at = now() WHERE id IN"
                 f" (SELECT id FROM contacts WHERE bsp_status = 'session' AND organization_id = {RIVERSIDE}"
                 " ORDER BY id LIMIT 60)")
        self.say("Fri 11:25  Meera opts out the wrong organisation in psql, and mends half of it")
        self.psql.run(f"UPDATE contacts SET optin_status = false WHERE organization_id = {RIVERSIDE} AND id < 300")
        self.psql.run(f"UPDATE contacts SET optin_status = true WHERE organization_id = {RIVERSIDE} AND id < 150")
        if self.context_key:
            self.signatures()
        self.messages(100)

    def signatures(self):
        self.say("Fri 15:00  Grace blocks a contact; the application signs who she is")
        context = ('{"actor_id":"6","actor_name":"Grace Thomas","via":"app","request_id":"req-signed",'
                   '"reason":"abusive messages"}')
        self.web.run("BEGIN")
        signed = self.signed(context)
        self.web.run(set_context(signed) + "UPDATE contacts SET status = 'blocked', updated_at = now() WHERE id = 500;\nCOMMIT")
        self.say("Fri 15:20  someone copies that signature into a change of their own")
        self.psql.transaction("UPDATE contacts SET status = 'blocked' WHERE id = 503", signed)

    def weekend(self):
        self.say("Sat 10:00  a quiet weekend: messages only")
        self.messages(200)

    # After the week, as long as the demo runs.

    def linger(self, beat):
        """One beat of slow traffic; returns what somebody did, if anybody did something."""
        self.messages(1)
        if beat % 4:
            return None
        return self.random.choice((self.correct_phone, self.set_language, self.block, self.fill_in, self.write_name))()

    def some_contact(self, organization):
        return 3 * self.random.randrange(30, 2000) + organization - 1

    def correct_phone(self):
        contact = self.some_contact(SHIKSHA)
        self.staff("priya", f"UPDATE contacts SET phone = '9170{self.random.randrange(10**7, 10**8)}', updated_at = now()"
                   f" WHERE id = {contact}", reason=self.random.choice(("caller asked", "new handset", "typing mistake")))
        return f"Priya corrects the phone number of contact {contact}"

    def set_language(self):
        contact = self.some_contact(SHIKSHA)
        self.staff("ravi", f"UPDATE contacts SET language_id = 1 + language_id % 4, updated_at = now() WHERE id = {contact}")
        return f"Ravi sets the language of contact {contact}"

    def block(self):
        contact = self.some_contact(RIVERSIDE)
        self.staff("grace", "UPDATE contacts SET status = CASE status WHEN 'blocked' THEN 'valid' ELSE 'blocked' END::contact_status_enum,"
                   f" updated_at = now() WHERE id = {contact}", reason="reported by a volunteer")
        return f"Grace blocks contact {contact}"

    def fill_in(self):
        contact = self.some_contact(AAROGYA)
        self.flow("Registration", f"""
            UPDATE contacts SET fields = jsonb_set(fields, '{{district,value}}', '"{self.random.choice(("Pune", "Patna", "Udaipur"))}"'),
                   updated_at = now() WHERE id = {contact}""")
        return f"the flow Registration fills in the district of contact {contact}"

    def write_name(self):
        contact = self.some_contact(AAROGYA)
        name = self.random.choice(("Asif", "Deepa", "Leena", "Nandini", "Tara")) + self.random.choice((" Bano", " Ghosh", " Nair", " Pillai"))
        self.staff("farhan", f"UPDATE contacts SET name = '{name}', updated_at = now() WHERE id = {contact}")
        return f"Farhan changes the name of contact {contact}"
