"""Users, sessions, links, tokens: who may do what over TCP, and what the log says about it."""

import base64
import http.server
import json
import os
import re
import stat
import subprocess
import threading
import time

import pytest

from harness import DONE, FOUND_WRONG, WRONG_USAGE, Rowledger, tail, wait_until
from web import Web, link_secret, slowed_down

from conftest import CONTACTS

PASSWORD = "correct horse battery"
ROLES = ("viewer", "editor", "auditor", "privacy", "operator", "admin")


@pytest.fixture(scope="module")
def served(cluster):
    """One daemon for the module; each test has users of its own."""
    database = cluster.create_database()
    cluster.sql(database, CONTACTS)
    rowledger = Rowledger(cluster, database)
    rowledger.init(["contacts tenant=organization_id"], '[http]\ntrusted_proxies = ["127.0.0.1"]\n')
    rowledger.attach()
    rowledger.serve()
    rowledger.first_output = wait_until(
        lambda: "sign-in?link=" in (text := tail(rowledger.log_path)) and text, 20, "the first link is printed")
    yield rowledger
    rowledger.stop()
    cluster.drop_slots()


@pytest.fixture
def web(served):
    """Makes clients, each with an address of its own; with a role, a signed-in user of that role."""
    url = served.status()["http"]["url"]

    def make(role=None, tenant=None, token=None):
        client = Web(url, token=token, address=".".join(str(byte) for byte in b"\x0a" + os.urandom(3)))
        if role:
            client.name = f"{role}{os.urandom(4).hex()}"
            add_user(served, client.name, role, tenant, PASSWORD)
            assert client.sign_in(client.name, PASSWORD).status == 200
        return client

    return make


def add_user(rowledger, name, role, tenant=None, password=None):
    arguments = ["user", "add", name, "--role", role] + (["--tenant", tenant] if tenant else [])
    if not password:
        return rowledger.must(*arguments)
    done = rowledger.run(*arguments, "--password-stdin", stdin=password + "\n")
    assert done.returncode == DONE, done.stderr
    return done.stdout


def make_token(rowledger, role, tenant=None, *more):
    arguments = ["token", "create", "--name", "test", "--role", role] + (["--tenant", tenant] if tenant else [])
    return rowledger.must(*arguments, *more).splitlines()[-1]


def events(rowledger, event):
    found = [entry["detail"] for entry in rowledger.log("kind:control") if entry.get("detail", {}).get("event") == event]
    return found


def test_the_first_start_invites_the_administrator_once(served, web):
    secret = link_secret(served.first_output)
    client = web()
    assert client.sign_in(link=secret).status == 200
    me = client.get("/v1/me").json()
    assert (me["id"], me["role"], me["tenant"], me["kind"]) == ("user:admin", "admin", None, "user")
    assert web().sign_in(link=secret).status == 401  # once
    # Nothing but the hash is kept, and only for the owner to read.
    file = served.dir / "people.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret not in file.read_text() and client.cookie not in file.read_text()


def test_nothing_is_told_to_nobody(web):
    nobody = web()
    for target in ("/v1/entries", "/v1/status", "/v1/integrity", "/v1/users", "/v1/me", "/v1/rows/public.contacts/1", "/tlog/checkpoint"):
        answer = nobody.get(target)
        assert (answer.status, answer.headers["Content-Type"]) == (401, "application/problem+json"), target
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        for token in ("rl_", "rl_" + "A" * 43, "x.y.z", "rl_" + "A" * 9000):
            assert nobody.get(target, headers={"Authorization": f"Bearer {token}"}).status in (401, 431)
        assert nobody.get(target, headers={"Cookie": "rowledger_session=" + "A" * 43}).status == 401


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_what_the_table_says(web, role):
    client = web(role)
    allowed = {
        "/v1/entries": role != "operator",
        "/v1/rows/public.contacts/1": role != "operator",
        "/v1/status": True,
        "/v1/integrity": True,
        "/v1/sync?timeout_s=0": role == "operator",
        "/v1/users": role == "admin",
        "/v1/tokens": role == "admin",
        "/v1/evidence?entry=0": role == "auditor",
    }
    seen = {target: client.get(target).status != 403 for target in allowed}
    assert seen == allowed
    rights = set(client.get("/v1/me").json()["rights"])
    assert ("read_entries" in rights) == (role != "operator") and "see_plain" not in rights


