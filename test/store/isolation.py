#!/usr/bin/python3
"""What an app can do with its key, and what it cannot: each row of the isolation table, tried.

Two apps have a bucket each; the environment says how they reach them. The first one tries to get
out of its bucket, and to let somebody in: the neighbour, or anybody. Whether a call is refused is
not all: after it neither the neighbour nor a stranger may read a thing.
"""
import json
import os
import sys
import urllib.error
import urllib.request

import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.client import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

ENDPOINT = os.environ["RGW_ENDPOINT"]
MINE, OTHER = os.environ["APP_BUCKET"], os.environ["OTHER_BUCKET"]
USER, NEIGHBOUR = os.environ["APP_USER"], os.environ["OTHER_USER"]
EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
failures = 0
tried = 0


def client(prefix):
    """A client of one of the apps."""
    return boto3.client(
        "s3", endpoint_url=ENDPOINT, region_name="us-east-1",
        aws_access_key_id=os.environ[prefix + "_ACCESS_KEY"],
        aws_secret_access_key=os.environ[prefix + "_SECRET_KEY"],
        config=Config(signature_version="s3v4", retries={"max_attempts": 1},
                      s3={"addressing_style": "path"}))


app, neighbour = client("APP"), client("OTHER")


def check(what, good, detail=""):
    """Says how one statement came out."""
    global failures, tried
    tried += 1
    if not good:
        failures += 1
        print(f"isolation: not so: {what} {detail}")


def outcome(call, **arguments):
    """The status of a call: 200, or that of its refusal."""
    try:
        call(**arguments)
        return 200
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]


def works(what, call, **arguments):
    check(what, outcome(call, **arguments) == 200)


def refused(what, call, **arguments):
    status = outcome(call, **arguments)
    check(what, status in (403, 405), f"(got {status})")


def anonymous(key=""):
    """What somebody without a key is answered."""
    try:
        return urllib.request.urlopen(f"{ENDPOINT}/{MINE}/{key}", timeout=30).status
    except urllib.error.HTTPError as error:
        return error.code


def closed(after, key="a"):
    """Nobody but the app reads the object or the list."""
    check(f"a stranger reads nothing after {after}", anonymous(key) == 403)
    check(f"a stranger lists nothing after {after}", anonymous() == 403)
    check(f"the neighbour reads nothing after {after}",
          outcome(neighbour.get_object, Bucket=MINE, Key=key) == 403)
    check(f"the neighbour lists nothing after {after}",
          outcome(neighbour.list_objects_v2, Bucket=MINE) == 403)


