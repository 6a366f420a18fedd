"""Real answers against the API's own description."""

import json
import re
import socket

import jsonschema
import pytest

from harness import wait_until


@pytest.fixture(scope="module")
def answers():
    """{operation: {status}}: what was answered and found to be as described."""
    return {}


class Api:
    def __init__(self, rowledger, seen):
        self.rowledger, self.seen = rowledger, seen
        self.document = json.loads(self.request("GET", "/v1/openapi.json")[2])
        self.operations = [(method.upper(), path, operation) for path, item in self.document["paths"].items()
                           for method, operation in item.items()]

    def request(self, method, target, headers=(), body=b""):
        """(status, headers, body); of a stream that does not end, its beginning."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(str(self.rowledger.socket_path()))
            head = [f"{method} {target} HTTP/1.0", "Host: x", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
            connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
            answer = b""
            while piece := connection.recv(1 << 16):
                answer += piece
                if b"text/event-stream" in answer and answer.count(b"\n\n"):
                    break
        head, _, body = answer.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        return int(status.split()[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}, body

    def operation(self, method, target):
        path = target.partition("?")[0]
        found = []
        for each, pattern, operation in self.operations:
            expression = re.sub(r"\{(\w+)\}", lambda name: ".+" if name[1] == "resource" else "[^/]+", pattern)
            if each == method and re.fullmatch(expression, path):
                found.append((pattern.count("{"), operation))
        assert found, f"{method} {path} is not described"
        return min(found, key=lambda each: each[0])[1]  # "stream" before {seq}

    def resolve(self, node):
        while "$ref" in node:
            node = self.at(node["$ref"])
        return node

    def at(self, reference):
        node = self.document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part.replace("~1", "/").replace("~0", "~")]
        return node

    def ask(self, method, target, status, body=None, headers=()):
        """The answer's body, after it was compared with its description. status: or those that may come."""
        allowed = status if isinstance(status, tuple) else (status,)
        content = b"" if body is None else json.dumps(body).encode()
        got, got_headers, answer = self.request(method, target, headers, content)
        assert got in allowed, (method, target, got, answer[:500])
        status = got
        operation = self.operation(method, target)
        assert str(status) in operation["responses"], (method, target, status)
        described = self.resolve(operation["responses"][str(status)])
        for name in described.get("headers", {}):
            assert name == "Link" or name.lower() in got_headers, (target, name)
        self.seen.setdefault(operation["operationId"], set()).add(status)
        if "content" not in described:
            assert answer == b"", (target, answer[:200])
            return None
        media = got_headers["content-type"]
        assert media in described["content"], (target, media)
        if "json" not in media or "ndjson" in media:
            return answer
        value = json.loads(answer)
        schema = described["content"][media]["schema"]
        resolver = jsonschema.RefResolver("", self.document)
        jsonschema.Draft202012Validator(schema, resolver=resolver).validate(value)
        return value


@pytest.fixture
def api(rowledger, cluster, database, answers):
    cluster.sql(database, """SELECT set_config('rowledger.context', '{"actor_id":"7","actor_name":"Priya","via":"app","reason":"r"}', false);
        UPDATE contacts SET phone = '1', fields = '{"a":{"value":1}}' WHERE id = 7;
        UPDATE contacts SET name = 'x', fields = '{"a":{"value":2}}' WHERE id = 7""")
    cluster.sql(database, "INSERT INTO contacts (id, name) VALUES (99, 'new'); DELETE FROM contacts WHERE id = 8")
    cluster.sql(database, "ALTER TABLE contacts ADD COLUMN more int")
    cluster.sql(database, "UPDATE contacts SET more = 1 WHERE id = 9; TRUNCATE contacts")
    rowledger.sync()
    return Api(rowledger, answers)


