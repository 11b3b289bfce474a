package s3api

import "net/http"

func objectOperations() []operation {
	return []operation{
		{name: "GetObject", method: http.MethodGet, level: object, run: (*call).getObject},
		{name: "HeadObject", method: http.MethodHead, level: object, run: (*call).headObject},
		{name: "PutObject", method: http.MethodPut, level: object, run: (*call).putObject},
		{name: "DeleteObject", method: http.MethodDelete, level: object, run: (*call).deleteObject},
	}
}
