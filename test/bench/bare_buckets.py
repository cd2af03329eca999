#!/usr/bin/env python3
"""The six calls that make a bucket with its key, bare: what test/bench/buckets is measured against.

  bare_buckets.py PREFIX COUNT AT_A_TIME    prints "bare MILLISECONDS" for each, and "rate PER_SECOND"

Signs with botocore beforehand, so that only the requests themselves are in the times, and keeps its
connections as the sidecar does.
"""
import hashlib
import http.client
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode, urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ENDPOINT = os.environ["RGW_ENDPOINT"]
KEY = Credentials(os.environ["RGW_ACCESS_KEY"], os.environ["RGW_SECRET_KEY"])
HOST = urlsplit(ENDPOINT).netloc
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def signed(method, path, parameters, body=b""):
    """Returns a signed request: method, target, headers, body."""
    target = path + ("?" + urlencode(sorted(parameters.items())) if parameters else "")
    request = AWSRequest(method=method, url=ENDPOINT + target, data=body)
    request.headers["x-amz-content-sha256"] = hashlib.sha256(body).hexdigest()
    S3SigV4Auth(KEY, "s3", "us-east-1").add_auth(request)
    return method, target, dict(request.headers.items()), body


def policy_of(name, user):
    """Returns a policy in the shape of the sidecar's."""
    place = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    who = {"AWS": [f"arn:aws:iam:::user/{user}"]}
    allow = {"Sid": "write", "Effect": "Allow", "Principal": who, "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
             "Resource": place[1:]}
    deny = {"Sid": "nobody-else", "Effect": "Deny", "NotPrincipal": {"AWS": who["AWS"] + ["arn:aws:iam:::user/appinfra"]},
            "Action": ["s3:*"], "Resource": place}
    return json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]}).encode()


def calls(prefix, number):
    """Returns the six calls for one bucket."""
    name = f"bare-{prefix}-{number}"
    user = f"user-{name}"
    digest = hashlib.sha256(name.encode()).digest()
    access_key = "AKIA" + "".join(LETTERS[byte % 32] for byte in digest[:16])
    block = b"<PublicAccessBlockConfiguration><IgnorePublicAcls>true</IgnorePublicAcls></PublicAccessBlockConfiguration>"
    return [
        signed("PUT", f"/{name}", {}),
        signed("PUT", f"/{name}", {"policy": ""}, policy_of(name, user)),
        signed("PUT", f"/{name}", {"publicAccessBlock": ""}, block),
        signed("PUT", "/admin/bucket", {"bucket": name, "enabled": "true", "max-size-kb": "1048576", "quota": "", "uid": "appinfra"}),
        signed("PUT", "/admin/user", {"display-name": user, "generate-key": "false", "max-buckets": "-1", "uid": user}),
        signed("PUT", "/admin/user", {"access-key": access_key, "generate-key": "true", "key": "", "key-type": "s3", "uid": user}),
    ]


def connect():
    """Returns a connection to the store."""
    return http.client.HTTPConnection(HOST)


def make(connection, requests):
    """Makes the calls of one bucket; returns how many milliseconds they took."""
    begun = time.monotonic()
    for method, target, headers, body in requests:
        connection.request(method, target, body=body, headers=headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            sys.exit(f"{method} {target}: {answer.status} {text[:200]!r}")
    return 1000 * (time.monotonic() - begun)


def work(all_calls):
    """Makes buckets one after another, on one connection."""
    connection = connect()
    return [make(connection, requests) for requests in all_calls]


def main():
    """Measures."""
    prefix, count, at_a_time = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    planned = [calls(prefix, number) for number in range(count)]
    begun = time.monotonic()
    with ThreadPoolExecutor(at_a_time) as pool:
        times = [took for part in pool.map(work, [planned[i::at_a_time] for i in range(at_a_time)]) for took in part]
    rate = count / (time.monotonic() - begun)
    for took in times:
        print(f"bare {took:.2f}")
    print(f"rate {rate:.1f}")


if __name__ == "__main__":
    main()
