# Access points with boto3: made over S3 Control, and used by ARN, alias and copy source. Clients
# put the account, and the access point, in front of the endpoint's host; HTTP_PROXY has them
# find the server in spite of that.
import json, os
import boto3
from botocore.exceptions import ClientError

endpoint = os.environ["ENDPOINT"]
account = "000000000000"


def refused(code, status, call, **args):
    try:
        call(**args)
    except ClientError as e:
        got = e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"]
        assert got == (code, status), (call, args, got)
        return e.response
    raise AssertionError("%s %s succeeded" % (call, args))


control = boto3.client("s3control", endpoint_url=endpoint)
s3 = boto3.client("s3", endpoint_url=endpoint)
s3.create_bucket(Bucket="photos")

made = control.create_access_point(AccountId=account, Name="way-in", Bucket="photos")
arn, alias = made["AccessPointArn"], made["Alias"]
assert arn == "arn:aws:s3:us-east-1:%s:accesspoint/way-in" % account, arn
refused("AccessPointAlreadyOwnedByYou", 409, control.create_access_point, AccountId=account, Name="way-in", Bucket="photos")
e = refused("NoSuchAccessPoint", 404, control.get_access_point, AccountId=account, Name="nowhere")
assert e["Error"]["AccessPointName"] == "nowhere", e
point = control.get_access_point(AccountId=account, Name="way-in")
assert point["Bucket"] == "photos" and point["NetworkOrigin"] == "Internet" and point["Alias"] == alias, point
assert all(point["PublicAccessBlockConfiguration"].values()), point
control.create_access_point(AccountId=account, Name="inside", Bucket="photos", VpcConfiguration={"VpcId": "vpc-lab"})
pages = [control.list_access_points(AccountId=account, MaxResults=1)]
pages.append(control.list_access_points(AccountId=account, MaxResults=1, NextToken=pages[0]["NextToken"]))
assert [p["Name"] for page in pages for p in page["AccessPointList"]] == ["inside", "way-in"] and "NextToken" not in pages[1], pages

for bucket in arn, alias:
    s3.put_object(Bucket=bucket, Key="a", Body=b"hello")
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"hello"
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["a"]
    s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": arn, "Key": "a"})
    s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": alias, "Key": "a"})
    up = s3.create_multipart_upload(Bucket=bucket, Key="c")
    assert up["Bucket"] == "photos", up
    part = s3.upload_part(Bucket=bucket, Key="c", UploadId=up["UploadId"], PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(Bucket=bucket, Key="c", UploadId=up["UploadId"], MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "b"}, {"Key": "c"}]})
    refused("MethodNotAllowed", 405, s3.get_bucket_versioning, Bucket=bucket)
refused("AccessDenied", 403, s3.get_object, Bucket="arn:aws:s3:us-east-1:%s:accesspoint/inside" % account, Key="a")

deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": arn + "/object/*"}]}
refused("NoSuchAccessPointPolicy", 404, control.get_access_point_policy, AccountId=account, Name="way-in")
control.put_access_point_policy(AccountId=account, Name="way-in", Policy=json.dumps(deny))
assert json.loads(control.get_access_point_policy(AccountId=account, Name="way-in")["Policy"]) == deny
assert control.get_access_point_policy_status(AccountId=account, Name="way-in")["PolicyStatus"] == {"IsPublic": False}
refused("AccessDenied", 403, s3.get_object, Bucket=arn, Key="a")
assert s3.get_object(Bucket="photos", Key="a")["Body"].read() == b"hello"
control.delete_access_point_policy(AccountId=account, Name="way-in")
s3.get_object(Bucket=arn, Key="a")

refused("NoSuchPublicAccessBlockConfiguration", 404, control.get_public_access_block, AccountId=account)
block = {"BlockPublicAcls": True, "IgnorePublicAcls": False, "BlockPublicPolicy": True, "RestrictPublicBuckets": False}
control.put_public_access_block(AccountId=account, PublicAccessBlockConfiguration=block)
assert control.get_public_access_block(AccountId=account)["PublicAccessBlockConfiguration"] == block
control.delete_public_access_block(AccountId=account)
refused("AccessDenied", 403, control.get_public_access_block, AccountId="111122223333")

refused("BucketHasAccessPointsAttached", 400, s3.delete_bucket, Bucket="photos")
for name in "way-in", "inside":
    control.delete_access_point(AccountId=account, Name=name)
s3.delete_object(Bucket="photos", Key="a")
s3.delete_bucket(Bucket="photos")
print("access points: done")
