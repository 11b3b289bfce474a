# Keys with boto3: who may use one, by policies and grants, and what S3's own key is for.
import json, os
import boto3
from botocore.exceptions import ClientError

endpoint = os.environ["ENDPOINT"]


def client(service, key=None):
    more = {}
    if key:
        more = dict(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    return boto3.client(service, endpoint_url=endpoint, **more)


def refused(code, call, **args):
    try:
        call(**args)
    except ClientError as e:
        assert e.response["Error"]["Code"] == code, (call, args, e.response)
        return e.response
    raise AssertionError("%s %s succeeded" % (call, args))


iam, root = client("iam"), client("kms")
key = root.create_key(Description="boto3")["KeyMetadata"]
assert key["KeyState"] == "Enabled" and key["CreationDate"].year >= 2020, key
context = {"Department": "Finance"}
blob = root.encrypt(KeyId=key["KeyId"], Plaintext=b"secret", EncryptionContext=context)["CiphertextBlob"]

iam.create_user(UserName="alice")
credentials = iam.create_access_key(UserName="alice")["AccessKey"]
alice = client("kms", credentials)
denied = refused("AccessDeniedException", alice.decrypt, CiphertextBlob=blob, EncryptionContext=context)
assert "is not authorized to perform: kms:Decrypt" in denied["Error"]["Message"], denied

# By a grant, for one department.
arn = "arn:aws:iam::%s:user/alice" % key["AWSAccountId"]
grant = root.create_grant(KeyId=key["KeyId"], GranteePrincipal=arn, Operations=["Decrypt", "RetireGrant"],
                          Constraints={"EncryptionContextSubset": context})
assert alice.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == b"secret"
refused("AccessDeniedException", alice.encrypt, KeyId=key["KeyId"], Plaintext=b"x", EncryptionContext=context)
alice.retire_grant(GrantToken=grant["GrantToken"])
refused("AccessDeniedException", alice.decrypt, CiphertextBlob=blob, EncryptionContext=context)

# By a policy of hers, on the condition of the context.
iam.put_user_policy(UserName="alice", PolicyName="finance", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": key["Arn"],
     "Condition": {"StringEquals": {"kms:EncryptionContext:Department": "Finance"}}}]}))
assert alice.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == b"secret"
refused("AccessDeniedException", alice.encrypt, KeyId=key["KeyId"], Plaintext=b"x", EncryptionContext={"Department": "HR"})

# The key's policy has the last word.
policy = json.loads(root.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"])
policy["Statement"].append({"Effect": "Deny", "Principal": {"AWS": arn}, "Action": "kms:Decrypt", "Resource": "*"})
root.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=json.dumps(policy))
refused("AccessDeniedException", alice.decrypt, CiphertextBlob=blob, EncryptionContext=context)

# Lists in pages, errors with their names.
for i in range(3):
    root.create_alias(AliasName="alias/a%d" % i, TargetKeyId=key["KeyId"])
pages = list(root.get_paginator("list_aliases").paginate(PaginationConfig={"PageSize": 1}))
assert len(pages) == 3, pages
refused("NotFoundException", root.describe_key, KeyId="alias/none")
refused("DryRunOperationException", root.encrypt, KeyId=key["KeyId"], Plaintext=b"x", DryRun=True) if "DryRun" in root.meta.service_model.operation_model("Encrypt").input_shape.members else None
root.disable_key(KeyId=key["KeyId"])
try:
    root.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
except root.exceptions.DisabledException:
    pass
print("keys with boto3: all as expected")