def test_a_session_begins_and_ends(web):
    client = web("viewer")
    assert client.get("/v1/me").json()["csrf"] == client.csrf
    answer = Web.sign_in(client, client.name, PASSWORD)
    attributes = {part.strip().split("=")[0] for part in answer.headers["Set-Cookie"].split(";")[1:]}
    assert attributes == {"Path", "Max-Age", "HttpOnly", "SameSite"} and "SameSite=Strict" in answer.headers["Set-Cookie"]
    out = client.delete("/v1/session")
    assert out.status == 204 and "Max-Age=0" in out.headers["Set-Cookie"]
    assert client.get("/v1/me").status == 401


def test_a_change_by_cookie_needs_its_proof(web):
    client = web("admin")
    body = {"name": f"n{os.urandom(4).hex()}", "role": "viewer"}
    for csrf in (None, "", "x", client.csrf[:-1], client.csrf + "x"):
        answer = client.post("/v1/users", body, headers={"X-CSRF-Token": csrf})
        assert (answer.status, answer.problem) == (403, "csrf")
    other = web("admin")
    assert client.post("/v1/users", body, headers={"X-CSRF-Token": other.csrf}).status == 403
    # What a form of another site could send.
    answer = client.request("POST", "/v1/users", headers={"Content-Type": "text/plain"})
    assert answer.status == 400
    assert client.post("/v1/users", body).status == 201


def test_a_link_lets_in_who_was_invited_and_lets_set_a_password(served, web):
    name = f"asha{os.urandom(4).hex()}"
    secret = link_secret(add_user(served, name, "viewer"))
    client = web()
    assert client.sign_in(link=secret).status == 200
    for weak in ("short", "aaaaaaaaaaaaaaaa", name + name):
        assert client.patch(f"/v1/users/{name}", {"password": weak}).status == 400
    assert client.patch(f"/v1/users/{name}", {"password": PASSWORD}).status == 204
    assert web().sign_in(name, PASSWORD).status == 200
    # From now on the old one is asked for.
    assert client.patch(f"/v1/users/{name}", {"password": PASSWORD + "2"}).status == 403
    assert client.patch(f"/v1/users/{name}", {"password": PASSWORD + "2", "current_password": PASSWORD}).status == 204
    assert web().sign_in(name, PASSWORD).status == 401
    assert client.get("/v1/me").status == 200
    # A newer link makes an older one void.
    first, second = (link_secret(served.must("user", "link", name)) for _ in range(2))
    assert web().sign_in(link=first).status == 401
    assert web().sign_in(link=second).status == 200


def test_nobody_learns_which_names_there_are(web):
    known = web("viewer")
    answers = [web().sign_in(name, "wrong password, twice") for name in (known.name, "nobody-of-that-name")]
    assert {answer.status for answer in answers} == {401}
    assert answers[0].body == answers[1].body


def test_access_ends_at_once(served, web):
    client = web("viewer")
    assert client.get("/v1/entries").status == 200
    served.must("user", "disable", client.name)
    assert client.get("/v1/entries").status == 401
    assert web().sign_in(client.name, PASSWORD).status == 401
    served.must("user", "enable", client.name)
    assert web().sign_in(client.name, PASSWORD).status == 200
    served.must("user", "remove", client.name)
    assert web().sign_in(client.name, PASSWORD).status == 401
    token = make_token(served, "viewer")
    program = web(token=token)
    me = program.get("/v1/me").json()
    assert (me["kind"], me["role"], me["name"]) == ("token", "viewer", "test")
    served.must("token", "revoke", me["id"].removeprefix("token:"))
    assert program.get("/v1/me").status == 401


def test_a_live_stream_ends_with_the_access(served, web):
    user, other = web("viewer"), web("viewer")
    program = web(token=make_token(served, "viewer"))
    number = program.get("/v1/me").json()["id"].removeprefix("token:")

    def stream(client):
        connection = client.connect(timeout_s=10)
        credentials = {"Authorization": f"Bearer {client.token}"} if client.token else {"Cookie": f"rowledger_session={client.cookie}"}
        connection.request("GET", "/v1/entries/stream?q=kind:update", headers=credentials)
        return connection.getresponse()

    def goes_on(response):
        served.cluster.sql(served.database, "UPDATE contacts SET note = clock_timestamp()::text WHERE id = 1")
        served.sync()
        newest = served.log("kind:update", order="desc", limit=1)[0]["seq"]
        while line := response.readline():
            if line == f"id: {newest}\n".encode():
                return True
        return False

    streams = [stream(client) for client in (user, program, other)]
    assert [goes_on(each) for each in streams] == [True] * 3
    served.must("user", "disable", user.name)
    served.must("token", "revoke", number)
    assert [goes_on(each) for each in streams] == [False, False, True]


