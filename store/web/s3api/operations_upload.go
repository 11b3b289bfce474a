package s3api

import "net/http"

// uploadOperations are those of multipart uploads of one key. They stand before the others
// of objects, as uploadId tells them from those.
func uploadOperations() []operation {
	return []operation{
		{name: "CreateMultipartUpload", method: http.MethodPost, level: object, query: []string{"uploads"}, run: (*call).createMultipartUpload},
		{name: "UploadPartCopy", method: http.MethodPut, level: object, query: []string{"uploadId"}, header: "X-Amz-Copy-Source", run: (*call).uploadPartCopy},
		{name: "UploadPart", method: http.MethodPut, level: object, query: []string{"uploadId"}, chunks: true, run: (*call).uploadPart},
		{name: "CompleteMultipartUpload", method: http.MethodPost, level: object, query: []string{"uploadId"}, run: (*call).completeMultipartUpload},
		{name: "AbortMultipartUpload", method: http.MethodDelete, level: object, query: []string{"uploadId"}, run: (*call).abortMultipartUpload},
		{name: "ListParts", method: http.MethodGet, level: object, query: []string{"uploadId"}, run: (*call).listParts},
	}
}
