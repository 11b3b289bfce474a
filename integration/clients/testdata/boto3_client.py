# What people do with boto3, and what it must find. Debian's boto3 knows S3 as of 2023.
import hashlib, io, os, urllib.error, urllib.request
import boto3
from boto3.s3.transfer import TransferConfig
from botocore.client import Config
from botocore.exceptions import ClientError

endpoint = os.environ["ENDPOINT"]
s3 = boto3.client("s3", endpoint_url=endpoint)


def refused(code, status, call, **args):
    try:
        call(**args)
    except ClientError as e:
        got = e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"]
        assert got == (code, status), (call, args, got)
        return e.response
    raise AssertionError("%s %s succeeded" % (call, args))


refused("404", 404, s3.head_bucket, Bucket="photos")
s3.create_bucket(Bucket="photos")
s3.create_bucket(Bucket="photos")  # no error in us-east-1

# Bodies of all kinds.
for size in 0, 1, 4096, 100_000, 3 << 20:
    body = os.urandom(size)
    etag = s3.put_object(Bucket="photos", Key="a/%d" % size, Body=body, ContentType="image/x", Metadata={"who": "me"})["ETag"]
    assert etag == '"%s"' % hashlib.md5(body).hexdigest()
    got = s3.get_object(Bucket="photos", Key="a/%d" % size)
    assert got["Body"].read() == body and got["ContentType"] == "image/x" and got["Metadata"] == {"who": "me"}
    if size > 10:
        part = s3.get_object(Bucket="photos", Key="a/%d" % size, Range="bytes=5-9")
        assert part["Body"].read() == body[5:10] and part["ResponseMetadata"]["HTTPStatusCode"] == 206
refused("InvalidRange", 416, s3.get_object, Bucket="photos", Key="a/1", Range="bytes=1-2")
refused("NoSuchKey", 404, s3.get_object, Bucket="photos", Key="nothing")
refused("404", 404, s3.head_object, Bucket="photos", Key="nothing")

# One connection, and no second try: an empty body must not spoil it for the next.
once = boto3.client("s3", endpoint_url=endpoint, config=Config(retries={"max_attempts": 0}, read_timeout=20))
for size in 0, 10, 0, 5000:
    once.put_object(Bucket="photos", Key="once", Body=b"x" * size)

# Checksums that this boto3 knows.
for algorithm in "CRC32", "SHA1", "SHA256":
    s3.put_object(Bucket="photos", Key="sum", Body=b"hello", ChecksumAlgorithm=algorithm)
    assert s3.get_object(Bucket="photos", Key="sum", ChecksumMode="ENABLED")["Checksum" + algorithm]

# Conditions.
etag = s3.head_object(Bucket="photos", Key="sum")["ETag"]
refused("304", 304, s3.head_object, Bucket="photos", Key="sum", IfNoneMatch=etag)
refused("PreconditionFailed", 412, s3.get_object, Bucket="photos", Key="sum", IfMatch='"0"')

# The transfer manager: parts, several at a time, and by ranges back.
big = os.urandom(23 << 20)
config = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20, max_concurrency=8)
s3.upload_fileobj(io.BytesIO(big), "photos", "big", Config=config)
back = io.BytesIO()
s3.download_fileobj("photos", "big", back, Config=config)
assert back.getvalue() == big
head = s3.head_object(Bucket="photos", Key="big")
assert head["ETag"].endswith('-5"'), head["ETag"]
assert s3.head_object(Bucket="photos", Key="big", PartNumber=2)["PartsCount"] == 5
s3.copy({"Bucket": "photos", "Key": "big"}, "photos", "big2", Config=config)  # in parts, too
assert s3.get_object(Bucket="photos", Key="big2")["Body"].read() == big

# An upload that is looked at and given up.
up = s3.create_multipart_upload(Bucket="photos", Key="up")["UploadId"]
s3.upload_part(Bucket="photos", Key="up", UploadId=up, PartNumber=3, Body=b"x")
assert [u["Key"] for u in s3.list_multipart_uploads(Bucket="photos")["Uploads"]] == ["up"]
assert [p["PartNumber"] for p in s3.list_parts(Bucket="photos", Key="up", UploadId=up)["Parts"]] == [3]
s3.abort_multipart_upload(Bucket="photos", Key="up", UploadId=up)
refused("NoSuchUpload", 404, s3.list_parts, Bucket="photos", Key="up", UploadId=up)