def test_tokens_are_scoped_and_kept_as_hashes(served, web):
    token = make_token(served, "auditor", "7", "--expires", "30d")
    assert re.fullmatch(r"rl_[\w-]{43}", token)
    me = web(token=token).get("/v1/me").json()
    assert (me["role"], me["tenant"]) == ("auditor", "7")
    assert token.removeprefix("rl_") not in (served.dir / "people.json").read_text()
    assert token not in json.dumps(served.log("kind:control")) and token not in tail(served.log_path, 10_000)
    listed = [json.loads(line) for line in served.must("token", "list", "--json").splitlines()]
    assert token not in json.dumps(listed)
    assert next(each for each in listed if f"token:{each['id']}" == me["id"])["expires_at"]


def test_an_administrator_of_a_tenant_manages_only_it(served, web):
    admin, elsewhere, everywhere = web("admin", "1"), web("viewer", "2"), web("viewer")
    names = {user["name"] for user in admin.get("/v1/users").json()["users"]}
    assert admin.name in names and not {elsewhere.name, everywhere.name, "admin"} & names
    for name in (elsewhere.name, everywhere.name, "admin", "no-such-user"):
        assert admin.get(f"/v1/users/{name}").status == 404
        assert admin.patch(f"/v1/users/{name}", {"disabled": True}).status == 404
        assert admin.patch(f"/v1/users/{name}", {"password": PASSWORD}).status == 404
        assert admin.delete(f"/v1/users/{name}").status == 404
        assert admin.post(f"/v1/users/{name}/link", {}).status == 404
    fresh = f"new{os.urandom(4).hex()}"
    assert admin.post("/v1/users", {"name": fresh, "role": "viewer", "tenant": "2"}).status == 403
    assert admin.post("/v1/tokens", {"name": "t", "role": "viewer", "tenant": "2"}).status == 403
    assert admin.post("/v1/users", {"name": fresh, "role": "operator"}).status in (400, 403)
    assert admin.post("/v1/users", {"name": fresh, "role": "owner"}).status == 400
    made = admin.post("/v1/users", {"name": fresh, "role": "auditor"})
    assert (made.status, made.json()["user"]["tenant"]) == (201, "1")
    assert admin.patch(f"/v1/users/{admin.name}", {"role": "auditor"}).status == 403
    # Tokens alike.
    other = make_token(served, "viewer", "2")
    number = web(token=other).get("/v1/me").json()["id"].removeprefix("token:")
    assert number not in {str(token["id"]) for token in admin.get("/v1/tokens").json()["tokens"]}
    assert admin.delete(f"/v1/tokens/{number}").status == 404
    assert web(token=other).get("/v1/me").status == 200
    # A program with a token may no more than its role.
    assert web(token=make_token(served, "auditor", "1")).post("/v1/users", {"name": "x", "role": "viewer"}).status == 403


def test_changes_meanwhile_are_noticed(web):
    admin = web("admin")
    name = f"m{os.urandom(4).hex()}"
    made = admin.post("/v1/users", {"name": name, "role": "viewer"})
    etag = made.headers["ETag"]
    assert admin.get(f"/v1/users/{name}").headers["ETag"] == etag
    changed = admin.patch(f"/v1/users/{name}", {"role": "editor"}, headers={"If-Match": etag})
    assert (changed.status, changed.json()["role"]) == (200, "editor")
    stale = admin.patch(f"/v1/users/{name}", {"role": "viewer"}, headers={"If-Match": etag})
    assert (stale.status, stale.problem) == (412, "changed-meanwhile")
    assert admin.delete(f"/v1/users/{name}", headers={"If-Match": etag}).status == 412
    assert admin.delete(f"/v1/users/{name}", headers={"If-Match": changed.headers["ETag"]}).status == 204


def test_a_repeated_request_is_done_once(web):
    admin = web("admin")
    body = {"name": "nightly", "role": "auditor", "tenant": "5"}
    first, again = (admin.post("/v1/tokens", body, headers={"Idempotency-Key": "k1"}) for _ in range(2))
    assert (first.status, first.body) == (201, again.body)
    assert len([token for token in admin.get("/v1/tokens").json()["tokens"] if token["name"] == "nightly"]) == 1
    assert admin.post("/v1/tokens", {**body, "tenant": "6"}, headers={"Idempotency-Key": "k1"}).status == 422


