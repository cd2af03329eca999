"""Stands before a gateway and lets nothing succeed at once: the answer to a first attempt is dropped, the
second is told 503, the third 429; from the fourth on it passes all on. An attempt is one more request with
the same Idempotency-Key. At GET /report it says what it has seen: attempts of each key, their last status,
and whether an answer that was given again differed from the one that was dropped."""
import argparse
import http.client
import http.server
import json
import threading

arguments = argparse.ArgumentParser()
arguments.add_argument("gateway")
gateway = arguments.parse_args().gateway
seen = {}
lock = threading.Lock()


def forward(request, body):
    host, port = gateway.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    headers = {name: request.headers[name] for name in ("Authorization", "Content-Type", "Idempotency-Key") if request.headers[name]}
    connection.request(request.command, request.path, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, answer.getheader("Content-Type"), content


class Door(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/report":
            self.tell(200, "application/json", json.dumps(list(seen.values())).encode())
            return
        key = self.headers.get("Idempotency-Key", "")
        with lock:
            entry = seen.setdefault(key, {"path": self.path, "attempts": 0, "same": True})
            entry["attempts"] += 1
            attempt = entry["attempts"]
        if attempt == 1:
            entry["dropped"] = forward(self, body)[2].decode()
            self.close_connection = True
        elif attempt == 2:
            self.tell(503, "application/problem+json", b'{"title":"overloaded","status":503}')
        elif attempt == 3:
            self.tell(429, "application/problem+json", b'{"title":"rate_limited","status":429}', "0.01")
        else:
            status, kind, content = forward(self, body)
            entry["status"] = status
            entry["same"] = content.decode() == entry["dropped"]
            self.tell(status, kind, content)

    do_GET = do_POST = do_DELETE = answer

    def tell(self, status, kind, content, after=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if after:
            self.send_header("Retry-After", after)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
server.daemon_threads = True
print(f"listening address=127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
