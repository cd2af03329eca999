"""A client that speaks PostgreSQL's protocol itself: the simple, the extended and the function-call
protocol, startup options, and several messages at a time without waiting. TCP, SCRAM-SHA-256.

A Session is one connection. What the server says of one message is an Answer: rows and at most one
Error (SQLSTATE, message, detail, hint). `lost` in an Answer: the server ended the connection.
"""
import base64
import functools
import hashlib
import hmac
import os
import socket
import struct
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Error:
    state: str
    message: str
    detail: str = ""
    hint: str = ""

    def __str__(self):
        return f"{self.state} {self.message}" + (f" | {self.detail}" if self.detail else "")


@dataclass
class Answer:
    rows: list = field(default_factory=list)
    error: Error = None
    lost: bool = False

    @property
    def value(self):
        """The first column of the first row, or None."""
        return self.rows[0][0] if self.rows else None


class LoginRefused(Exception):
    def __init__(self, error):
        super().__init__(str(error))
        self.error = error


def parse_dsn(url):
    """Returns host, port, user, password and database of a DSN as appinfra hands it out."""
    parts = urlsplit(url)
    return {"host": parts.hostname, "port": parts.port, "user": unquote(parts.username),
            "password": unquote(parts.password), "database": unquote(parts.path[1:]),
            **{name: values[0] for name, values in parse_qs(parts.query).items()}}


@functools.cache
def salted(password, salt, rounds):
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)


def mac(key, text):
    return hmac.new(key, text.encode(), "sha256").digest()


def message(kind, body=b""):
    return kind + struct.pack("!I", 4 + len(body)) + body


def query_message(sql):
    return message(b"Q", sql.encode() + b"\0")


def extended_messages(sql):
    """Parse, bind and execute without parameters, then Sync."""
    return b"".join([
        message(b"P", b"\0" + sql.encode() + b"\0\0\0"),
        message(b"B", b"\0\0" + struct.pack("!HHH", 0, 0, 0)),
        message(b"E", b"\0" + struct.pack("!I", 0)),
        message(b"S")])


def function_call_message(oid, arguments):
    """Calls a function by OID; an argument is a text, or None."""
    body = struct.pack("!IHHH", oid, 1, 0, len(arguments))
    for argument in arguments:
        if argument is None:
            body += struct.pack("!i", -1)
        else:
            encoded = argument.encode()
            body += struct.pack("!i", len(encoded)) + encoded
    return message(b"F", body + struct.pack("!H", 0))


class Session:
    def __init__(self, dsn, **options):
        """Logs in, or raises LoginRefused. Further arguments are parameters of the startup packet."""
        part = parse_dsn(dsn) if isinstance(dsn, str) else dsn
        self.buffer = b""
        if part["host"].startswith("/"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(f"{part['host']}/.s.PGSQL.{part['port']}")
        else:
            self.socket = socket.create_connection((part["host"], part["port"]))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(20)
        names = {"user": part["user"], "database": part["database"], **options}
        body = struct.pack("!I", 196608) + b"".join(
            name.encode() + b"\0" + value.encode() + b"\0" for name, value in names.items()) + b"\0"
        self.socket.sendall(struct.pack("!I", 4 + len(body)) + body)
        self._authenticate(part.get("password", ""))
        answer = self._answer()
        if answer.error or answer.lost:
            raise LoginRefused(answer.error or Error("", "connection lost"))

    def send(self, *messages):
        """Sends messages at once and returns the answer to each."""
        self.post(*messages)
        return [self._answer(syncs=message[:1] == b"P") for message in messages]

    def post(self, *messages):
        """Sends messages without waiting; `_answer` reads what comes back."""
        try:
            self.socket.sendall(b"".join(messages))
        except OSError:
            pass  # why it ended is to be read

    def query(self, sql):
        return self.send(query_message(sql))[0]

    def need(self, sql):
        """Runs SQL that has to work, and returns its first value."""
        rows = self.rows(sql)
        return rows[0][0] if rows else None

    def rows(self, sql):
        answer = self.query(sql)
        if answer.error or answer.lost:
            raise RuntimeError(f"{answer.error or 'connection lost'}: {sql[:400]}")
        return answer.rows

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        try:
            self.socket.sendall(message(b"X"))
        except OSError:
            pass
        self.socket.close()

    def _authenticate(self, password):
        while True:
            kind, body = self._read()
            if kind == b"E":
                raise LoginRefused(error_of(body))
            if kind != b"R":
                raise RuntimeError(f"unexpected message {kind}")
            request = struct.unpack("!I", body[:4])[0]
            if request == 0:
                return
            if request == 10:
                nonce = base64.b64encode(os.urandom(18)).decode()
                first = f"n,,n=,r={nonce}"
                self.socket.sendall(message(
                    b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first.encode()))
            elif request == 11:
                self._prove(password, nonce, body[4:].decode())
            elif request != 12:
                raise RuntimeError(f"unexpected authentication request {request}")

    def _prove(self, password, nonce, server_first):
        fields = dict(item.split("=", 1) for item in server_first.split(","))
        key = salted(password, base64.b64decode(fields["s"]), int(fields["i"]))
        client = mac(key, "Client Key")
        final = f"c=biws,r={fields['r']}"
        signature = mac(hashlib.sha256(client).digest(), f"n=,r={nonce},{server_first},{final}")
        proof = bytes(a ^ b for a, b in zip(client, signature))
        text = f"{final},p={base64.b64encode(proof).decode()}"
        self.socket.sendall(message(b"p", text.encode()))

    def _answer(self, syncs=False):
        """Reads up to ReadyForQuery. A COPY FROM STDIN gets no data, and in the extended protocol
        another Sync, because it has swallowed the first; a COPY TO STDOUT is read."""
        answer = Answer()
        while True:
            try:
                kind, body = self._read()
            except (ConnectionError, OSError):
                answer.lost = True
                return answer
            if kind == b"Z":
                return answer
            if kind == b"E" and answer.error is None:
                answer.error = error_of(body)
            elif kind == b"D":
                answer.rows.append(row_of(body))
            elif kind == b"d":
                answer.rows.append((body.decode(errors="replace"),))
            elif kind in (b"G", b"W"):
                self.socket.sendall(message(b"c") + (message(b"S") if syncs else b""))

    def _read(self):
        header = self._bytes(5)
        return header[:1], self._bytes(struct.unpack("!I", header[1:])[0] - 4)

    def _bytes(self, count):
        while len(self.buffer) < count:
            got = self.socket.recv(65536)
            if not got:
                raise ConnectionError("connection lost")
            self.buffer += got
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken


def row_of(body):
    count, at, row = struct.unpack("!H", body[:2])[0], 2, []
    for _ in range(count):
        length = struct.unpack("!i", body[at:at + 4])[0]
        at += 4
        row.append(None if length < 0 else body[at:at + length].decode(errors="replace"))
        at += max(length, 0)
    return tuple(row)


def error_of(body):
    fields = {item[:1]: item[1:].decode(errors="replace") for item in body.split(b"\0") if item}
    return Error(fields[b"C"], fields[b"M"], fields.get(b"D", ""), fields.get(b"H", ""))
