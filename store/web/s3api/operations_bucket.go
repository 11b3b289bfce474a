package s3api

import "net/http"

func bucketOperations() []operation {
	return []operation{
		{name: "ListObjectsV2", method: http.MethodGet, level: bucket, query: []string{"list-type"}, run: (*call).listObjectsV2},
		{name: "HeadBucket", method: http.MethodHead, level: bucket, run: (*call).headBucket},
		{name: "CreateBucket", method: http.MethodPut, level: bucket, run: (*call).createBucket},
		{name: "DeleteBucket", method: http.MethodDelete, level: bucket, run: (*call).deleteBucket},
	}
}