def test_entries_and_rows(api):
    page = api.ask("GET", "/v1/entries?q=kind:*&limit=1000&images=1", 200)
    assert {entry["kind"] for entry in page["entries"]} >= {"baseline", "insert", "update", "delete", "truncate", "control"}
    first = api.ask("GET", "/v1/entries?q=kind:*&limit=2&order=asc", 200)
    assert api.ask("GET", f"/v1/entries?q=kind:*&limit=2&order=asc&cursor={first['next_cursor']}", 200)["entries"][0]["seq"] == 2
    api.ask("GET", "/v1/entries/3?images=1", 200)
    api.ask("GET", "/v1/entries/stream?after=0", 200)
    for text in ("field:phone -via:sql", "(a OR b", "nokey:1"):
        api.ask("GET", f"/v1/query/parse?q={text.replace(' ', '%20')}", 200)
    row = "/v1/rows/public.contacts/7"
    api.ask("GET", row, 200)
    api.ask("GET", f"{row}/entries?limit=1", 200)
    api.ask("GET", f"{row}/at?when=seq:25", 200)
    api.ask("GET", f"{row}/diff?from=seq:20&to=now", 200)
    api.ask("GET", "/v1/tables/contacts/at?when=seq:25&limit=2", 200)
    whole = api.ask("GET", "/v1/insights?split=field&rows=contacts", 200)
    for by in ("day", "hour_of_week", "field", "actor", "via"):
        alone = api.ask("GET", f"/v1/insights/changes?by={by}" + ("&split=field" if by == "day" else ""), 200)
        assert (whole["total"], whole[by]) == (alone["total"], alone["buckets"])
    assert all(row["key"].startswith("public.contacts/") for row in whole["row"])
    api.ask("GET", "/v1/insights/changes?by=actor&split=via&from=2020-01-01", 200)
    api.ask("POST", "/v1/unmask", 200, {"seq": 3, "fields": ["phone", "context"], "reason": "a test of it"})
    api.ask("GET", "/v1/access?table=contacts&key=7", 200)


def test_health_and_evidence(api):
    for path in ("/v1/status", "/v1/sync?timeout_s=5", "/healthz", "/readyz", "/metrics", "/v1/openapi.json"):
        api.ask("GET", path, 200)
    wait_until(lambda: api.request("GET", "/v1/entries/25/proof")[0] == 200, 10, "a checkpoint over the entry")
    api.ask("GET", "/v1/entries/25/proof", 200)
    api.ask("GET", "/v1/evidence?entry=3", 200)
    api.ask("GET", "/v1/integrity", 200)
    api.ask("GET", "/v1/integrity/verify", 200)
    api.ask("GET", "/v1/integrity/verify?progress=1", 200)
    api.ask("GET", "/tlog/checkpoint", 200)
    api.ask("GET", "/tlog/tile/entries/000.p/7", 200)


def test_exports(api):
    export = api.ask("POST", "/v1/exports", 202, {"format": "csv", "q": "kind:*"})
    address = f"/v1/exports/{export['id']}"
    wait_until(lambda: api.ask("GET", address, 200)["state"] == "done", 10, "the export is finished")
    api.ask("GET", address + "/data", 200)
    api.ask("GET", address + "/data", 206, headers=["Range: bytes=10-"])
    api.ask("GET", address + "/data", 416, headers=["Range: bytes=99999999-"])
    api.ask("GET", address + "/manifest", 200)


