# Identities with boto3: what a limited user may do with its keys, with a role, with a URL.
import json, os, urllib.error, urllib.request
import boto3
from botocore.exceptions import ClientError

endpoint = os.environ["ENDPOINT"]


def client(service, key=None, **more):
    if key:
        more.update(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
        if "SessionToken" in key:
            more["aws_session_token"] = key["SessionToken"]
    return boto3.client(service, endpoint_url=endpoint, **more)


def refused(code, status, call, **args):
    try:
        call(**args)
    except ClientError as e:
        got = e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"]
        assert got == (code, status), (call, args, got)
        return e.response
    raise AssertionError("%s %s succeeded" % (call, args))


def allow(actions, *resources):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": list(resources)}]})


iam, sts, s3 = client("iam"), client("sts"), client("s3")
account = sts.get_caller_identity()["Account"]
for bucket in "photos", "private":
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"of " + bucket.encode())

# A user may do nothing, until a policy says so.
user = iam.create_user(UserName="alice", Path="/staff/", Tags=[{"Key": "team", "Value": "ops"}])["User"]
assert user["Arn"] == "arn:aws:iam::%s:user/staff/alice" % account, user
key = iam.create_access_key(UserName="alice")["AccessKey"]
alice = client("s3", key)
refused("AccessDenied", 403, alice.get_object, Bucket="photos", Key="a")
assert client("sts", key).get_caller_identity()["Arn"] == user["Arn"]
policy = iam.create_policy(PolicyName="photos", PolicyDocument=allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::photos/*"))["Policy"]
iam.attach_user_policy(UserName="alice", PolicyArn=policy["Arn"])
assert alice.get_object(Bucket="photos", Key="a")["Body"].read() == b"of photos"
alice.put_object(Bucket="photos", Key="b", Body=b"b")
refused("AccessDenied", 403, alice.get_object, Bucket="private", Key="a")
refused("AccessDenied", 403, alice.delete_object, Bucket="photos", Key="a")
refused("AccessDenied", 403, client("iam", key).list_users)
used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
assert used["UserName"] == "alice" and used["AccessKeyLastUsed"]["ServiceName"] in ("s3", "iam"), used


# Its URLs give what it may, and nothing more.
def fetch(url):
    try:
        with urllib.request.urlopen(url) as r:
            return r.status, r.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()


url = lambda bucket: alice.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a"})
assert fetch(url("photos")) == (200, b"of photos")
status, body = fetch(url("private"))
assert status == 403 and b"<Code>AccessDenied</Code>" in body, (status, body)
iam.detach_user_policy(UserName="alice", PolicyArn=policy["Arn"])
assert fetch(url("photos"))[0] == 403

# A role is for whom its trust policy lets in, and narrowed by the session's policy.
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": user["Arn"]}, "Action": "sts:AssumeRole"}]}
role = iam.create_role(RoleName="app", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
assert role["AssumeRolePolicyDocument"] == trust, role
iam.put_role_policy(RoleName="app", PolicyName="all", PolicyDocument=allow("s3:*", "*"))
assumed = client("sts", key).assume_role(RoleArn=role["Arn"], RoleSessionName="night", DurationSeconds=900)
assert assumed["AssumedRoleUser"]["Arn"] == "arn:aws:sts::%s:assumed-role/app/night" % account, assumed
session = client("s3", assumed["Credentials"])
assert session.get_object(Bucket="private", Key="a")["Body"].read() == b"of private"
assert fetch(session.generate_presigned_url("get_object", Params={"Bucket": "private", "Key": "a"}))[1] == b"of private"
narrow = client("sts", key).assume_role(RoleArn=role["Arn"], RoleSessionName="night", Policy=allow("s3:GetObject", "arn:aws:s3:::photos/*"))
narrow = client("s3", narrow["Credentials"])
assert narrow.get_object(Bucket="photos", Key="a")["Body"].read() == b"of photos"
refused("AccessDenied", 403, narrow.get_object, Bucket="private", Key="a")
stolen = dict(assumed["Credentials"], SessionToken="x" + assumed["Credentials"]["SessionToken"])
refused("InvalidToken", 400, client("s3", stolen).list_buckets)
refused("InvalidClientTokenId", 403, client("sts", stolen).get_caller_identity)
bob = iam.create_user(UserName="bob")["User"]
bobs = iam.create_access_key(UserName="bob")["AccessKey"]
refused("AccessDenied", 403, client("sts", bobs).assume_role, RoleArn=role["Arn"], RoleSessionName="night")

# Policies come back as they were put, and lists come in pages.
v = iam.create_policy_version(PolicyArn=policy["Arn"], PolicyDocument=allow("s3:Get*", "*"), SetAsDefault=True)["PolicyVersion"]
got = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=v["VersionId"])["PolicyVersion"]
assert got["Document"]["Statement"][0]["Action"] == "s3:Get*" and got["IsDefaultVersion"], got
for i in range(5):
    iam.create_group(GroupName="g%d" % i)
    iam.add_user_to_group(GroupName="g%d" % i, UserName="bob")
pages = list(iam.get_paginator("list_groups_for_user").paginate(UserName="bob", PaginationConfig={"PageSize": 2}))
assert [len(p["Groups"]) for p in pages] == [2, 2, 1], pages
assert len(list(iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 3}))) > 1
device = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
assert device["QRCodePNG"].startswith(b"\x89PNG") and len(device["Base32StringSeed"]) == 64, device
simulated = iam.simulate_custom_policy(PolicyInputList=[allow("s3:Get*", "*")], ActionNames=["s3:GetObject", "s3:PutObject"])
assert [r["EvalDecision"] for r in simulated["EvaluationResults"]] == ["allowed", "implicitDeny"], simulated
token = client("sts", bobs).get_session_token()["Credentials"]
assert client("sts", token).get_caller_identity()["Arn"] == bob["Arn"]

# Errors have IAM's codes.
refused("NoSuchEntity", 404, iam.get_user, UserName="carol")
refused("EntityAlreadyExists", 409, iam.create_user, UserName="alice")
refused("DeleteConflict", 409, iam.delete_user, UserName="alice")
refused("MalformedPolicyDocument", 400, iam.create_policy, PolicyName="x", PolicyDocument=allow("s3:*", "*").replace("2012", "2022"))
refused("InvalidClientTokenId", 403, client("iam", {"AccessKeyId": "AKIANOBODY", "SecretAccessKey": "x"}).list_users)
refused("SignatureDoesNotMatch", 403, client("iam", dict(key, SecretAccessKey="x")).list_users)
iam.delete_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"])
refused("InvalidAccessKeyId", 403, alice.list_buckets)
iam.delete_user(UserName="alice")
print("boto3", boto3.__version__, "finds identities as they should be")
