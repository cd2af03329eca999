#!/usr/bin/env python3
"""A proxy in front of an object store, for tests: it passes requests on byte by byte, keeps a
journal of them (methods and targets, nothing of their heads or bodies), and holds or spoils those
that it is told to. The store sees the caller's own head, so that signatures stay right.

  store_proxy.py --store PORT [--port N]

It is for loopback only. It prints "listening PORT". Requests to itself:

POST /-/rules    {"seed": 1, "rules": [RULE, ...]} replaces the rules; what is held stays held
POST /-/release  lets go of what is held: each goes on from where it stood, whether its caller is
                 there or not. What is passed on then is what a store does late
GET /-/journal   [{"number", "line": "PUT /b?policy=", "action", "state", "status"}, ...], the state
                 being "open", "held" or "done"

The first rule that fits a request decides. A RULE has
  conditions     "match": REGULAR EXPRESSION that is found in the line, "probability": 0.3,
                 "times": 2 (how often it may fire)
  "actions": [ACTION, ...], of which one is drawn. An ACTION is
                 "hold before"   held before it is passed on
                 "hold after"    held after the store has answered, before the answer is given
                 "refuse before" 500, and the store sees nothing of it
                 "refuse after"  500, and the store has done it
                 "reset before", "reset after"   RST, likewise
                 "half"          half of the store's answer
                 "late"          passed on when the caller has left, or after 10 s
"""
import argparse
import json
import random
import re
import select
import socket
import socketserver
import struct
import threading

LONGEST_WAIT = 10  # seconds for a caller to leave, before a late request is passed on all the same
REFUSAL = b'{"Code":"UnknownError","RequestId":"tx0"}'


class State:
    """The rules, the journal and who is held. One lock for all of it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.released = threading.Condition(self.lock)
        self.releases = 0
        self.journal = []
        self.load({})

    def load(self, script):
        """Replaces the rules."""
        with self.lock:
            self.rules = [dict(rule) for rule in script.get("rules", [])]
            self.random = random.Random(script.get("seed", 0))

    def begin(self, line):
        """Notes a request; returns its entry, with the action that is drawn for it."""
        with self.lock:
            entry = {"number": len(self.journal) + 1, "line": line, "action": self.draw(line),
                     "state": "open", "status": None}
            self.journal.append(entry)
            return entry

    def draw(self, line):
        """The action for a request, with the lock held; None: it passes."""
        for rule in self.rules:
            if not re.search(rule.get("match", ""), line) or rule.get("times") == 0:
                continue
            if "probability" in rule and self.random.random() >= rule["probability"]:
                continue
            if "times" in rule:
                rule["times"] -= 1
            return self.random.choice(rule["actions"])
        return None

    def hold(self, entry):
        """Returns when all that is held is released."""
        with self.released:
            entry["state"] = "held"
            now = self.releases
            self.released.wait_for(lambda: self.releases != now)
            entry["state"] = "open"

    def release(self):
        """Lets go of what is held."""
        with self.released:
            self.releases += 1
            self.released.notify_all()


def read_message(connection):
    """A request's head and body; nothing when there is none."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return b"", b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    while len(body) < int(found.group(1) if found else 0):
        part = connection.recv(65536)
        if not part:
            return b"", b""
        body += part
    return head, body


def answer_of(status, body):
    """An answer of the proxy's own."""
    return (f"HTTP/1.1 {status} Told\r\nContent-Type: application/json\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


class Handler(socketserver.BaseRequestHandler):
    """One connection, which has one request."""

    def handle(self):
        try:
            head, body = read_message(self.request)
            if not head:
                return
            method, target = head.split(b"\r\n")[0].decode().split(" ")[:2]
            if target.startswith("/-/"):
                self.request.sendall(answer_of(200, self.control(target, body)))
            else:
                self.serve(f"{method} {target}", head, body)
        except OSError:
            pass  # the caller is gone

    def control(self, target, body):
        """Does what the test wants; returns the answer."""
        state = self.server.state
        if target == "/-/rules":
            state.load(json.loads(body))
        elif target == "/-/release":
            state.release()
        with state.lock:
            return json.dumps(state.journal if target == "/-/journal" else {}).encode()

    def serve(self, line, head, body):
        """Passes a request on, and its answer back, as its action allows."""
        state = self.server.state
        entry = state.begin(line)
        what, _, when = (entry["action"] or "").partition(" ")
        try:
            if when == "before":
                self.spoil(what, entry)
            if what == "late":
                select.select([self.request], [], [], LONGEST_WAIT)
            answer = self.pass_on(head, body)
            entry["status"] = int(answer.split(b" ", 2)[1]) if answer else None
            if when == "after":
                self.spoil(what, entry)
            self.request.sendall(answer[: len(answer) // 2] if what == "half" else answer)
        finally:
            with state.lock:
                entry["state"] = "done"

    def spoil(self, what, entry):
        """Holds a request for as long as it takes, or ends it (by an OSError)."""
        if what == "hold":
            self.server.state.hold(entry)
            return
        if what == "refuse":
            self.request.sendall(answer_of(500, REFUSAL))
        else:
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.close(self.request.detach())
        raise ConnectionAbortedError

    def pass_on(self, head, body):
        """The store's answer."""
        with socket.create_connection(("127.0.0.1", self.server.store)) as store:
            store.sendall(head + b"\r\nConnection: close\r\n\r\n" + body)
            answer = b""
            while part := store.recv(65536):
                answer += part
            return answer


class Server(socketserver.ThreadingTCPServer):
    """Listens on loopback."""

    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def shutdown_request(self, request):
        try:
            super().shutdown_request(request)
        except OSError:
            pass  # it was reset


def main():
    """Serves until it is killed."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=int, required=True)
    parser.add_argument("--port", type=int, default=0)
    args = parser.parse_args()
    server = Server(("127.0.0.1", args.port), Handler)
    server.state = State()
    server.store = args.store
    print(f"listening {server.server_address[1]}", flush=True)
    server.serve_forever(poll_interval=0.2)


if __name__ == "__main__":
    main()