def test_people(api):
    secret = api.ask("POST", "/v1/users", 201, {"name": "asha", "role": "viewer", "tenant": "1"})["link"].partition("link=")[2]
    api.ask("POST", "/v1/users", 409, {"name": "asha", "role": "viewer"})
    api.ask("POST", "/v1/users", 400, {"name": "ravi", "role": "king"})
    api.ask("POST", "/v1/session", 200, {"link": secret})
    api.ask("POST", "/v1/session", 401, {"link": secret})
    for _ in range(8):
        api.ask("POST", "/v1/session", (401, 429), {"name": "asha", "password": "wrong"})
    assert 429 in api.seen["signIn"]
    api.ask("DELETE", "/v1/session", 204)
    assert api.ask("GET", "/v1/me", 200)["role"] == "owner"
    assert {user["name"] for user in api.ask("GET", "/v1/users", 200)["users"]} == {"admin", "asha"}
    etag = api.ask("GET", "/v1/users/asha", 200)["etag"]
    api.ask("PATCH", "/v1/users/asha", 200, {"role": "editor"}, headers=[f"If-Match: {etag}"])
    api.ask("PATCH", "/v1/users/asha", 412, {"role": "viewer"}, headers=[f"If-Match: {etag}"])
    api.ask("POST", "/v1/users/asha/link", 200)
    api.ask("DELETE", "/v1/users/asha", 204)
    api.ask("GET", "/v1/users/asha", 404)
    order = {"name": "export", "role": "auditor", "expires_days": 30}
    made = api.ask("POST", "/v1/tokens", 201, order, headers=["Idempotency-Key: 1"])
    api.ask("POST", "/v1/tokens", 422, {**order, "name": "other"}, headers=["Idempotency-Key: 1"])
    api.ask("GET", "/v1/tokens", 200)
    api.ask("DELETE", f"/v1/tokens/{made['id']}", 204)


def test_persons_and_keys(make_rowledger, answers):
    api = Api(make_rowledger(tables=["contacts tenant=organization_id subject=self"]), answers)
    person = {"table": "contacts", "key": "11"}
    hold = api.ask("POST", "/v1/holds", 201, person | {"reason": "case 7"})
    assert api.ask("GET", "/v1/holds", 200)["holds"] == [hold]
    order = person | {"reason": "asked for it", "basis": "GDPR Art. 17"}
    api.ask("POST", "/v1/erasures", 409, order)
    api.ask("DELETE", f"/v1/holds/{hold['id']}?reason=closed", 204)
    api.ask("DELETE", f"/v1/holds/{hold['id']}", 404)
    api.ask("POST", "/v1/erasures", 200, order)
    api.ask("GET", "/v1/rows/public.contacts/11", 200)
    api.ask("GET", "/v1/rows/public.contacts/11/entries", 200)
    api.ask("POST", "/v1/erasures", 400, person)
    api.ask("POST", "/v1/erasures", 404, order | {"key": "4711"})
    api.ask("GET", "/v1/keys", 200)
    api.ask("POST", "/v1/keys/rotations", 200, {})
    api.ask("POST", "/v1/keys/backup", 400, {"file": "relative", "recovery_key": "0" * 64})
    api.ask("POST", "/v1/keys/backup", 200, {"file": str(api.rowledger.parent / "keys.backup"), "recovery_key": "0" * 64})


def test_refusals(api):
    api.ask("GET", "/v1/entries?q=nokey:1", 400)
    api.ask("GET", "/v1/entries?limit=0", 400)
    api.ask("GET", "/v1/entries/99999999", 404)
    api.ask("GET", "/v1/entries/x", 400)
    api.ask("GET", "/v1/rows/public.contacts/4711", 404)
    api.ask("GET", "/v1/rows/public.contacts/7/at", 400)
    api.ask("POST", "/v1/exports", 400, {"format": "xml"})
    api.ask("GET", "/v1/exports/0123", 404)
    api.ask("GET", "/tlog/tile/9/000", 404)


def test_the_document_is_sound(api):
    def walk(node):
        if isinstance(node, dict):
            if "$ref" in node:
                assert api.at(node["$ref"]) is not None
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    assert api.document["openapi"] == "3.1.0"
    walk(api.document)
    for name, schema in api.document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
    ids = [operation["operationId"] for _, _, operation in api.operations]
    assert len(set(ids)) == len(ids)


def test_every_operation_was_asked(answers, api):
    """The last one: what nobody has looked at is not known to be as described."""
    unseen = {operation["operationId"] for _, _, operation in api.operations
              if not any(200 <= status < 300 for status in answers.get(operation["operationId"], ()))}
    assert unseen == set()
