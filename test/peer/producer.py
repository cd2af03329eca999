#!/usr/bin/env python3
"""A producer (App Secrets) for tests: a real HTTP(S) server that stores what it is sent.

It keeps, per (target, variable), the value and the version, with the contract's version rules, and
fails on request. It writes the DSNs it received into its journal, because tests compare them: the
journal has mode 0600 and this program is for loopback only.

  producer.py --token T --journal FILE --port-file FILE [--port N] [--tls-cert PEM --tls-key PEM]
              [--script FILE] [--ignore-versions] [--delay SECONDS] [--restore]

With --restore it first stores again what the journal says it had stored when it was killed.

It prints "listening PORT" and, with --port-file, writes the port there (renamed into place).

A script is JSON: {"seed": 1, "rules": [RULE, ...]}; also POST it to /control at any time.
Each request is matched against the rules in order; the first that fits decides. A RULE has
  conditions   "requests": [1, 2] (counted over all apps, from 1), "app": "app-1",
               "probability": 0.3, "times": 2 (how often the rule may fire)
  an action    "status": 503 with "body": {...} or "text": "...", "headers": {"Retry-After": "1"},
                         "store": true to store before this answer is given
               "reset": "before_read" | "after_read" | "after_store"   (RST, by SO_LINGER 0)
               "slow": SECONDS before the normal answer ("store_first": true: store, then wait)
               "hold": true: the same, until the rules are replaced
               "half": "hang" | "close"  (stores, then sends half an answer)
               "huge": BYTES of body with 200 (stores)
               "redirect": URL   (status 307)
               "invalid_json": true (stores, 200, a body that is no JSON)
               "token": TEXT: from now on the expected token (no answer of its own)

GET /store   {"target": {"VARIABLE": {"value", "version"}}}
GET /stats   {"requests": n, "connections": n, "stored": n}
POST /control  replaces the rules (and resets the request count); {} clears them
"""
import argparse
import json
import os
import random
import re
import socket
import ssl
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


class Aborted(Exception):
    """The connection was ended on purpose; nothing more is to be written to it."""