def own_bucket():
    """All that an app needs of its bucket works."""
    works("put", app.put_object, Bucket=MINE, Key="a", Body=b"text")
    works("get", app.get_object, Bucket=MINE, Key="a")
    works("head", app.head_object, Bucket=MINE, Key="a")
    works("list", app.list_objects_v2, Bucket=MINE)
    works("copy", app.copy_object, Bucket=MINE, Key="b", CopySource=f"{MINE}/a")
    works("tag", app.put_object_tagging, Bucket=MINE, Key="a",
          Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    works("cors", app.put_bucket_cors, Bucket=MINE, CORSConfiguration={"CORSRules": [
        {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://app.example"]}]})
    check("it owns no bucket", app.list_buckets()["Buckets"] == [])
    url = app.generate_presigned_url("get_object", Params={"Bucket": MINE, "Key": "a"})
    check("presigned get", urllib.request.urlopen(url, timeout=30).read() == b"text")
    url = app.generate_presigned_url("put_object", Params={"Bucket": MINE, "Key": "presigned"})
    request = urllib.request.Request(url, data=b"text", method="PUT")
    check("presigned put", urllib.request.urlopen(request, timeout=30).status == 200)
    upload = app.create_multipart_upload(Bucket=MINE, Key="parts")["UploadId"]
    part = app.upload_part(Bucket=MINE, Key="parts", UploadId=upload, PartNumber=1, Body=b"text")
    works("multipart", app.complete_multipart_upload, Bucket=MINE, Key="parts", UploadId=upload,
          MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    upload = app.create_multipart_upload(Bucket=MINE, Key="parts")["UploadId"]
    works("abort", app.abort_multipart_upload, Bucket=MINE, Key="parts", UploadId=upload)
    gone = app.delete_objects(Bucket=MINE, Delete={"Objects": [{"Key": "b"}, {"Key": "parts"}]})
    check("many are deleted at once", not gone.get("Errors") and len(gone["Deleted"]) == 2)


def other_buckets():
    """No bucket but its own."""
    neighbour.put_object(Bucket=OTHER, Key="a", Body=b"theirs")
    refused("read of another's", app.get_object, Bucket=OTHER, Key="a")
    refused("head of another's", app.head_object, Bucket=OTHER, Key="a")
    refused("list of another's", app.list_objects_v2, Bucket=OTHER)
    refused("write to another's", app.put_object, Bucket=OTHER, Key="x", Body=b"x")
    refused("delete of another's", app.delete_object, Bucket=OTHER, Key="a")
    refused("copy from another's", app.copy_object, Bucket=MINE, Key="x", CopySource=f"{OTHER}/a")
    refused("copy to another's", app.copy_object, Bucket=OTHER, Key="x", CopySource=f"{MINE}/a")
    refused("a second bucket", app.create_bucket, Bucket=MINE + "-second")
    refused("deletion of another's", app.delete_bucket, Bucket=OTHER)


def configuration():
    """Nothing of how its bucket is set up."""
    allow = json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": "*", "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{MINE}", f"arn:aws:s3:::{MINE}/*"]}]})
    refused("deletion", app.delete_bucket, Bucket=MINE)
    refused("policy", app.put_bucket_policy, Bucket=MINE, Policy=allow)
    refused("policy's removal", app.delete_bucket_policy, Bucket=MINE)
    for acl in ("public-read", "public-read-write", "authenticated-read"):
        refused("bucket ACL " + acl, app.put_bucket_acl, Bucket=MINE, ACL=acl)
    refused("bucket's grant", app.put_bucket_acl, Bucket=MINE, GrantFullControl=f"id={NEIGHBOUR}")
    refused("access block's removal", app.delete_public_access_block, Bucket=MINE)
    refused("access block", app.put_public_access_block, Bucket=MINE,
            PublicAccessBlockConfiguration={"IgnorePublicAcls": False})
    refused("website", app.put_bucket_website, Bucket=MINE,
            WebsiteConfiguration={"IndexDocument": {"Suffix": "a"}})
    refused("encryption", app.put_bucket_encryption, Bucket=MINE,
            ServerSideEncryptionConfiguration={"Rules": [
                {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]})
    refused("lock", app.put_object_lock_configuration, Bucket=MINE,
            ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    refused("notifications", app.put_bucket_notification_configuration, Bucket=MINE,
            NotificationConfiguration={"TopicConfigurations": [
                {"Id": "n", "TopicArn": "arn:aws:sns:default::n", "Events": ["s3:ObjectCreated:*"]}]})
    refused("logging", app.put_bucket_logging, Bucket=MINE, BucketLoggingStatus={
        "LoggingEnabled": {"TargetBucket": MINE, "TargetPrefix": "log/"}})
    closed("all of that")


def openings():
    """An uploader may put any ACL on its objects: none of them lets anybody in."""
    for acl in ("public-read", "public-read-write", "authenticated-read"):
        outcome(app.put_object, Bucket=MINE, Key="up", Body=b"x", ACL=acl)
        closed("an upload as " + acl, "up")
        outcome(app.put_object_acl, Bucket=MINE, Key="a", ACL=acl)
        closed("PutObjectAcl " + acl)
        outcome(app.copy_object, Bucket=MINE, Key="copy", CopySource=f"{MINE}/a", ACL=acl)
        closed("a copy as " + acl, "copy")
    for grantee in (f"id={NEIGHBOUR}", f"uri={EVERYBODY}"):
        for grant in ("GrantRead", "GrantFullControl"):
            outcome(app.put_object, Bucket=MINE, Key="up", Body=b"x", **{grant: grantee})
            closed(f"an upload with {grant} to {grantee}", "up")
            outcome(app.put_object_acl, Bucket=MINE, Key="a", **{grant: grantee})
            closed(f"PutObjectAcl with {grant} to {grantee}")
            outcome(app.copy_object, Bucket=MINE, Key="copy", CopySource=f"{MINE}/a",
                    **{grant: grantee})
            closed(f"a copy with {grant} to {grantee}", "copy")
    upload = app.create_multipart_upload(Bucket=MINE, Key="parts", ACL="public-read")["UploadId"]
    part = app.upload_part(Bucket=MINE, Key="parts", UploadId=upload, PartNumber=1, Body=b"text")
    app.complete_multipart_upload(Bucket=MINE, Key="parts", UploadId=upload, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    closed("a public multipart upload", "parts")


def administration():
    """The administration door is shut to a key that signs as it should."""
    credentials = Credentials(os.environ["APP_ACCESS_KEY"], os.environ["APP_SECRET_KEY"])
    for method, path in (("GET", "user?uid=appinfra"), ("GET", f"bucket?bucket={MINE}"),
                         ("GET", "metadata/user"), ("PUT", f"user?max-buckets=5&uid={USER}"),
                         ("DELETE", f"bucket?bucket={OTHER}&purge-objects=true")):
        signed = AWSRequest(method, f"{ENDPOINT}/admin/{path}", data=b"")
        S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(signed)
        request = urllib.request.Request(signed.url, headers=dict(signed.headers), method=method)
        try:
            answer = str(urllib.request.urlopen(request, timeout=30).status)
        except urllib.error.HTTPError as error:
            answer = error.read().decode()
        check(f"{method} /admin/{path.split('?')[0]}", "AccessDenied" in answer, answer)


for part in (own_bucket, other_buckets, configuration, openings, administration):
    part()
print(f"isolation: {tried - failures} of {tried} are so")
sys.exit(1 if failures else 0)
