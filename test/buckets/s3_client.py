#!/usr/bin/env python3
"""An app that keeps files, with boto3 and nothing but its five variables.

Reads a list of steps as JSON from standard input, [NAME, ARGUMENT...] each, and writes what came of
each: its result, or the code of the store's refusal as "!Code". PREFIX names another prefix than OF_S3.
The bucket of a step is the variable's unless its argument says "BUCKET/KEY" with a leading slash.
"""
import io
import json
import os
import sys
import urllib.error
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

PREFIX = os.environ.get("PREFIX", "OF_S3")


def variable(name):
    """Returns one of the app's five variables."""
    return os.environ[f"{PREFIX}_{name}"]


S3 = boto3.client(
    "s3",
    endpoint_url=variable("ENDPOINT"),
    region_name=variable("REGION"),
    aws_access_key_id=variable("ACCESS_KEY"),
    aws_secret_access_key=variable("SECRET_KEY"),
    config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
)
BUCKET = variable("BUCKET")


def place(text):
    """Returns bucket and key: of "/bucket/key", or of a key of the app's own bucket."""
    if text.startswith("/"):
        bucket, _, key = text[1:].partition("/")
        return {"Bucket": bucket, "Key": key}
    return {"Bucket": BUCKET, "Key": text}


def upload(key, text):
    """Uploads as the example of the platform does, by upload_file's sister for memory."""
    at = place(key)
    S3.upload_fileobj(io.BytesIO(text.encode()), at["Bucket"], at["Key"])


def download(key):
    """Downloads an object as the example of the platform does, and returns it as text."""
    at = place(key)
    body = io.BytesIO()
    S3.download_fileobj(at["Bucket"], at["Key"], body)
    return body.getvalue().decode()


def fetch(url):
    """Returns the status of a GET without any key."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


STEPS = {
    "put": upload,
    "download": download,
    "get": lambda key: S3.get_object(**place(key))["Body"].read().decode(),
    "list": lambda: sorted(item["Key"] for item in S3.list_objects_v2(Bucket=BUCKET).get("Contents", [])),
    "delete": lambda key: S3.delete_object(**place(key)) and None,
    "delete_many": lambda *keys: S3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in keys]}) and None,
    "presign": lambda key: S3.generate_presigned_url("get_object", Params=place(key), ExpiresIn=3600),
    "fetch": fetch,
    "anonymous": lambda key: fetch(f"{variable('ENDPOINT')}/{BUCKET}/{key}"),
    "size": lambda key: S3.head_object(**place(key))["ContentLength"],
    "fill": lambda key, size: S3.put_object(**place(key), Body=b"x" * size) and None,
    "lifecycle": lambda: S3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"],
    "policy": lambda: S3.get_bucket_policy(Bucket=BUCKET)["Policy"],
    "drop_policy": lambda: S3.delete_bucket_policy(Bucket=BUCKET) and None,
    "head_bucket": lambda: S3.head_bucket(Bucket=BUCKET) and None,
}


def run(step):
    """Runs one step; returns its result."""
    try:
        result = STEPS[step[0]](*step[1:])
        return "ok" if result is None else result
    except ClientError as error:
        return "!" + error.response["Error"]["Code"]
    except BotoCoreError as error:
        return "!" + type(error).__name__


json.dump([run(step) for step in json.load(sys.stdin)], sys.stdout)