class Store:
    """What is stored, what was asked, and which faults are due. One lock for all of it."""

    def __init__(self, args):
        self.lock = threading.Lock()
        self.replaced = threading.Condition(self.lock)
        self.generation = 0
        self.args = args
        self.token = args.token
        self.values = {}
        self.requests = 0
        self.connections = 0
        self.stored = 0
        self.journal = None
        if args.journal:
            fd = os.open(args.journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self.journal = os.fdopen(fd, "a", buffering=1)
        with self.lock:
            self.load({})

    def load(self, script):
        """Replaces the rules, with the lock held, and lets go of what waits for that."""
        self.rules = [dict(rule) for rule in script.get("rules", [])]
        self.random = random.Random(script.get("seed", 0))
        self.numbered = 0
        self.generation += 1
        self.replaced.notify_all()

    def wait(self, rule, generation):
        """What a slow rule waits for."""
        if rule.get("hold"):
            with self.replaced:
                self.replaced.wait_for(lambda: self.generation != generation)
        elif "slow" in rule:
            time.sleep(rule["slow"])

    def next_rule(self, app):
        """The rule for the next request of an app, or None; the request's number; the rules' number."""
        with self.lock:
            self.requests += 1
            self.numbered += 1
            for rule in self.rules:
                if "requests" in rule and self.numbered not in rule["requests"]:
                    continue
                if "app" in rule and rule["app"] != app:
                    continue
                if rule.get("times") == 0:
                    continue
                if "probability" in rule and self.random.random() >= rule["probability"]:
                    continue
                if "times" in rule:
                    rule["times"] -= 1
                return rule, self.requests, self.generation
            return None, self.requests, self.generation

    def put(self, body):
        """Stores a request; returns (status, answer)."""
        target = body["target"]
        version = body["version"]
        names = list(body.get("set", {})) + list(body.get("unset", []))
        with self.lock:
            held = self.values.setdefault(target, {})
            if not self.args.ignore_versions:
                for name in names:
                    if name in held and held[name]["version"] > version:
                        return 409, {"title": "stale_version", "detail": f"{name} is newer"}
            for name, value in body.get("set", {}).items():
                held[name] = {"value": value, "version": version}
            for name in body.get("unset", []):
                held[name] = {"value": None, "version": version}
            self.stored += 1
            return 200, {"env_keys": sorted(body.get("set", {})), "version": version}

    def is_stale(self, body):
        """Whether something newer stands in one of a request's variables."""
        names = list(body.get("set", {})) + list(body.get("unset", []))
        with self.lock:
            held = self.values.get(body["target"], {})
            return any(name in held and held[name]["version"] > body["version"] for name in names)

    def restore(self):
        """What was killed between journal and store counts as stored: its sender cannot know either."""
        with open(self.args.journal, encoding="utf-8") as file:
            for entry in map(json.loads, file):
                fault = entry.get("fault") or {}
                refused = entry.get("refused") or "redirect" in fault
                refused = refused or fault.get("reset") in ("before_read", "after_read")
                if not refused and ("status" not in fault or fault.get("store")):
                    self.put(entry["body"])

    def note(self, entry):
        if self.journal:
            with self.lock:
                self.journal.write(json.dumps(entry) + "\n")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536

    def log_message(self, *args):
        pass

    def setup(self):
        super().setup()
        with self.server.store.lock:
            self.server.store.connections += 1

    def handle(self):
        try:
            super().handle()
        except (Aborted, OSError, ValueError):
            self.close_connection = True

    def finish(self):
        try:
            super().finish()
        except (OSError, ValueError):
            pass

    # --- answers ---------------------------------------------------------------------------------

    def answer(self, status, body=None, headers=None, text=None):
        data = (text if text is not None else json.dumps(body or {})).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if status != 204:
            self.wfile.write(data)
        self.wfile.flush()

    def answer_padded(self, status, body, size):
        """Answers with so many bytes more. They are made as they are sent: a caller would have
        waited for the first of 20 MB made at once, on a busy machine longer than it may."""
        data = json.dumps({**body, "padding": ""}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data) + size))
        self.end_headers()
        self.wfile.write(data[:-2])
        for start in range(0, size, 65536):
            self.wfile.write(b"x" * min(65536, size - start))
        self.wfile.write(data[-2:])

    def reset(self):
        """Ends the connection with RST."""
        raw = self.connection
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if isinstance(raw, ssl.SSLSocket):
            socket.close(raw.detach())
        else:
            # rfile and wfile keep the descriptor open; close it under them.
            raw.shutdown(socket.SHUT_RD)
            socket.close(raw.detach())
        raise Aborted()

    def half(self, how):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b'{"env_keys": ["DATA')
        self.wfile.flush()
        if how == "hang":
            # Until the other side gives up.
            try:
                self.connection.recv(1)
            except OSError:
                pass
        self.close_connection = True
        raise Aborted()

    # --- requests --------------------------------------------------------------------------------

    def do_GET(self):
        store = self.server.store
        if self.path == "/store":
            with store.lock:
                self.answer(200, store.values)
        elif self.path == "/stats":
            with store.lock:
                self.answer(200, {"requests": store.requests, "connections": store.connections,
                                  "stored": store.stored})
        else:
            self.answer(404, {"title": "not_found"})

    def do_POST(self):
        if self.path == "/control":
            script = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            with self.server.store.lock:
                self.server.store.load(script)
                self.server.store.token = script.get("token", self.server.store.token)
            self.answer(200)
            return
        match = re.fullmatch(r"/api/apps/([^/]+)/env", self.path)
        if not match:
            self.answer(404, {"title": "not_found", "detail": "no such path"})
            return
        self.deliver(unquote(match.group(1)))

    def deliver(self, app):
        store = self.server.store
        rule, number, generation = store.next_rule(app)
        rule = rule or {}
        if rule.get("reset") == "before_read":
            store.note({"request": number, "app": app, "fault": rule})
            self.reset()
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        refused = self.headers.get("Authorization") != "Bearer " + store.token
        store.note({"request": number, "app": app, "time": time.time(), "fault": rule or None,
                    "refused": refused, "stale": not refused and store.is_stale(body),
                    "headers": dict(self.headers), "body": body})
        if refused:
            self.answer(401, {"title": "unauthorized", "detail": "unknown token"})
            return
        if rule.get("reset") == "after_read":
            self.reset()
        if "status" in rule:
            if rule.get("store"):
                store.put(body)
            self.answer(rule["status"], rule.get("body"), rule.get("headers"), rule.get("text"))
            return
        if "redirect" in rule:
            self.answer(307, {}, {"Location": rule["redirect"]})
            return
        if store.args.delay:
            time.sleep(store.args.delay)
        if not rule.get("store_first"):
            store.wait(rule, generation)
        status, answer = store.put(body)
        if rule.get("store_first"):
            store.wait(rule, generation)
        if rule.get("reset") == "after_store":
            self.reset()
        if "half" in rule:
            self.half(rule["half"])
        if "huge" in rule:
            self.answer_padded(status, answer, rule["huge"])
        elif rule.get("invalid_json"):
            self.answer(status, text="<html>stored</html>")
        else:
            self.answer(status, answer)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, address):
        pass

    def shutdown_request(self, request):
        try:
            super().shutdown_request(request)
        except OSError:
            pass

    def finish_request(self, request, address):
        if self.tls is not None:
            request.settimeout(30)
            try:
                request = self.tls.wrap_socket(request, server_side=True)
            except (OSError, ssl.SSLError):
                return
            request.settimeout(None)
        super().finish_request(request, address)
        if self.tls is not None:
            try:
                request.close()
            except OSError:
                pass


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file")
    parser.add_argument("--token", default=os.environ.get("PRODUCER_TOKEN", "test-token"))
    parser.add_argument("--journal")
    parser.add_argument("--script")
    parser.add_argument("--tls-cert")
    parser.add_argument("--tls-key")
    parser.add_argument("--ignore-versions", action="store_true")
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--restore", action="store_true")
    args = parser.parse_args()

    server = Server((args.host, args.port), Handler)
    server.tls = None
    if args.tls_cert:
        server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.tls.load_cert_chain(args.tls_cert, args.tls_key or args.tls_cert)
    server.store = Store(args)
    if args.restore:
        server.store.restore()
    if args.script:
        with open(args.script, encoding="utf-8") as file, server.store.lock:
            server.store.load(json.load(file))
    port = server.server_address[1]
    if args.port_file:
        with open(args.port_file + ".new", "w", encoding="utf-8") as file:
            file.write(f"{port}\n")
        os.rename(args.port_file + ".new", args.port_file)
    print(f"listening {port}", flush=True)
    try:
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
