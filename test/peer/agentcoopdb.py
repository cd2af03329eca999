"""A client of the SQL gateway with nothing but the standard library.

Every call has an Idempotency-Key of its own, so it may be repeated: a broken connection, 429 and 5xx
are repeated with the same key, after what Retry-After says; 409 and all else never.
"""
import http.client
import json
import re
import time
import urllib.parse
import uuid


class GatewayError(Exception):
    """An answer that is a problem: status, title, detail, sqlstate, hint."""

    def __init__(self, status, problem):
        super().__init__(f"{status} {problem.get('title')}: {problem.get('detail')}")
        self.status = status
        self.title = problem.get("title")
        self.detail = problem.get("detail")
        self.sqlstate = problem.get("sqlstate")
        self.hint = problem.get("hint")


class Transaction:
    """Writes that are one statement: each but the last is a WITH query of it."""

    def __init__(self, database):
        self.database = database
        self.statements = []
        self.params = []
        self.answer = None

    def execute(self, sql, params=()):
        before = len(self.params)
        sql = re.sub(r"\$(\d+)", lambda found: f"${int(found.group(1)) + before}", sql)
        self.statements.append(sql.rstrip().rstrip(";"))
        self.params.extend(params)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        if kind is None and self.statements:
            *first, last = self.statements
            parts = ", ".join(f"step_{i} AS ({sql})" for i, sql in enumerate(first))
            self.answer = self.database.execute((f"WITH {parts} " if parts else "") + last, self.params)


class Database:
    def __init__(self, url, api_key, attempts=8, pause=0.05):
        self.url = urllib.parse.urlsplit(url)
        self.api_key = api_key
        self.attempts = attempts
        self.pause = pause

    def execute(self, sql, params=(), idempotency_key=None):
        """Runs a statement and returns the answer: command, columns, rows, rows_affected, ..."""
        return self._call("POST", "/v1/sql/execute", {"sql": sql, "params": list(params)}, idempotency_key)

    def select(self, sql, params=()):
        """Runs a query and returns its rows as dictionaries."""
        answer = self.execute(sql, params)
        return [dict(zip(answer["columns"], row)) for row in answer["rows"]]

    def transaction(self):
        return Transaction(self)

    def rpc_call(self, procedure, args=None):
        return self._call("POST", "/v1/rpc/call", {"procedure": procedure, "args": args or {}})["result"]

    def vector_upsert(self, table, rows, id_column="id", vector_column="embedding"):
        """Stores rows of id, metadata and vector, in place of those that have their ids."""
        values = ", ".join(f"(${n}, ${n + 1}::jsonb, ${n + 2}::vector)" for n in range(1, 3 * len(rows), 3))
        return self.execute(
            f'INSERT INTO "{table}" ("{id_column}", metadata, "{vector_column}") VALUES {values} ON CONFLICT ("{id_column}") '
            f'DO UPDATE SET metadata = EXCLUDED.metadata, "{vector_column}" = EXCLUDED."{vector_column}"',
            [value for row in rows for value in (row["id"], row["metadata"], row["vector"])])

    def vector_search(self, table, query, k=5, vector_column="embedding"):
        """Returns the k nearest rows with their distance."""
        return self.select(
            f'SELECT *, "{vector_column}" <=> $1::vector AS distance FROM "{table}" ORDER BY distance LIMIT $2', [query, k])

    def rotate_key(self):
        """Replaces the key, which lives on for a while, and returns the new one."""
        answer = self._call("POST", "/v1/auth/keys/rotate", {})
        self.api_key = answer["token"]
        return answer

    def me(self):
        return self._call("GET", "/v1/me")

    def _call(self, method, path, body=None, idempotency_key=None):
        content = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json",
                   "Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        for attempt in range(self.attempts):
            try:
                status, answer, after = self._send(method, path, content, headers)
            except (OSError, http.client.HTTPException):
                if attempt + 1 == self.attempts:
                    raise
                status, after = 0, None
            if 200 <= status < 300:
                return json.loads(answer)
            if status != 0 and (attempt + 1 == self.attempts or (status != 429 and status < 500)):
                raise GatewayError(status, json.loads(answer))
            time.sleep(float(after) if after else self.pause * 2 ** attempt)

    def _send(self, method, path, content, headers):
        kind = http.client.HTTPSConnection if self.url.scheme == "https" else http.client.HTTPConnection
        connection = kind(self.url.hostname, self.url.port, timeout=30)
        try:
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.getheader("Retry-After")
        finally:
            connection.close()


def connect(url, api_key, **options):
    return Database(url, api_key, **options)
