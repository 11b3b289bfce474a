# Encryption in each of its modes with boto3, over HTTPS: round trips, copies, parts, and errors.
import base64, hashlib, os
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

s3 = boto3.client("s3", endpoint_url=os.environ["ENDPOINT"], verify=os.environ["CA"])
kms = boto3.client("kms", endpoint_url=os.environ["ENDPOINT"], verify=os.environ["CA"])


def refused(code, call, **args):
    try:
        call(**args)
    except ClientError as e:
        assert e.response["Error"]["Code"] == code, (call, args, e.response)
        return e.response
    raise AssertionError("%s %s succeeded" % (call, args))


def customer(b, prefix="SSECustomer"):
    return {prefix + "Algorithm": "AES256", prefix + "Key": bytes([b]) * 32}


key = kms.create_key()["KeyMetadata"]["KeyId"]
other = kms.create_key()["KeyMetadata"]["KeyId"]
s3.create_bucket(Bucket="bkt")
modes = {
    "plain": ({}, {}),
    "s3": ({"ServerSideEncryption": "AES256"}, {}),
    "kms": ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}, {}),
    "context": ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": other,
                 "SSEKMSEncryptionContext": base64.b64encode(b'{"team":"ops"}').decode()}, {}),
    "bucket key": ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key, "BucketKeyEnabled": True}, {}),
    "managed": ({"ServerSideEncryption": "aws:kms"}, {}),
    "mine": (customer(1), customer(1)),
    "yours": (customer(2), customer(2)),
}
bodies = {"empty": b"", "small": b"a few bytes", "large": os.urandom(6 << 20)}


def holds(name, read, body):
    got = s3.get_object(Bucket="bkt", Key=name, **read)
    assert got["Body"].read() == body, name
    if len(body) > 9:
        part = s3.get_object(Bucket="bkt", Key=name, Range="bytes=3-8", **read)
        assert part["Body"].read() == body[3:9], name
    head = s3.head_object(Bucket="bkt", Key=name, **read)
    assert head["ContentLength"] == len(body), name
    for what in ("ServerSideEncryption", "SSEKMSKeyId", "SSECustomerAlgorithm", "BucketKeyEnabled"):
        assert head.get(what) == got.get(what), (name, what)
    if read:  # which this boto3 does not encode for this operation
        secret = read["SSECustomerKey"]
        read = dict(read, SSECustomerKey=base64.b64encode(secret).decode(), SSECustomerKeyMD5=base64.b64encode(hashlib.md5(secret).digest()).decode())
    s3.get_object_attributes(Bucket="bkt", Key=name, ObjectAttributes=["ETag", "ObjectSize"], **read)
    return got


for mode, (write, read) in modes.items():
    for size, body in bodies.items():
        name = mode + " " + size
        put = s3.put_object(Bucket="bkt", Key=name, Body=body, **write)
        got = holds(name, read, body)
        assert put.get("ServerSideEncryption") == got.get("ServerSideEncryption") == write.get("ServerSideEncryption"), (name, put, got)
        if "SSEKMSKeyId" in write:
            assert got["SSEKMSKeyId"].endswith("key/" + write["SSEKMSKeyId"]), got
        if "BucketKeyEnabled" in write:
            assert got["BucketKeyEnabled"], got
        md5 = hashlib.md5(body).hexdigest()
        assert (put["ETag"].strip('"') == md5) == (mode in ("plain", "s3")), (name, put["ETag"])
        source = {"CopySource" + k: v for k, v in read.items()}
        for to, (rewrite, reread) in modes.items():
            copy = "%s to %s" % (name, to)
            s3.copy_object(Bucket="bkt", Key=copy, CopySource={"Bucket": "bkt", "Key": name}, **source, **rewrite)
            holds(copy, reread, body)
        if size != "large":
            continue
        up = s3.create_multipart_upload(Bucket="bkt", Key="parts", **write)["UploadId"]
        one = s3.upload_part(Bucket="bkt", Key="parts", UploadId=up, PartNumber=1, Body=body, **read)
        two = s3.upload_part_copy(Bucket="bkt", Key="parts", UploadId=up, PartNumber=2, CopySource={"Bucket": "bkt", "Key": name}, **source, **read)
        s3.complete_multipart_upload(Bucket="bkt", Key="parts", UploadId=up, MultipartUpload={"Parts": [
            {"PartNumber": 1, "ETag": one["ETag"]}, {"PartNumber": 2, "ETag": two["CopyPartResult"]["ETag"]}]})
        holds("parts", read, body + body)

refused("400", s3.head_object, Bucket="bkt", Key="mine small")
refused("InvalidRequest", s3.get_object, Bucket="bkt", Key="mine small")
refused("AccessDenied", s3.get_object, Bucket="bkt", Key="mine small", **customer(2))
refused("InvalidRequest", s3.get_object, Bucket="bkt", Key="plain small", **customer(1))
refused("InvalidRequest", s3.copy_object, Bucket="bkt", Key="no", CopySource={"Bucket": "bkt", "Key": "mine small"})
refused("InvalidArgument", s3.put_object, Bucket="bkt", Key="no", ServerSideEncryption="AES256", **customer(1))
refused("InvalidArgument", s3.put_object, Bucket="bkt", Key="no", ServerSideEncryption="ROT13")
refused("InvalidArgument", s3.put_object, Bucket="bkt", Key="no", SSEKMSKeyId=key)
refused("KMS.NotFoundException", s3.put_object, Bucket="bkt", Key="no", ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/none")
old = boto3.client("s3", endpoint_url=os.environ["ENDPOINT"], verify=os.environ["CA"], config=Config(signature_version="s3"))
refused("InvalidArgument", old.get_object, Bucket="bkt", Key="kms small")  # signatures of version 2 do not do

kms.disable_key(KeyId=key)
refused("KMS.DisabledException", s3.get_object, Bucket="bkt", Key="kms small")
refused("KMS.DisabledException", s3.get_object, Bucket="bkt", Key="bucket key large")
holds("context small", {}, bodies["small"])
kms.enable_key(KeyId=key)
holds("kms small", {}, bodies["small"])

# What a bucket asks for, and a policy that demands it.
s3.put_bucket_encryption(Bucket="bkt", ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": {
    "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}, "BucketKeyEnabled": True}]})
rule = s3.get_bucket_encryption(Bucket="bkt")["ServerSideEncryptionConfiguration"]["Rules"][0]
assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key} and rule["BucketKeyEnabled"], rule
put = s3.put_object(Bucket="bkt", Key="by default", Body=b"x")
assert put["SSEKMSKeyId"].endswith(key) and put["BucketKeyEnabled"], put
s3.put_bucket_policy(Bucket="bkt", Policy='{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:PutObject",'
                     '"Resource":"arn:aws:s3:::bkt/*","Condition":{"StringNotEquals":{"s3:x-amz-server-side-encryption":"aws:kms"}}}]}')
refused("AccessDenied", s3.put_object, Bucket="bkt", Key="no", Body=b"x")
refused("AccessDenied", s3.put_object, Bucket="bkt", Key="no", Body=b"x", ServerSideEncryption="AES256")
s3.put_object(Bucket="bkt", Key="yes", Body=b"x", ServerSideEncryption="aws:kms")
print("done")
