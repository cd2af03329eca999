#!/usr/bin/env python3
"""A producer to start from: it stores the environments of apps, as docs/producer.md wants it.

  reference_producer.py --database FILE --token-file FILE [--listen ADDRESS:PORT]
                        [--tls-cert PEM --tls-key PEM] [--apps FILE]
  reference_producer.py --database FILE --print TARGET

It answers POST /api/apps/{app_id}/env and GET /healthz, and prints "listening PORT". Variables are kept
in SQLite: an answer of success means that they are on disk. The token file has one token a line, and
is read at each request, so that a token is replaced without a restart. With --apps only the apps in
that file, one a line, are known. --print writes the environment of a target as systemd's
EnvironmentFile= and a shell read it: what a deploy needs. Values are in no answer and in no log.
"""
import argparse
import hmac
import ipaddress
import json
import os
import re
import signal
import sqlite3
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

LARGEST_BODY = 1024 * 1024
VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,127}")
APP_ID = re.compile(r"[!-~]{1,128}")
NO_TEXT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # of one line, in UTF-8
NO_VALUE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]")  # a certificate has several lines


class Problem(Exception):
    """An answer that is no success. The title is for programs, the detail for people."""

    def __init__(self, status, title, detail, **headers):
        super().__init__(title)
        self.status, self.title, self.detail, self.headers = status, title, detail, headers


class Store:
    """What is stored, by target and variable. What was unset keeps its row, for the version in it."""

    def __init__(self, path):
        os.umask(0o077)
        self.lock = threading.Lock()
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")
        self.connection.execute(
            "CREATE TABLE IF NOT EXISTS variable (target TEXT, name TEXT, value TEXT, version INTEGER NOT NULL,"
            " host_id TEXT NOT NULL, ref TEXT NOT NULL, app_id TEXT NOT NULL, key TEXT NOT NULL,"
            " PRIMARY KEY (target, name))")

    def apply(self, app_id, key, request):
        """Stores all of a request, or raises a Problem and stores nothing of it."""
        with self.lock:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                self.write(app_id, key, request)
                self.connection.execute("COMMIT")
            except BaseException:
                self.connection.execute("ROLLBACK")
                raise

    def write(self, app_id, key, request):
        values = {**request["set"], **dict.fromkeys(request["unset"])}
        if all([self.admits(request, name, key) for name in values]):  # of each name, before anything is written
            return  # the same request again, for its answer was lost
        self.connection.executemany(
            "INSERT OR REPLACE INTO variable (target, name, value, version, host_id, ref, app_id, key)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(request["target"], name, value, request["version"], request["host_id"], request["ref"], app_id, key)
             for name, value in values.items()])

    def admits(self, request, name, key):
        """Says whether this very request was stored; raises a Problem when it may not be."""
        row = self.connection.execute(
            "SELECT version, host_id, value IS NOT NULL, key FROM variable WHERE target = ? AND name = ?",
            (request["target"], name)).fetchone()
        if row is None:
            return False
        version, host_id, is_set, stored_key = row
        if host_id != request["host_id"]:
            if is_set:
                raise Problem(409, "foreign_owner", f"{name} was set by another host")
            return False
        if version > request["version"]:
            raise Problem(409, "stale_version", f"{name} has version {version}")
        return version == request["version"] and key == stored_key

    def environment(self, target):
        return dict(self.connection.execute(
            "SELECT name, value FROM variable WHERE target = ? AND value IS NOT NULL ORDER BY name", (target,)))


