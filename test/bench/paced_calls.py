#!/usr/bin/env python3
"""Calls of a gateway at an even pace, whatever the answers take: prints each call's milliseconds.

  TOKEN=... BODY=... paced_calls.py URL CALLS_A_SECOND SECONDS NAME

Prints "NAME milliseconds" a line; a call counts from when it was due, so that one that waits for the one before
it is not told better than it is. An answer other than 200 is told on standard error.
"""
import http.client
import os
import sys
import time
import urllib.parse

address = urllib.parse.urlsplit(sys.argv[1]).netloc
pace, seconds, name = float(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
headers = {"Authorization": "Bearer " + os.environ["TOKEN"], "Content-Type": "application/json"}
connection = http.client.HTTPConnection(address, timeout=30)
begun = time.monotonic() + 0.1
for number in range(int(pace * seconds)):
    due = begun + number / pace
    time.sleep(max(0.0, due - time.monotonic()))
    connection.request("POST", "/v1/sql/execute", os.environ["BODY"], headers)
    response = connection.getresponse()
    text = response.read()
    if response.status != 200:
        print(response.status, text[:200].decode(), file=sys.stderr)
    print(name, "%.3f" % ((time.monotonic() - due) * 1000))
