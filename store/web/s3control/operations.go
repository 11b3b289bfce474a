package s3control

import "net/http"

// An operation is one operation of the API, under the name that AWS gives it.
type operation struct {
	name   string
	method string
	// path is what follows prefix; {name} stands for the name of an access point, {arn} at its
	// end for an ARN.
	path string
	// event is the name of its event in the audit trail, where that is another.
	event string
	run   func(*call) error
}

// prefix is the path of everything here.
const prefix = "/v20180820/"

func operations() []operation {
	const point, block, tags = "accesspoint/{name}", "configuration/publicAccessBlock", "tags/{arn}"
	return []operation{
		{name: "ListAccessPoints", method: http.MethodGet, path: "accesspoint", run: (*call).listAccessPoints},
		{name: "CreateAccessPoint", method: http.MethodPut, path: point, run: (*call).createAccessPoint},
		{name: "GetAccessPoint", method: http.MethodGet, path: point, run: (*call).getAccessPoint},
		{name: "DeleteAccessPoint", method: http.MethodDelete, path: point, run: (*call).deleteAccessPoint},
		{name: "PutAccessPointPolicy", method: http.MethodPut, path: point + "/policy", run: (*call).putAccessPointPolicy},
		{name: "GetAccessPointPolicy", method: http.MethodGet, path: point + "/policy", run: (*call).getAccessPointPolicy},
		{name: "DeleteAccessPointPolicy", method: http.MethodDelete, path: point + "/policy", run: (*call).deleteAccessPointPolicy},
		{name: "GetAccessPointPolicyStatus", method: http.MethodGet, path: point + "/policyStatus", run: (*call).getAccessPointPolicyStatus},
		{name: "ListTagsForResource", method: http.MethodGet, path: tags, run: (*call).listTagsForResource},
		{name: "TagResource", method: http.MethodPost, path: tags, run: (*call).tagResource},
		{name: "UntagResource", method: http.MethodDelete, path: tags, run: (*call).untagResource},
		{name: "GetPublicAccessBlock", method: http.MethodGet, path: block, event: "GetAccountPublicAccessBlock", run: (*call).getPublicAccessBlock},
		{name: "PutPublicAccessBlock", method: http.MethodPut, path: block, event: "PutAccountPublicAccessBlock", run: (*call).putPublicAccessBlock},
		{name: "DeletePublicAccessBlock", method: http.MethodDelete, path: block, event: "DeleteAccountPublicAccessBlock", run: (*call).deletePublicAccessBlock},
	}
}
