package s3api

import "net/http"

func objectOperations() []operation {
	return []operation{
		{name: "GetObjectAttributes", method: http.MethodGet, level: object, query: []string{"attributes"}, run: (*call).getObjectAttributes},
		{name: "GetObjectTagging", method: http.MethodGet, level: object, query: []string{"tagging"}, run: (*call).getObjectTagging},
		{name: "GetObjectAcl", method: http.MethodGet, level: object, query: []string{"acl"}, run: (*call).getObjectACL},
		{name: "GetObjectRetention", method: http.MethodGet, level: object, query: []string{"retention"}, run: (*call).getObjectRetention},
		{name: "GetObjectLegalHold", method: http.MethodGet, level: object, query: []string{"legal-hold"}, run: (*call).getObjectLegalHold},
		{name: "GetObjectTorrent", method: http.MethodGet, level: object, query: []string{"torrent"}, run: refused},
		{name: "GetObject", method: http.MethodGet, level: object, run: (*call).getObject},
		{name: "HeadObject", method: http.MethodHead, level: object, run: (*call).headObject},
		{name: "PutObjectTagging", method: http.MethodPut, level: object, query: []string{"tagging"}, run: (*call).putObjectTagging},
		{name: "PutObjectAcl", method: http.MethodPut, level: object, query: []string{"acl"}, run: (*call).putObjectACL},
		{name: "PutObjectRetention", method: http.MethodPut, level: object, query: []string{"retention"}, run: (*call).putObjectRetention},
		{name: "PutObjectLegalHold", method: http.MethodPut, level: object, query: []string{"legal-hold"}, run: (*call).putObjectLegalHold},
		{name: "UpdateObjectEncryption", method: http.MethodPut, level: object, query: []string{"encryption"}, run: (*call).updateObjectEncryption},
		{name: "RenameObject", method: http.MethodPut, level: object, query: []string{"renameObject"}, run: (*call).renameObject},
		{name: "CopyObject", method: http.MethodPut, level: object, header: "X-Amz-Copy-Source", run: (*call).copyObject},
		{name: "PutObject", method: http.MethodPut, level: object, chunks: true, run: (*call).putObject},
		{name: "DeleteObjectTagging", method: http.MethodDelete, level: object, query: []string{"tagging"}, run: (*call).deleteObjectTagging},
		{name: "DeleteObject", method: http.MethodDelete, level: object, run: (*call).deleteObject},
		{name: "DeleteObjects", method: http.MethodPost, level: bucket, query: []string{"delete"}, run: (*call).deleteObjects},
		{name: "PostObject", method: http.MethodPost, level: bucket, run: (*call).postObject},
		{name: "RestoreObject", method: http.MethodPost, level: object, query: []string{"restore"}, run: refused},
		{name: "SelectObjectContent", method: http.MethodPost, level: object, query: []string{"select"}, run: refused},
	}
}