# Tags, versions, delete markers.
s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
ids = [s3.put_object(Bucket="photos", Key="v", Body=b"%d" % i)["VersionId"] for i in range(3)]
s3.put_object_tagging(Bucket="photos", Key="v", VersionId=ids[0], Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
assert s3.get_object_tagging(Bucket="photos", Key="v", VersionId=ids[0])["TagSet"] == [{"Key": "k", "Value": "v"}]
assert s3.delete_object(Bucket="photos", Key="v")["DeleteMarker"] is True
r = refused("NoSuchKey", 404, s3.get_object, Bucket="photos", Key="v")
assert r["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"] == "true"
assert s3.get_object(Bucket="photos", Key="v", VersionId=ids[1])["Body"].read() == b"1"
seen = [v["VersionId"] for v in s3.list_object_versions(Bucket="photos", Prefix="v")["Versions"]]
assert seen == ids[::-1], (seen, ids)

# Keys as odd as they come, listed page by page.
keys = sorted(["a b", "a+b", "a%20b", "é/日本", "x//y", "/z", "&<>\"'", "q?r#s"], key=lambda k: k.encode())
for k in keys:
    s3.put_object(Bucket="photos", Key="odd/" + k, Body=k.encode())
listed = [o["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="photos", Prefix="odd/", PaginationConfig={"PageSize": 3}) for o in page["Contents"]]
assert listed == ["odd/" + k for k in keys], listed
for k in keys:
    assert s3.get_object(Bucket="photos", Key="odd/" + k)["Body"].read() == k.encode()
out = s3.delete_objects(Bucket="photos", Delete={"Objects": [{"Key": "odd/" + k} for k in keys]})
assert len(out["Deleted"]) == len(keys) and "Errors" not in out, out

# Presigned URLs of both signature versions, and a form.
for version in "s3", "s3v4":
    signer = boto3.client("s3", endpoint_url=endpoint, config=Config(signature_version=version))
    url = signer.generate_presigned_url("get_object", Params={"Bucket": "photos", "Key": "a/1", "ResponseContentType": "text/x"})
    with urllib.request.urlopen(url) as answer:
        assert len(answer.read()) == 1 and answer.headers["Content-Type"] == "text/x"
    url = signer.generate_presigned_url("put_object", Params={"Bucket": "photos", "Key": "signed"})
    urllib.request.urlopen(urllib.request.Request(url, data=b"by " + version.encode(), method="PUT", headers={"Content-Type": ""}))
    assert s3.get_object(Bucket="photos", Key="signed")["Body"].read() == b"by " + version.encode()
form = s3.generate_presigned_post("photos", "form/${filename}", Conditions=[["content-length-range", 1, 100]])
boundary = "----pail"
parts = "".join('--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (boundary, k, v) for k, v in form["fields"].items())


def post(body):
    data = (parts + '--%s\r\nContent-Disposition: form-data; name="file"; filename="f.txt"\r\n\r\n' % boundary).encode() + body + ("\r\n--%s--\r\n" % boundary).encode()
    return urllib.request.urlopen(urllib.request.Request(form["url"], data=data, headers={"Content-Type": "multipart/form-data; boundary=" + boundary}))


assert post(b"from a form").status == 204
assert s3.get_object(Bucket="photos", Key="form/f.txt")["Body"].read() == b"from a form"
try:
    post(b"x" * 101)
    raise AssertionError("a form that is too large was taken")
except urllib.error.HTTPError as e:
    assert e.code == 400 and b"EntityTooLarge" in e.read()

# A wrong secret.
refused("SignatureDoesNotMatch", 403, boto3.client("s3", endpoint_url=endpoint, aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"], aws_secret_access_key="x" * 20).list_buckets)
refused("InvalidAccessKeyId", 403, boto3.client("s3", endpoint_url=endpoint, aws_access_key_id="AKIANOBODY", aws_secret_access_key="x" * 20).list_buckets)
print("boto3", boto3.__version__, "ok")