def checked(request):
    """Returns a request of the right form; raises a Problem for any other. Unknown members are let pass."""

    def expect(right, what):
        if not right:
            raise Problem(422, "invalid_request", what)

    expect(isinstance(request, dict), "the body is no object")
    for name in ("producer", "target", "ref", "host_id"):
        text = request.get(name)
        expect(isinstance(text, str) and text and not NO_TEXT.search(text), f"{name} is no text")
    for name in ("publication_id", "version"):
        expect(type(request.get(name)) is int and 0 < request[name] < 2**63, f"{name} is no positive integer")
    setting, unset = request.get("set"), request.get("unset")
    expect(isinstance(setting, dict) and isinstance(unset, list), "set is no object, or unset no array")
    expect(setting or unset, "nothing is set or unset")
    for name in [*setting, *unset]:
        expect(isinstance(name, str) and VARIABLE.fullmatch(name), "a variable has a bad name")
    expect(not set(setting) & set(unset), "a variable is both set and unset")
    for name, value in setting.items():
        expect(isinstance(value, str) and not NO_VALUE.search(value), f"the value of {name} is no text")
    return request


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60  # of a connection on which nothing comes
    disable_nagle_algorithm = True
    wbufsize = 65536

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        known = self.path == "/healthz"
        self.answer(200 if known else 404, {} if known else {"title": "not_found"})

    def do_POST(self):
        try:
            self.answer(200, self.deliver())
        except Problem as problem:
            self.answer(problem.status, {"title": problem.title, "detail": problem.detail}, problem.headers)
        except sqlite3.Error as error:
            self.answer(503, {"title": "unavailable", "detail": type(error).__name__}, {"Retry-After": "5"})

    def deliver(self):
        """Does what a POST asks for. The body is read first, or the connection could not go on."""
        text = self.body()
        self.authorize()
        path = re.fullmatch(r"/api/apps/([^/]+)/env", self.path)
        if not path:
            raise Problem(404, "not_found", "there is no such path")
        app_id = unquote(path.group(1), errors="replace")
        if not APP_ID.fullmatch(app_id) or not self.server.knows(app_id):
            raise Problem(404, "unknown_app", "there is no such app")
        if self.headers.get_content_type() != "application/json":
            raise Problem(415, "unsupported_media_type", "the body is not application/json")
        try:
            request = json.loads(text)
        except (ValueError, RecursionError):
            raise Problem(400, "invalid_json", "the body is not JSON in UTF-8") from None
        checked(request)
        self.server.store.apply(app_id, self.headers.get("Idempotency-Key", ""), request)
        return {"env_keys": sorted(request["set"]), "version": request["version"]}

    def body(self):
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            self.close_connection = True
            raise Problem(411, "length_required", "a Content-Length is needed")
        if int(length) > LARGEST_BODY:
            # What is left unread would break the connection before the answer is read; the sidecar would
            # repeat the request. Beyond all measure that is right.
            self.close_connection = True
            left = min(int(length), 16 * LARGEST_BODY)
            while left > 0 and (part := self.rfile.read(min(65536, left))):
                left -= len(part)
            raise Problem(413, "too_large", f"a body has {LARGEST_BODY} bytes at most")
        return self.rfile.read(int(length))

    def authorize(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        right = [hmac.compare_digest(token.encode(), known) for known in self.server.tokens()]
        if scheme.lower() != "bearer" or not any(right):
            raise Problem(401, "unauthorized", "the token is not known", **{"WWW-Authenticate": "Bearer"})

    def answer(self, status, document, headers=None):
        text = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if status == 200 else "application/problem+json")
        self.send_header("Content-Length", str(len(text)))
        if self.close_connection:
            self.send_header("Connection", "close")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, options, handler=Handler, store=None):
        address, _, port = options.listen.rpartition(":")
        if not options.tls_cert and not ipaddress.ip_address(address).is_loopback:
            sys.exit("without --tls-cert it listens on a loopback address only: requests carry secrets")
        self.options, self.tls = options, None
        self.store = store or Store(options.database)
        self.tokens()
        if options.tls_cert:
            self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.tls.load_cert_chain(options.tls_cert, options.tls_key)
        super().__init__((address, int(port)), handler)

    def tokens(self):
        with open(self.options.token_file, "rb") as file:
            return [line for line in map(bytes.strip, file) if line]

    def knows(self, app_id):
        if not self.options.apps:
            return True
        with open(self.options.apps, encoding="utf-8") as file:
            return app_id in file.read().split()

    def finish_request(self, request, address):
        """Runs in the connection's thread: a slow handshake holds up nobody else."""
        request.settimeout(Handler.timeout)
        if self.tls:
            request = self.tls.wrap_socket(request, server_side=True)
        with request:
            super().finish_request(request, address)

    def handle_error(self, request, address):
        error = sys.exc_info()[0]
        if not issubclass(error, OSError):  # else the other side is gone, or speaks no TLS
            print(f"a request from {address[0]} failed: {error.__name__}", file=sys.stderr, flush=True)


def quoted(value):
    return '"' + re.sub(r'([\\"$`])', r"\\\1", value) + '"'


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", required=True)
    parser.add_argument("--token-file")
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--tls-cert")
    parser.add_argument("--tls-key")
    parser.add_argument("--apps")
    parser.add_argument("--print", metavar="TARGET")
    return parser


def serve(server):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"listening {server.server_address[1]}", flush=True)
    server.serve_forever()


def main():
    parser = arguments()
    options = parser.parse_args()
    if options.print:
        for name, value in Store(options.database).environment(options.print).items():
            print(f"{name}={quoted(value)}")
        return
    if not options.token_file:
        parser.error("--token-file is needed")
    serve(Server(options))


if __name__ == "__main__":
    main()