def test_what_concerns_access_is_in_the_log(served, web):
    admin = web("admin")
    name = f"e{os.urandom(4).hex()}"
    assert admin.post("/v1/users", {"name": name, "role": "viewer", "tenant": "3", "password": PASSWORD}).status == 201
    assert admin.patch(f"/v1/users/{name}", {"role": "editor"}).status == 200
    wrong = web()
    assert wrong.sign_in(name, "not the password").status == 401
    web().sign_in("my-password-typed-as-a-name", "x")
    assert web().sign_in(name, PASSWORD).status == 200
    token = admin.post("/v1/tokens", {"name": "export", "role": "auditor", "tenant": "3"}).json()
    assert admin.delete(f"/v1/tokens/{token['id']}").status == 204
    by = {"kind": "user", "id": f"user:{admin.name}", "name": admin.name, "role": "admin"}
    assert {"event": "user-added", "by": by, "user": name, "role": "viewer", "tenant": "3"} in events(served, "user-added")
    assert {"event": "user-changed", "by": by, "user": name, "role": "editor", "role_before": "viewer"} in events(
        served, "user-changed")
    assert {"event": "sign-in-failed", "address": wrong.address, "user": name} in events(served, "sign-in-failed")
    assert [each["by"]["id"] for each in events(served, "sign-in")].count(f"user:{name}") == 1
    assert any(each["by"] == by and each["name"] == "export" for each in events(served, "token-created"))
    assert any(each["by"] == by and each["name"] == "export" for each in events(served, "token-revoked"))
    everything = json.dumps(served.log("kind:control")) + tail(served.log_path, 10_000)
    for secret in (PASSWORD, "not the password", "my-password-typed-as-a-name", token["token"], admin.cookie, admin.csrf):
        assert secret not in everything


def test_bodies_that_are_not_understood_change_nothing(web):
    admin = web("admin")
    before = admin.get("/v1/users").body
    for body in ([], "x", {"name": 7, "role": "viewer"}, {"name": "a"}, {"role": "viewer"}, {"name": "", "role": "viewer"},
                 {"name": "Ä", "role": "viewer"}, {"name": "a b", "role": "viewer"}, {"name": "a" * 65, "role": "viewer"},
                 {"name": "ok", "role": "king"}, {"name": "ok", "role": "viewer", "tenant": ""},
                 {"name": "ok", "role": "viewer", "tenant": "\u0000"}, {"name": "ok", "role": "viewer", "surprise": 1}):
        assert admin.post("/v1/users", body).status == 400, body
    for data in (b"", b"{", b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b'{"name":"ok","role":"viewer"}x'):
        assert admin.request("POST", "/v1/users", headers={"Content-Type": "application/json"}, data=data).status == 400
    assert admin.get("/v1/users").body == before


def test_people_outlast_a_restart_and_changes_without_a_daemon_are_recorded_later(make_rowledger):
    rowledger = make_rowledger()
    add_user(rowledger, "ravi", "viewer", password=PASSWORD)
    client = Web(rowledger.status()["http"]["url"])
    assert client.sign_in("ravi", PASSWORD).status == 200
    rowledger.stop()
    add_user(rowledger, "mira", "auditor", "4")
    rowledger.must("user", "disable", "admin")
    rowledger.serve()
    again = Web(rowledger.status()["http"]["url"])
    again.cookie = client.cookie
    assert again.get("/v1/me").json()["id"] == "user:ravi"
    added = {each["user"]: each["by"]["kind"] for each in events(rowledger, "user-added")}
    assert added == {"admin": "offline", "ravi": "socket", "mira": "offline"}
    assert "user list" not in rowledger.must("user", "list")
    lines = [line.split("\t") for line in rowledger.must("user", "list").splitlines()]
    assert [(line[0], line[1], line[2]) for line in lines] == [
        ("admin", "admin", "all tenants"), ("mira", "auditor", "tenant 4"), ("ravi", "viewer", "all tenants")]


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """An identity provider on this machine: its configuration, its keys, and what they sign."""

    def __init__(self, directory):
        self.directory, self.keys, self.fetched = directory, {}, []
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.fetched.append(self.path)
                pages = {"/.well-known/openid-configuration": {"issuer": issuer.url, "jwks_uri": issuer.url + "/keys"},
                         "/keys": {"keys": [issuer.jwk(kid) for kid in issuer.keys]}}
                self.send_response(200 if self.path in pages else 404)
                self.end_headers()
                self.wfile.write(json.dumps(pages.get(self.path)).encode())

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def make_key(self, kid):
        self.keys[kid] = self.directory / f"{kid}.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.keys[kid]],
                       check=True, capture_output=True)

    def jwk(self, kid):
        out = subprocess.run(["openssl", "rsa", "-in", self.keys[kid], "-noout", "-modulus"], check=True, capture_output=True)
        modulus = bytes.fromhex(out.stdout.decode().strip().removeprefix("Modulus="))
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": base64url(modulus), "e": "AQAB"}

    def token(self, kid, header=None, **claims):
        now = int(time.time())
        claims = {"iss": self.url, "aud": "rowledger", "sub": "42", "iat": now, "exp": now + 60, "name": "Priya",
                  "rowledger_role": "auditor", "rowledger_tenant": "7"} | claims
        part = ".".join(base64url(json.dumps(each).encode()) for each in (header or {"alg": "RS256", "kid": kid}, claims))
        signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.keys[kid]], input=part.encode(), check=True,
                                capture_output=True).stdout
        return f"{part}.{base64url(signed)}"


