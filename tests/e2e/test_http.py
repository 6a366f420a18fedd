"""The TCP listener: what it takes, what it refuses, and that nobody can hold it up."""

import contextlib
import gzip
import json
import re
import signal
import socket
import ssl
import subprocess
import time
import warnings
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conftest import CONTACTS
from harness import FOUND_WRONG, WRONG_USAGE, Rowledger, tail, wait_until
from web import Web, slowed_down

CONFIG = """
[http]
connections = 1300
connections_per_address = 1200
"""


def resident_mb(rowledger):
    status = Path(f"/proc/{rowledger.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


@pytest.fixture(scope="module")
def served(cluster):
    database = cluster.create_database()
    cluster.sql(database, CONTACTS)
    rowledger = Rowledger(cluster, database)
    rowledger.init(["contacts tenant=organization_id"], CONFIG)
    rowledger.attach()
    rowledger.serve()
    rowledger.token = rowledger.must("token", "create", "--name", "t", "--role", "auditor").splitlines()[-1]
    rowledger.resident_mb_at_first = resident_mb(rowledger)
    yield rowledger
    rowledger.stop()
    cluster.drop_slots()


@pytest.fixture
def url(served):
    return served.status()["http"]["url"]


@pytest.fixture
def web(served, url):
    return Web(url, token=served.token)


def connect(url, timeout_s=40):
    place = urlsplit(url)
    return socket.create_connection((place.hostname, place.port), timeout_s)


def read_answer(connection, buffered=b""):
    """One answer with a Content-Length; (head, body, what came behind it)."""
    while b"\r\n\r\n" not in buffered:
        piece = connection.recv(1 << 16)
        if not piece:
            return buffered, b"", b""
        buffered += piece
    head, _, rest = buffered.partition(b"\r\n\r\n")
    length = int(re.search(rb"content-length: *(\d+)", head, re.I)[1])
    while len(rest) < length:
        rest += connection.recv(1 << 16)
    return head, rest[:length], rest[length:]


def raw(url, data):
    """Sends bytes as they are; everything until the server closes."""
    with connect(url) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(1 << 16):
                answer += piece
        return answer


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


def request(served, target, *more, method="GET", host="127.0.0.1"):
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {served.token}", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


# ---- what is asked and answered ----

def test_the_url_is_told_and_answers(web):
    assert web.get("/v1/entries?limit=1&q=kind:baseline").json()["entries"][0]["table"] == "public.contacts"


def test_connections_are_used_again_and_requests_may_come_together(served, url):
    with connect(url) as connection:
        connection.sendall(request(served, "/v1/entries/0") + request(served, "/v1/entries/1"))
        head, body, rest = read_answer(connection)
        assert b"200 OK" in head and json.loads(body)["seq"] == 0
        head, body, rest = read_answer(connection, rest)
        assert json.loads(body)["seq"] == 1 and rest == b""
        # Behind a streamed answer, too.
        connection.sendall(request(served, "/v1/integrity/verify"))
        answer = b""
        while not answer.endswith(b"\r\n0\r\n\r\n"):
            piece = connection.recv(1 << 16)
            assert piece, answer
            answer += piece
        assert b"chunked" in answer and b"200 OK" in answer
        connection.sendall(request(served, "/v1/entries/2"))
        assert json.loads(read_answer(connection)[1])["seq"] == 2


def test_a_client_that_has_said_all_still_gets_its_answer(served, url):
    with connect(url) as connection:
        connection.sendall(request(served, "/v1/entries/3", "Connection: close"))
        connection.shutdown(socket.SHUT_WR)
        head, body, _ = read_answer(connection)
        assert b"200 OK" in head and json.loads(body)["seq"] == 3


def test_answers_are_compressed_where_it_pays(web):
    plain = web.get("/v1/entries?limit=500")  # one page: a cursor would differ each time
    packed = web.get("/v1/entries?limit=500", headers={"Accept-Encoding": "br, gzip"})
    assert packed.headers["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain.headers
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.body) == plain.body and len(packed.body) < len(plain.body)
    assert web.get("/v1/entries?limit=500", headers={"Accept-Encoding": "gzip, zstd"}).headers["Content-Encoding"] == "zstd"
    for header in ("identity", "gzip;q=0, zstd;q=0.0", "br"):
        assert "Content-Encoding" not in web.get("/v1/entries?limit=500", headers={"Accept-Encoding": header}).headers
    assert "Content-Encoding" not in web.get("/v1/me", headers={"Accept-Encoding": "gzip"}).headers


def test_browsers_are_told_to_be_careful(web):
    for answer in (web.get("/v1/entries"), web.get("/v1/nothing"), web.get("/v1/me", headers={"Authorization": None})):
        for name, value in {
            "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
        }.items():
            assert answer.headers[name] == value, name
        assert not {"Server", "X-Powered-By", "Access-Control-Allow-Origin"} & set(answer.headers)


def test_methods_that_are_not_there_are_refused(web):
    answer = web.request("PUT", "/v1/entries")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert web.request("TRACE", "/v1/entries").status == 405
    assert web.request("HEAD", "/v1/entries").body == b""


# ---- what is refused ----

def test_only_its_own_names_are_answered(served, url):
    port = urlsplit(url).port
    for host in ("127.0.0.1", f"127.0.0.1:{port}", f"localhost:{port}", "LOCALHOST", "[::1]:80"):
        assert status_of(raw(url, request(served, "/v1/me", "Connection: close", host=host))) == 200, host
    for host in ("evil.example", f"evil.example:{port}", "localhost.evil.example", "127.0.0.1.evil.example", "", "[::1]x.example"):
        assert status_of(raw(url, request(served, "/v1/me", "Connection: close", host=host))) in (400, 421), host
    assert status_of(raw(url, b"GET /v1/me HTTP/1.1\r\nConnection: close\r\n\r\n")) == 400
    both = request(served, "/v1/me", "Host: localhost", "Connection: close")
    assert status_of(raw(url, both)) == 400


def test_what_is_too_large_is_refused(served, url):
    assert status_of(raw(url, request(served, "/v1/me", "X: " + "x" * 20_000))) == 431
    assert status_of(raw(url, request(served, "/v1/entries?q=" + "x" * 20_000))) == 431
    assert status_of(raw(url, b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 4_000 + b"\r\n")) == 431
    post = request(served, "/v1/users", "Content-Type: application/json", "Content-Length: 2000000", method="POST")
    assert status_of(raw(url, post + b"x" * 2_000_000)) == 413
    chunked = request(served, "/v1/users", "Transfer-Encoding: chunked", method="POST")
    assert status_of(raw(url, chunked + b"100000\r\n" + b"x" * 0x100000 + b"\r\n100000\r\n" + b"x" * 0x100000)) == 413


@pytest.mark.parametrize("nonsense", [
    b"hello\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/3.0\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"\0" * 100 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nA\0: b\r\n\r\n",
])
def test_what_is_no_http_ends_the_connection(served, url, nonsense):
    with connect(url, 5) as connection:
        connection.sendall(nonsense)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(1 << 16):
                answer += piece
    assert answer == b"" or 400 <= status_of(answer) < 500, answer
    assert answer.count(b"HTTP/1.1 4") <= 1  # one request, not two
    assert served.process.poll() is None


def test_targets_that_are_not_well_formed_are_refused(served, url):
    for target in ("/%", "/v1/entries?q=%zz", "/v1/rows/%/1", "http://evil.example/v1/me", "*", "/v1/../v1/me", "/v1/entries/0%00"):
        assert status_of(raw(url, request(served, target, "Connection: close"))) in (400, 404), target


# ---- nobody holds it up ----

def test_slow_clients_hold_nobody_up(served, url, web):
    # That they are given up after 30 s, whatever they drip, is tested beside the code.
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connect(url)) for _ in range(200)]
        readers = [stack.enter_context(connect(url)) for _ in range(50)]
        for connection in readers:
            connection.sendall(request(served, "/v1/integrity/verify"))  # and read nothing of it
        for byte in b"GET /v1/me HTTP/1.1\r\n":
            for connection in slow:
                connection.sendall(bytes([byte]))
            asked = time.monotonic()
            assert web.get("/v1/entries?limit=1").status == 200
            assert time.monotonic() - asked < 2


