package s3api

import "net/http"

func bucketOperations() []operation {
	return []operation{
		{name: "ListObjectsV2", method: http.MethodGet, level: bucket, query: []string{"list-type"}, run: (*call).listObjectsV2},
		{name: "ListObjectVersions", method: http.MethodGet, level: bucket, query: []string{"versions"}, run: (*call).listObjectVersions},
		{name: "ListMultipartUploads", method: http.MethodGet, level: bucket, query: []string{"uploads"}, run: (*call).listMultipartUploads},
		{name: "GetBucketLocation", method: http.MethodGet, level: bucket, query: []string{"location"}, run: (*call).getBucketLocation},
		{name: "GetBucketVersioning", method: http.MethodGet, level: bucket, query: []string{"versioning"}, run: (*call).getBucketVersioning},
		{name: "PutBucketVersioning", method: http.MethodPut, level: bucket, query: []string{"versioning"}, run: (*call).putBucketVersioning},
		{name: "GetBucketTagging", method: http.MethodGet, level: bucket, query: []string{"tagging"}, run: (*call).getBucketTagging},
		{name: "PutBucketTagging", method: http.MethodPut, level: bucket, query: []string{"tagging"}, run: (*call).putBucketTagging},
		{name: "DeleteBucketTagging", method: http.MethodDelete, level: bucket, query: []string{"tagging"}, run: (*call).deleteBucketTagging},
		{name: "ListObjects", method: http.MethodGet, level: bucket, run: (*call).listObjects},
		{name: "HeadBucket", method: http.MethodHead, level: bucket, run: (*call).headBucket},
		{name: "CreateBucket", method: http.MethodPut, level: bucket, run: (*call).createBucket},
		{name: "DeleteBucket", method: http.MethodDelete, level: bucket, run: (*call).deleteBucket},
	}
}
