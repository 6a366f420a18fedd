"""A client of the daemon's TCP port: requests as a browser, a program or nobody makes them."""

import http.client
import json
import re
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        return json.loads(self.body)

    @property
    def problem(self):
        """The last part of the problem's type."""
        return self.json()["type"].removeprefix("/problems/")


class Web:
    """Nobody at first; sign_in() makes it somebody's browser, token= a program."""

    def __init__(self, url, token=None, ca=None, address=None):
        """address: where it says to come from, which a daemon that trusts this machine as a proxy believes."""
        self.url = urlsplit(url)
        self.token = token
        self.address = address
        self.cookie = self.csrf = None
        self.tls = ssl.create_default_context(cafile=ca) if self.url.scheme == "https" else None

    def connect(self, timeout_s=30):
        if self.tls:
            return http.client.HTTPSConnection(self.url.hostname, self.url.port, timeout=timeout_s, context=self.tls)
        return http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=timeout_s)

    def request(self, method, target, body=None, headers=None, data=None):
        """body: sent as JSON; data: as it is. Headers given here win; None leaves one out."""
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if self.address:
            sent["X-Forwarded-For"] = self.address
        if self.cookie:
            sent["Cookie"] = f"rowledger_session={self.cookie}"
            if method not in ("GET", "HEAD"):
                sent["X-CSRF-Token"] = self.csrf
        if body is not None:
            sent["Content-Type"] = "application/json"
        sent = {name: value for name, value in {**sent, **(headers or {})}.items() if value is not None}
        connection = self.connect()
        try:
            connection.request(method, target, data if body is None else json.dumps(body), sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, target, **options):
        return self.request("GET", target, **options)

    def post(self, target, body, **options):
        return self.request("POST", target, body, **options)

    def patch(self, target, body, **options):
        return self.request("PATCH", target, body, **options)

    def delete(self, target, **options):
        return self.request("DELETE", target, **options)

    def sign_in(self, name=None, password=None, link=None):
        """The answer; a success is kept."""
        body = {"link": link} if link else {"name": name, "password": password}
        answer = self.request("POST", "/v1/session", body, {"Cookie": None})
        if answer.status == 200:
            self.csrf = answer.json()["csrf"]
            self.cookie = re.match(r"rowledger_session=([^;]+);", answer.headers["Set-Cookie"])[1]
        return answer


def slowed_down(try_once, most=15):
    """Calls try_once(n), a failing sign-in, until it has to wait; the statuses before. The wait is short at first, so that
    on a slow machine some more may get through."""
    statuses = []
    while len(statuses) < most:
        status = try_once(len(statuses))
        if status == 429:
            return statuses
        statuses.append(status)
    raise AssertionError(f"nothing slows this down: {statuses}")


def link_secret(text):
    """Of the sign-in link in what the program printed."""
    return re.search(r"#/sign-in\?link=([\w-]+)", text)[1]