def test_connections_are_limited_and_come_back(served, url, web):
    with contextlib.ExitStack() as stack:
        held = []
        for _ in range(1200):
            held.append(stack.enter_context(connect(url)))
        # All are accepted once the last has been answered.
        held[-1].sendall(request(served, "/v1/me"))
        assert b"200 OK" in read_answer(held[-1])[0]
        assert status_of(raw(url, request(served, "/v1/me"))) == 503
        assert served.status()["daemon"]  # the Unix socket has its own
    wait_until(lambda: web.get("/v1/me").status == 200, 20, "there is room again")


def a_thousand_live_streams(served, url, tls=None):
    """By how much the daemon's memory grows for them, in MB. One change reaches them all."""
    before = resident_mb(served)
    with contextlib.ExitStack() as stack:
        streams = []
        for _ in range(1000):
            connection = stack.enter_context(connect(url))
            if tls:
                connection = stack.enter_context(tls.wrap_socket(connection, server_hostname="127.0.0.1"))
            connection.sendall(request(served, "/v1/entries/stream"))
            streams.append(connection)
        for connection in streams:
            answer = b""
            while b"still here" not in answer:
                answer += connection.recv(4096)
            assert b"text/event-stream" in answer
        grown = resident_mb(served) - before
        served.cluster.sql(served.database, "UPDATE contacts SET name = 'seen by all' WHERE id = 1")
        for connection in streams:
            answer = b""
            while b"data: " not in answer:
                answer += connection.recv(4096)
    print(f"1,000 live streams: {grown:.1f} MB")
    return grown


