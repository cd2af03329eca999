#!/usr/bin/env python3
"""An object store for tests that need many buckets cheaply: as much of a Ceph gateway's administration
door and S3 door as the sidecar uses, without objects. What real gateways do is tested at real ones
(tools/rgw.sh); this one is killed, stopped and vexed. It keeps what it was told, over kills too.

  store.py --state FILE [--address A] [--port N] [--user appinfra] --secret SECRET

It checks the signature of each request (AWS version 4). It prints "listening PORT". For the test itself:

GET /-/state    {"users": {uid: {keys: {access_key: secret}, ...}}, "buckets": {name: {...}}}
POST /-/rules   {"seed": 1, "refuse": 0.1, "lose": 0.1}: how many requests get a 503 and do nothing,
                and how many answers are lost by RST when the work is done
"""
import argparse
import hashlib
import hmac
import json
import os
import random
import secrets
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote, urlsplit


class Refused(Exception):
    """A refusal: its status and its code."""


class Store:
    """What is stored, in memory and in a file. One lock for all of it."""

    def __init__(self, args):
        self.lock = threading.Lock()
        self.path = args.state
        self.owner = args.user
        self.rules = {}
        self.random = random.Random(0)
        self.users = {args.user: {"keys": {"PLATFORM": args.secret}, "max_buckets": 0}}
        self.buckets = {}
        if os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as file:
                self.users, self.buckets = json.load(file)

    def save(self):
        """Writes all of it, with the lock held: the file is the old one, or the new one."""
        descriptor = os.open(self.path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump([self.users, self.buckets], file)
        os.rename(self.path + ".new", self.path)

    def fate(self):
        """What becomes of the next request: "refuse", "lose" or None."""
        dice = self.random.random()
        refuse = self.rules.get("refuse", 0)
        return "refuse" if dice < refuse else "lose" if dice < refuse + self.rules.get("lose", 0) else None

    # --- the administration door ------------------------------------------------------------------

    def user(self, uid):
        """What is told of a user."""
        user = self.users.get(uid)
        if user is None:
            raise Refused(404, "NoSuchUser")
        return {"user_id": uid, "display_name": user.get("display", uid), "suspended": int(user.get("suspended", False)),
                "max_buckets": user["max_buckets"], "op_mask": user.get("op_mask", "read, write, delete"), "subusers": [],
                "caps": [], "swift_keys": [], "keys": self.keys(uid)}

    def keys(self, uid):
        """The keys of a user, with their secrets."""
        return [{"user": uid, "access_key": key, "secret_key": secret} for key, secret in self.users[uid]["keys"].items()]

    def admin_user(self, method, given):
        """GET, PUT, POST and DELETE /admin/user; with the parameter key: of one of its keys."""
        uid = given["uid"]
        if method == "PUT" and "key" not in given:
            if uid in self.users:
                raise Refused(409, "UserAlreadyExists")
            self.users[uid] = {"keys": {}}
        user = self.users.get(uid)
        if user is None:
            raise Refused(404, "NoSuchUser")
        if method == "DELETE" and "key" in given:
            if user["keys"].pop(given["access-key"], None) is None:
                raise Refused(403, "InvalidAccessKeyId")
            return {}
        if method == "DELETE":
            del self.users[uid]
            return {}
        for parameter, name in (("display-name", "display"), ("op-mask", "op_mask")):
            if parameter in given:
                user[name] = given[parameter]
        user["max_buckets"] = int(given.get("max-buckets", user.get("max_buckets", 1000)))
        user["suspended"] = given.get("suspended", str(user.get("suspended", False))).lower() == "true"
        if "generate-key" in given:
            user["keys"][given["access-key"]] = secrets.token_hex(20)
        return self.keys(uid) if "key" in given else self.user(uid)

    def admin_bucket(self, method, given):
        """GET, PUT and DELETE /admin/bucket."""
        if method == "GET" and "bucket" not in given:
            return [name for name, bucket in self.buckets.items() if bucket["owner"] == given["uid"]]
        bucket = self.bucket(given["bucket"])
        if method == "DELETE":
            del self.buckets[given["bucket"]]
        elif method == "PUT":
            bucket["quota"] = {"enabled": given["enabled"] == "true", "max_size_kb": int(given["max-size-kb"])}
        return {"bucket": given["bucket"], "owner": bucket["owner"], "usage": {}, "bucket_quota": bucket["quota"]}

    # --- the S3 door --------------------------------------------------------------------------------

    def bucket(self, name):
        """A bucket that is there."""
        if name not in self.buckets:
            raise Refused(404, "NoSuchBucket")
        return self.buckets[name]

    def s3(self, method, name, given, body, uid):
        """What the platform does with a bucket; nobody else gets in."""
        if method == "PUT" and not given:
            bucket = self.buckets.setdefault(name, {"owner": uid, "quota": {"enabled": False, "max_size_kb": -1}})
            if bucket["owner"] != uid:
                raise Refused(409, "BucketAlreadyExists")
            return ""
        bucket = self.bucket(name)
        if bucket["owner"] != uid:
            raise Refused(403, "AccessDenied")
        for what, absent in (("policy", "NoSuchBucketPolicy"), ("publicAccessBlock", "NoSuchPublicAccessBlockConfiguration")):
            if what in given and method == "PUT":
                bucket[what] = body
                return ""
            if what in given and what not in bucket:
                raise Refused(404, absent)
            if what in given:
                return bucket[what]
        return "<ListBucketResult></ListBucketResult>"


def hmac_of(key, text):
    """HMAC-SHA-256 of a text."""
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def handle(self):
        try:
            super().handle()
        except (OSError, ValueError):
            self.close_connection = True

    def answer(self, status, text, kind="application/json"):
        """Sends an answer."""
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def lose(self):
        """Ends the connection by RST instead of an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.shutdown(socket.SHUT_RD)
        socket.close(self.connection.detach())
        raise ConnectionAbortedError

    def caller(self, store, given, body):
        """The uid whose key has signed the request; None when nobody has."""
        authorization = self.headers.get("Authorization", "")
        if not authorization:
            return None
        part = dict(item.strip().split("=", 1) for item in authorization.split(" ", 1)[1].split(","))
        access_key, date, region, service, _ = part["Credential"].split("/")
        found = [(uid, user) for uid, user in store.users.items() if access_key in user["keys"]]
        if not found:
            raise Refused(403, "InvalidAccessKeyId")
        uid, user = found[0]
        names = part["SignedHeaders"].split(";")
        query = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(given.items()))
        canonical = "\n".join([self.command, urlsplit(self.path).path, query,
                               *(f"{name}:{' '.join(self.headers[name].split())}" for name in names), "",
                               part["SignedHeaders"], hashlib.sha256(body).hexdigest()])
        scope = "/".join([date, region, service, "aws4_request"])
        text = "\n".join(["AWS4-HMAC-SHA256", self.headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + user["keys"][access_key]).encode()
        for step in (date, region, service, "aws4_request"):
            key = hmac_of(key, step)
        if not hmac.compare_digest(hmac_of(key, text).hex(), part["Signature"]):
            raise Refused(403, "SignatureDoesNotMatch")
        return uid

    def serve(self):
        """Answers one request."""
        store = self.server.store
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, given = unquote(urlsplit(self.path).path), dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        with store.lock:
            if path.startswith("/-/"):
                self.answer(200, self.control(store, path, body))
                return
            fate = store.fate()
            if fate == "refuse":
                self.answer(503, '{"Code":"SlowDown"}')
                return
            try:
                status, text = 200, self.work(store, path, given, body)
                store.save()
            except Refused as refused:
                status, text = refused.args[0], json.dumps({"Code": refused.args[1]})
            if fate == "lose":
                self.lose()
        self.answer(status, text)

    do_GET = do_PUT = do_POST = do_DELETE = serve

    def work(self, store, path, given, body):
        """Does what is asked; returns the answer's text."""
        uid = self.caller(store, given, body)
        if path.startswith("/admin/") and uid != store.owner:
            raise Refused(403, "AccessDenied")
        if path == "/admin/user":
            return json.dumps(store.user(given["uid"]) if self.command == "GET" else store.admin_user(self.command, given))
        if path == "/admin/bucket":
            return json.dumps(store.admin_bucket(self.command, given))
        return store.s3(self.command, path[1:], given, body.decode(), uid)

    def control(self, store, path, body):
        """Does what the test wants; returns the answer."""
        if path == "/-/rules":
            store.rules = json.loads(body)
            store.random = random.Random(store.rules.get("seed", 0))
            return "{}"
        return json.dumps({"users": store.users, "buckets": store.buckets})


class Server(ThreadingHTTPServer):
    """Listens where it is told to."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, address):
        pass

    def shutdown_request(self, request):
        try:
            super().shutdown_request(request)
        except OSError:
            pass


def main():
    """Serves until it is killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", required=True)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--user", default="appinfra")
    parser.add_argument("--secret", required=True)
    args = parser.parse_args()
    server = Server((args.address, args.port), Handler)
    server.store = Store(args)
    print(f"listening {server.server_address[1]}", flush=True)
    server.serve_forever(poll_interval=0.2)


if __name__ == "__main__":
    main()
