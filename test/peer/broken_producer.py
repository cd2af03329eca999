#!/usr/bin/env python3
"""The reference producer, with one rule of docs/producer.md broken: for the test of check-producer.

  broken_producer.py --break RULE, and the options of reference_producer.py

RULE is the name of the check that is to fail; "stored_without_token" and "stored_with_wrong_token"
refuse the request and store it, "bad_body_taken" takes what lacks a version, "reading_without_token"
shows values to strangers, "echo_in_header" puts them into a header, "hang" says "hanging" and answers
no more to the request for large_body.
"""
import json
import sys
import time

from reference_producer import Handler, Problem, Server, Store, arguments, serve

broken = ""


class BrokenStore(Store):
    def apply(self, app_id, key, request):
        if broken == "targets_apart":
            request = {**request, "target": app_id}
        if broken == "names_apart" and request["version"] < self.newest(request["target"]):
            raise Problem(409, "stale_version", "another variable is newer")
        super().apply(app_id, key, request)

    def newest(self, target):
        return self.connection.execute(
            "SELECT coalesce(max(version), 0) FROM variable WHERE target = ?", (target,)).fetchone()[0]

    def row(self, target, name):
        return self.connection.execute(
            "SELECT version, key, value IS NOT NULL FROM variable WHERE target = ? AND name = ?", (target, name)).fetchone()

    def write(self, app_id, key, request):
        if broken == "whole_request":
            stale = None
            for name, value in {**request["set"], **dict.fromkeys(request["unset"])}.items():
                alone = {**request, "set": {} if value is None else {name: value}, "unset": [name] if value is None else []}
                try:
                    super().write(app_id, key, alone)
                except Problem as problem:
                    stale = problem
            if stale:
                self.connection.execute("COMMIT")
                self.connection.execute("BEGIN")
                raise stale
            return
        super().write(app_id, key, request)
        if broken == "unset_version":
            self.connection.execute("DELETE FROM variable WHERE value IS NULL")

    def admits(self, request, name, key):
        row = self.row(request["target"], name)
        if broken == "unset" and name in request["unset"] and not (row and row[2]):
            raise Problem(422, "not_set", f"{name} is not set")
        if row and broken == "repetition" and row[1] == key:
            raise Problem(409, "repeated", "this was sent before")
        if row and broken == "equal_version" and row[0] == request["version"] and row[1] != key:
            raise Problem(409, "stale_version", "this version is stored")
        if row and broken == "lower_version" and row[0] > request["version"]:
            return False
        try:
            return super().admits(request, name, key)
        except Problem as problem:
            if broken == "refused_unchanged" and problem.title == "stale_version":
                self.connection.execute("UPDATE variable SET version = ? WHERE target = ? AND name = ?",
                                        (request["version"], request["target"], name))
                self.connection.execute("COMMIT")
                self.connection.execute("BEGIN")
            raise


class BrokenHandler(Handler):
    requests = 0
    over = False  # a GET with a token came: what follows is the cleaning up

    def do_GET(self):
        has_token = "Authorization" in self.headers
        BrokenHandler.over = BrokenHandler.over or has_token
        if broken == ("no_reading" if has_token else "reading_without_token"):
            self.answer(200, {"env": self.server.store.environment(self.path.split("/")[3])})
        else:
            super().do_GET()

    def deliver(self):
        BrokenHandler.requests += 1
        if broken == "latency" and BrokenHandler.requests == 7:
            time.sleep(1.5)
        if broken == "clean_up" and BrokenHandler.over:
            self.body()
            raise Problem(400, "bad", "it does not clean up")
        answer = super().deliver()
        if broken == "answer":
            answer["version"] += 1
        if broken == "no_echo":
            answer["stored"] = self.request_document["set"]
        return answer

    def authorize(self):
        given = "Authorization" in self.headers
        try:
            super().authorize()
        except Problem:
            if broken == ("wrong_token" if given else "no_token"):
                return
            if broken == ("stored_with_wrong_token" if given else "stored_without_token"):
                request = self.request_document
                self.server.store.apply(self.path.split("/")[3], "", request)
            raise

    def body(self):
        text = super().body()
        try:
            self.request_document = json.loads(text)
        except ValueError:
            self.request_document = {}
            if broken == "bad_body":
                raise Problem(500, "internal", "no JSON") from None
        document = self.request_document
        if broken == "bad_body_taken" and "version" not in document and document:
            document["version"] = self.server.store.newest(document["target"]) + 1
            return json.dumps(document).encode()
        if broken == "store" and document.get("set") and "Authorization" in self.headers:
            self.authorize()
            raise Problem(500, "internal", "it stores nothing")
        if broken == "unknown_field" and set(document) - {"producer", "target", "ref", "host_id", "publication_id",
                                                          "version", "set", "unset"}:
            raise Problem(422, "unknown_field", "a field is not known")
        if broken == "large_body" and len(text) > 60_000:
            raise Problem(413, "too_large", "a body has 60,000 bytes at most")
        if broken == "hang" and len(text) > 60_000:
            print("hanging", flush=True)
            time.sleep(60)
        if broken == "unknown_app" and any("UNKNOWN_APP" in name for name in document.get("set", {})):
            raise Problem(403, "forbidden", "there is no such app")
        return text

    def send_header(self, keyword, value):
        super().send_header(keyword, value)
        if broken == "echo_in_header" and keyword == "Content-Type" and self.command == "POST":
            super().send_header("X-Stored", json.dumps(self.request_document.get("set", {})))


def main():
    global broken
    parser = arguments()
    parser.add_argument("--break", dest="broken", default="")
    options = parser.parse_args()
    if options.print:
        sys.exit("--print is reference_producer.py's")
    broken = options.broken
    serve(Server(options, BrokenHandler, BrokenStore(options.database)))


if __name__ == "__main__":
    main()
