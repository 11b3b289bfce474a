// What people do with AWS's SDK for JavaScript, version 3, and what it must find.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import * as s3 from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const client = new s3.S3Client({ endpoint: process.env.ENDPOINT, forcePathStyle: true, region: "us-east-1" });
const Bucket = "photos";
const bytes = async (out) => Buffer.from(await out.Body.transformToByteArray());
const refused = async (name, status, command) => {
  await assert.rejects(client.send(command), (e) => {
    assert.equal(e.name, name);
    assert.equal(e.$metadata.httpStatusCode, status);
    return true;
  });
};

await client.send(new s3.CreateBucketCommand({ Bucket }));
for (const size of [0, 1, 5000, 300_000, 3 << 20]) {
  const Body = randomBytes(size);
  await client.send(new s3.PutObjectCommand({ Bucket, Key: `a/${size}`, Body, ContentType: "image/x", Metadata: { who: "me" } }));
  const out = await client.send(new s3.GetObjectCommand({ Bucket, Key: `a/${size}` }));
  assert.equal(out.ContentType, "image/x");
  assert.deepEqual(out.Metadata, { who: "me" });
  assert.deepEqual(await bytes(out), Body);
}
await refused("NoSuchKey", 404, new s3.GetObjectCommand({ Bucket, Key: "nothing" }));
await refused("NotFound", 404, new s3.HeadObjectCommand({ Bucket, Key: "nothing" }));
await refused("NoSuchBucket", 404, new s3.ListObjectsV2Command({ Bucket: "nothing-here" }));
await refused("PreconditionFailed", 412, new s3.PutObjectCommand({ Bucket, Key: "a/1", Body: "x", IfNoneMatch: "*" }));

for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]) {
  await client.send(new s3.PutObjectCommand({ Bucket, Key: "sum", Body: "hello", ChecksumAlgorithm }));
  const out = await client.send(new s3.GetObjectCommand({ Bucket, Key: "sum", ChecksumMode: "ENABLED" }));
  assert.ok(out[`Checksum${ChecksumAlgorithm}`], ChecksumAlgorithm);
  assert.equal((await bytes(out)).toString(), "hello");
}

// A stream of a length that nobody knows, in parts.
const big = randomBytes(17 << 20);
async function* stream() {
  for (let i = 0; i < big.length; i += 100_000) yield big.subarray(i, i + 100_000);
}
const { Readable } = await import("node:stream");
await new Upload({ client, params: { Bucket, Key: "big", Body: Readable.from(stream()) }, partSize: 5 << 20, queueSize: 4 }).done();
assert.deepEqual(await bytes(await client.send(new s3.GetObjectCommand({ Bucket, Key: "big" }))), big);
const attributes = await client.send(new s3.GetObjectAttributesCommand({ Bucket, Key: "big", ObjectAttributes: ["ObjectSize", "ObjectParts", "ETag"] }));
assert.equal(attributes.ObjectSize, big.length);
assert.equal(attributes.ObjectParts.TotalPartsCount, 4);

const listed = [];
for await (const page of s3.paginateListObjectsV2({ client, pageSize: 2 }, { Bucket, Delimiter: "/" })) {
  listed.push(...(page.Contents ?? []).map((o) => o.Key), ...(page.CommonPrefixes ?? []).map((p) => p.Prefix));
}
assert.deepEqual(listed.sort(), ["a/", "big", "sum"]);

const url = await getSignedUrl(client, new s3.GetObjectCommand({ Bucket, Key: "sum" }), { expiresIn: 60 });
assert.equal(await (await fetch(url)).text(), "hello");
// A URL that is made without the body would carry the checksum of an empty one.
const unsummed = new s3.S3Client({ endpoint: process.env.ENDPOINT, forcePathStyle: true, region: "us-east-1", requestChecksumCalculation: "WHEN_REQUIRED" });
const put = await getSignedUrl(unsummed, new s3.PutObjectCommand({ Bucket, Key: "signed" }), { expiresIn: 60 });
assert.equal((await fetch(put, { method: "PUT", body: "by a URL" })).status, 200);
assert.equal((await bytes(await client.send(new s3.GetObjectCommand({ Bucket, Key: "signed" })))).toString(), "by a URL");

const keys = await client.send(new s3.ListObjectsV2Command({ Bucket }));
const gone = await client.send(new s3.DeleteObjectsCommand({ Bucket, Delete: { Objects: keys.Contents.map((o) => ({ Key: o.Key })) } }));
assert.equal(gone.Deleted.length, keys.KeyCount);
await client.send(new s3.DeleteBucketCommand({ Bucket }));
console.log("client-s3 ok");