def test_a_thousand_live_streams_take_little_memory(served, url, web):
    # Since the start: what earlier tests made it allocate is not left out.
    earlier = resident_mb(served) - served.resident_mb_at_first
    assert earlier + a_thousand_live_streams(served, url) < 64
    wait_until(lambda: web.get("/v1/me").status == 200, 20, "there is room again")


# ---- TLS ----

@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """make(name): a certificate of its own for 127.0.0.1 and its key."""
    directory = tmp_path_factory.mktemp("tls")

    def make(name):
        certificate, key = directory / f"{name}.pem", directory / f"{name}.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
            check=True, capture_output=True)
        return certificate, key

    return make


def test_a_thousand_live_streams_take_little_memory_with_tls(make_rowledger, certificates):
    certificate, key = certificates("many")
    rowledger = make_rowledger(config=CONFIG + f'certificate = "{certificate}"\nkey = "{key}"\n')
    rowledger.token = rowledger.must("token", "create", "--name", "t", "--role", "auditor").splitlines()[-1]
    tls = ssl.create_default_context(cafile=certificate)
    assert a_thousand_live_streams(rowledger, rowledger.status()["http"]["url"], tls) < 64


def test_tls(make_rowledger, cluster, database, certificates):
    certificate, key = certificates("first")
    config = f'[http]\ncertificate = "{certificate}"\nkey = "{key}"\n[[mask]]\ntable = "contacts"\nplain = ["note"]\n'
    rowledger = make_rowledger(config=config)
    url = rowledger.status()["http"]["url"]
    assert url.startswith("https://127.0.0.1:")
    rowledger.must("user", "add", "priya", "--role", "viewer")
    link = re.search(r"link=([\w-]+)", rowledger.must("user", "link", "priya"))[1]
    web = Web(url, ca=certificate)
    answer = web.sign_in(link=link)
    assert "; Secure" in answer.headers["Set-Cookie"]
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert web.get("/v1/me").json()["id"] == "user:priya"
    place = urlsplit(url)
    # Large answers and many requests on one connection.
    connection = web.connect()
    for _ in range(3):
        connection.request("GET", "/v1/entries?limit=20", headers={"Cookie": f"rowledger_session={web.cookie}"})
        assert len(json.loads(connection.getresponse().read())["entries"]) == 20
    connection.close()
    # More than the sockets hold, for a client that takes little at a time.
    cluster.sql(database, "UPDATE contacts SET note = repeat('x', 100000) || id")
    rowledger.sync()
    new = ssl.create_default_context(cafile=certificate)
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect((place.hostname, place.port))
        with new.wrap_socket(plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False) as secure:
            secure.sendall(b"GET /v1/entries?limit=20&q=op:modify HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                           b"Cookie: rowledger_session=%s\r\n\r\n" % web.cookie.encode())
            answer = b""
            while piece := secure.recv(5000):
                answer += piece
    assert len(answer) > 2_000_000 and len(json.loads(answer.partition(b"\r\n\r\n")[2])["entries"]) == 20
    # Neither plain HTTP nor old versions.
    assert status_of(raw(url, b"GET /v1/me HTTP/1.1\r\nHost: localhost\r\n\r\n")) is None
    old = ssl.create_default_context(cafile=certificate)
    with warnings.catch_warnings(action="ignore"):  # that it is old is what this is about
        old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)), socket.create_connection((place.hostname, place.port)) as plain:
        old.wrap_socket(plain, server_hostname="127.0.0.1")
    # A new certificate without a restart; a broken one changes nothing.
    fresh, fresh_key = certificates("second")
    certificate.write_bytes(fresh.read_bytes())
    rowledger.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "stays in use" in tail(rowledger.log_path), 20, "the pair that does not fit is refused")
    key.write_bytes(fresh_key.read_bytes())
    rowledger.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "read again" in tail(rowledger.log_path), 20, "the certificate is read again")
    assert Web(url, ca=fresh).get("/v1/me").status == 401
    rowledger.stop()