def test_an_identity_providers_tokens(make_rowledger, tmp_path):
    issuer = Issuer(tmp_path)
    issuer.make_key("first")
    rowledger = make_rowledger(config=f'[oidc]\nissuer = "{issuer.url}"\naudience = "rowledger"\n')
    url = rowledger.status()["http"]["url"]

    def me(token):
        return Web(url, token=token).get("/v1/me")

    found = me(issuer.token("first"))
    assert found.status == 200, found.body
    assert {key: found.json()[key] for key in ("id", "kind", "role", "tenant", "name")} == {
        "id": f"jwt:{issuer.url}#42", "kind": "jwt", "role": "auditor", "tenant": "7", "name": "Priya"}
    assert me(issuer.token("first", rowledger_tenant="*")).json()["tenant"] is None
    now = int(time.time())
    for claims in ({"iss": issuer.url + "/"}, {"aud": "other"}, {"exp": now - 61}, {"nbf": now + 120}, {"rowledger_role": "owner"},
                   {"rowledger_role": None}, {"rowledger_tenant": None}, {"sub": ""}):
        answer = me(issuer.token("first", **claims))
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"'), claims
    good = issuer.token("first")
    head, body, signature = good.split(".")
    for header in ({"alg": "none"}, {"alg": "HS256", "kid": "first"}):
        assert me(f"{base64url(json.dumps(header).encode())}.{body}.").status == 401
        assert me(issuer.token("first", header=header)).status == 401
    assert me(f"{head}.{body}.{signature[:-8]}AAAAAAAA").status == 401
    assert issuer.fetched == ["/.well-known/openid-configuration", "/keys"]
    # A new key is found when a token names it.
    issuer.make_key("second")
    fresh = issuer.token("second", exp=now + 600)
    wait_until(lambda: me(fresh).status == 200, 10, "the new key is fetched")
    # It goes on for a while without its issuer.
    issuer.server.shutdown()
    issuer.server.server_close()
    assert me(fresh).status == 200
    assert good not in tail(rowledger.log_path, 10_000) and fresh not in json.dumps(rowledger.log("kind:control"))
    rowledger.stop()


def test_the_command_line_says_what_is_wrong(served):
    done = served.run("user", "add", "x", "--role", "king")
    assert done.returncode == WRONG_USAGE and "viewer, editor" in done.stderr
    done = served.run("user", "add", "admin", "--role", "admin")
    assert done.returncode == FOUND_WRONG and "taken" in done.stderr
    done = served.run("user", "add", "weak", "--role", "viewer", "--password-stdin", stdin="short\n")
    assert done.returncode == WRONG_USAGE and "12" in done.stderr and "short\n" not in done.stderr
    assert served.run("user", "disable", "nobody-here").returncode == FOUND_WRONG
    assert served.run("token", "create", "--name", "t", "--role", "viewer", "--expires", "soon").returncode == WRONG_USAGE


def test_guessing_is_slowed_down_without_locking_the_owner_out(web):
    client, guesser = web("viewer"), web()
    answers = []

    def guess(n):
        answers.append(guesser.sign_in(client.name, f"guess number {n}"))
        return answers[-1].status

    before = slowed_down(guess)
    assert set(before) == {401} and len(before) >= 5
    assert int(answers[-1].headers["Retry-After"]) >= 1
    # From other addresses it is no faster, and the right password is not even looked at meanwhile.
    slowed_down(lambda n: web().sign_in(client.name, f"guess number {n}").status, most=3)
    assert Web.sign_in(client, client.name, PASSWORD).status == 200  # where the owner has signed in before
    assert web("viewer").get("/v1/me").status == 200  # others