# ---- starting and stopping ----

def test_other_machines_are_served_only_with_open_eyes(make_rowledger):
    rowledger = make_rowledger(serve=False)
    done = rowledger.run("serve", ROWLEDGER_HTTP_LISTEN="0.0.0.0:0")
    assert done.returncode == WRONG_USAGE and "could be read on the way" in done.stderr
    done = rowledger.run("serve", ROWLEDGER_HTTP_LISTEN="127.0.0.1:0", ROWLEDGER_HTTP_CERTIFICATE="/nonexistent",
                         ROWLEDGER_HTTP_KEY="/nonexistent")
    assert done.returncode == WRONG_USAGE and "/nonexistent" in done.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = rowledger.run("serve", ROWLEDGER_HTTP_PORT=str(taken.getsockname()[1]))
        assert done.returncode == FOUND_WRONG and "cannot listen" in done.stderr


def test_without_a_listener_there_is_only_the_socket(make_rowledger):
    rowledger = make_rowledger(config='[http]\nlisten = ""\n', serve=False)
    rowledger.serve(port=None)
    assert rowledger.status()["http"]["url"] is None


def test_the_proxys_client_is_who_counts(make_rowledger):
    rowledger = make_rowledger(config='[http]\ntrusted_proxies = ["127.0.0.1"]\npublic_url = "https://log.example.org"\n')
    url = rowledger.status()["http"]["url"]
    web = Web(url)

    def fail(client, forwarded):
        return web.post("/v1/session", {"name": "x" + client, "password": "wrong"},
                        headers={"Host": "log.example.org", "X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"}).status

    # What the client itself put there does not hide it.
    before = slowed_down(lambda n: fail(str(n), f"198.51.100.{n}, 203.0.113.9"))
    assert set(before) == {401} and len(before) >= 5
    assert fail("other", "203.0.113.10") == 401
    details = [entry["detail"] for entry in rowledger.log("kind:control")]
    addresses = {each["address"] for each in details if each["event"] == "sign-in-failed"}
    assert addresses == {"203.0.113.9", "203.0.113.10"}
    assert "https://log.example.org/#/sign-in?link=" in tail(rowledger.log_path)
    rowledger.stop()


def test_stop_ends_what_is_open(make_rowledger):
    rowledger = make_rowledger()
    url = rowledger.status()["http"]["url"]
    rowledger.token = rowledger.must("token", "create", "--name", "t", "--role", "viewer").splitlines()[-1]
    with connect(url) as idle, connect(url) as live, connect(url) as half:
        live.sendall(request(rowledger, "/v1/entries/stream"))
        half.sendall(b"GET / HT")
        received = live.recv(4096)
        begun = time.monotonic()
        rowledger.stop()
        assert time.monotonic() - begun < 5
        while piece := live.recv(4096):
            received += piece
        assert received.endswith(b"0\r\n\r\n")
        assert idle.recv(1) == b""
