package s3control

import (
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pail/store"
	"pail/store/access"
)

const ns = ` xmlns="` + namespace + `"`

func create(inner string) string {
	return "<CreateAccessPointRequest" + ns + ">" + inner + "</CreateAccessPointRequest>"
}

func block(inner string) string {
	return "<PublicAccessBlockConfiguration" + ns + ">" + inner + "</PublicAccessBlockConfiguration>"
}

func arn(name string) string {
	return access.AccessPointARN(store.DefaultRegion, store.Account, name)
}

func policyText(name, principal string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"s3:GetObject","Resource":"` + arn(name) + `/object/*"}]}`
}

func putPolicy(text string) string {
	return "<PutAccessPointPolicyRequest" + ns + "><Policy>" + html.EscapeString(text) + "</Policy></PutAccessPointPolicyRequest>"
}

const ours = `{"AWS":"000000000000"}`

// A step is one request, and what is to be answered.
type step struct {
	op, method, path, body string
	want                   string   // "" is success; else status and code
	has                    []string // what the answer has in it
}

// steps are taken one after the other. Each operation has a success here, and each failure that
// can happen. Where AWS's answers are recorded (see doc.go) they are these.
func steps() []step {
	var all []step
	add := func(op, method, path, body, want string, has ...string) {
		all = append(all, step{op, method, prefix + path, body, want, has})
	}
	const point = "accesspoint/"
	add("GetPublicAccessBlock", "GET", "configuration/publicAccessBlock", "", "404 NoSuchPublicAccessBlockConfiguration",
		"<ErrorResponse><Error><Code>", "<Message>The public access block configuration was not found</Message><AccountId>000000000000</AccountId></Error><RequestId>", "</HostId></ErrorResponse>")
	add("PutPublicAccessBlock", "PUT", "configuration/publicAccessBlock", block(""), "400 InvalidRequest", "Must specify at least one configuration.")
	add("PutPublicAccessBlock", "PUT", "configuration/publicAccessBlock", "", "400 MissingRequestBodyError")
	add("PutPublicAccessBlock", "PUT", "configuration/publicAccessBlock", "<Other/>", "400 MalformedXML")
	add("PutPublicAccessBlock", "PUT", "configuration/publicAccessBlock", block("<BlockPublicAcls>true</BlockPublicAcls><BlockPublicAcls>false</BlockPublicAcls>"), "400 MalformedXML")
	add("PutPublicAccessBlock", "PUT", "configuration/publicAccessBlock", block("<BlockPublicAcls>perhaps</BlockPublicAcls>"), "400 MalformedXML")
	add("PutPublicAccessBlock", "PUT", "configuration/publicAccessBlock", block("<BlockPublicAcls>true</BlockPublicAcls>"), "")
	add("GetPublicAccessBlock", "GET", "configuration/publicAccessBlock", "", "", `<PublicAccessBlockConfiguration xmlns="`+namespace+`"><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>false</IgnorePublicAcls><BlockPublicPolicy>false</BlockPublicPolicy><RestrictPublicBuckets>false</RestrictPublicBuckets></PublicAccessBlockConfiguration>`)
	add("DeletePublicAccessBlock", "DELETE", "configuration/publicAccessBlock", "", "")
	add("DeletePublicAccessBlock", "DELETE", "configuration/publicAccessBlock", "", "")
	add("GetPublicAccessBlock", "GET", "configuration/publicAccessBlock", "", "404 NoSuchPublicAccessBlockConfiguration")
	add("", "POST", "configuration/publicAccessBlock", "", "405 MethodNotAllowed")

	add("ListAccessPoints", "GET", "accesspoint", "", "", "<ListAccessPointsResult"+ns+"><AccessPointList></AccessPointList></ListAccessPointsResult>")
	add("CreateAccessPoint", "PUT", point+"way-in", create("<Bucket>none</Bucket>"), "400 InvalidRequest", "Amazon S3 AccessPoint can only be created for existing bucket")
	add("CreateAccessPoint", "PUT", point+"way-in", create("<Bucket>photos</Bucket><BucketAccountId>111122223333</BucketAccountId>"), "400 InvalidRequest", "BucketAccountId")
	add("CreateAccessPoint", "PUT", point+"xn-_test-alias", create("<Bucket>photos</Bucket>"), "400 InvalidURI", "<URI>accesspoint/xn-_test-alias</URI>")
	add("CreateAccessPoint", "PUT", point+"sa", create("<Bucket>photos</Bucket>"), "400 InvalidURI", "<URI>accesspoint/sa</URI>")
	add("CreateAccessPoint", "PUT", point+"way-in-s3alias", create("<Bucket>photos</Bucket>"), "400 InvalidRequest")
	add("CreateAccessPoint", "PUT", point+"-way", create("<Bucket>photos</Bucket>"), "400 InvalidRequest")
	add("CreateAccessPoint", "PUT", point+"way-in", create("<Bucket>photos</Bucket><Scope/>"), "400 InvalidRequest")
	add("CreateAccessPoint", "PUT", point+"way-in", create("<Bucket>photos</Bucket><VpcConfiguration/>"), "400 MalformedXML")
	add("CreateAccessPoint", "PUT", point+"way-in", create("<Bucket>photos</Bucket><VpcConfiguration><VpcId>lab</VpcId></VpcConfiguration>"), "400 InvalidRequest")
	add("CreateAccessPoint", "PUT", point+"way-in", create("<Bucket>photos</Bucket><Bucket>other</Bucket>"), "400 MalformedXML")
	add("CreateAccessPoint", "PUT", point+"way-in", "", "400 MissingRequestBodyError")
	add("CreateAccessPoint", "PUT", point+"way-in", strings.Repeat(" ", maxBody+1), "400 MaxMessageLengthExceeded")
	add("CreateAccessPoint", "PUT", point+"way-in", create("<Bucket>photos</Bucket>"), "",
		"<CreateAccessPointResult"+ns+"><AccessPointArn>"+arn("way-in")+"</AccessPointArn><Alias>way-in-", "-s3alias</Alias>")
	add("CreateAccessPoint", "PUT", point+"way-in", create("<Bucket>photos</Bucket>"), "409 AccessPointAlreadyOwnedByYou", "Your previous request to create the named accesspoint succeeded and you already own it.")
	add("CreateAccessPoint", "PUT", point+"lab", create("<Bucket>other</Bucket><BucketAccountId>000000000000</BucketAccountId><VpcConfiguration><VpcId>vpc-lab</VpcId></VpcConfiguration>"+
		"<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>"), "")
	add("CreateAccessPoint", "PUT", point+"open", create("<Bucket>photos</Bucket><PublicAccessBlockConfiguration/>"), "")
	add("GetAccessPoint", "GET", point+"way-in", "", "", "<Name>way-in</Name><Bucket>photos</Bucket><NetworkOrigin>Internet</NetworkOrigin><PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration><CreationDate>20",
		"-s3alias</Alias><AccessPointArn>"+arn("way-in")+"</AccessPointArn><BucketAccountId>000000000000</BucketAccountId></GetAccessPointResult>")
	add("GetAccessPoint", "GET", point+"lab", "", "", "<NetworkOrigin>VPC</NetworkOrigin><VpcConfiguration><VpcId>vpc-lab</VpcId></VpcConfiguration>", "<BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>false</IgnorePublicAcls>")
	add("GetAccessPoint", "GET", point+"none", "", "404 NoSuchAccessPoint", "The specified accesspoint does not exist", "<AccessPointName>none</AccessPointName>")
	add("GetAccessPoint", "GET", point+"no", "", "400 InvalidURI")
	add("ListAccessPoints", "GET", "accesspoint?bucket=photos", "", "", "<AccessPoint><Name>open</Name><NetworkOrigin>Internet</NetworkOrigin><Bucket>photos</Bucket><AccessPointArn>"+arn("open")+"</AccessPointArn><Alias>open-", "</AccessPoint><AccessPoint><Name>way-in</Name>")
	add("ListAccessPoints", "GET", "accesspoint?bucket=none", "", "", "<AccessPointList></AccessPointList>")
	add("ListAccessPoints", "GET", "accesspoint?maxResults=1", "", "", "<Name>lab</Name>", "<VpcConfiguration><VpcId>vpc-lab</VpcId></VpcConfiguration>", "<NextToken>"+newToken("lab")+"</NextToken>")
	add("ListAccessPoints", "GET", "accesspoint?maxResults=1&nextToken="+newToken("open"), "", "", "<AccessPointList><AccessPoint><Name>way-in</Name>", "</AccessPointList></ListAccessPointsResult>")
	add("ListAccessPoints", "GET", "accesspoint?maxResults=0", "", "", "<Name>way-in</Name>")
	add("ListAccessPoints", "GET", "accesspoint?maxResults=1001", "", "400 InvalidArgument", "<ArgumentName>maxResults</ArgumentName>")
	add("ListAccessPoints", "GET", "accesspoint?maxResults=-1", "", "400 InvalidArgument")
	add("ListAccessPoints", "GET", "accesspoint?maxResults=x", "", "400 InvalidArgument")
	add("ListAccessPoints", "GET", "accesspoint?nextToken=x", "", "400 InvalidRequest")
	add("ListAccessPoints", "GET", "accesspoint?a=%zz", "", "400 InvalidURI")

	add("GetAccessPointPolicy", "GET", point+"way-in/policy", "", "404 NoSuchAccessPointPolicy", "The specified accesspoint policy does not exist", "<AccessPointName>way-in</AccessPointName>")
	add("GetAccessPointPolicyStatus", "GET", point+"way-in/policyStatus", "", "404 NoSuchAccessPointPolicy")
	add("DeleteAccessPointPolicy", "DELETE", point+"way-in/policy", "", "404 NoSuchAccessPointPolicy")
	add("PutAccessPointPolicy", "PUT", point+"way-in/policy", putPolicy("{}"), "400 MalformedPolicy")
	add("PutAccessPointPolicy", "PUT", point+"way-in/policy", putPolicy(policyText("open", ours)), "400 MalformedPolicy")
	add("PutAccessPointPolicy", "PUT", point+"way-in/policy", putPolicy(policyText("way-in", `{"AWS":"arn:aws:iam::000000000000:user/nobody"}`)), "400 MalformedPolicy")
	add("PutAccessPointPolicy", "PUT", point+"way-in/policy", putPolicy(policyText("way-in", ours)+strings.Repeat(" ", 20<<10)), "400 PolicyTooLarge")
	add("PutAccessPointPolicy", "PUT", point+"way-in/policy", putPolicy(policyText("way-in", `"*"`)), "403 AccessDenied", "BlockPublicPolicy")
	add("PutAccessPointPolicy", "PUT", point+"none/policy", putPolicy(policyText("none", ours)), "404 NoSuchAccessPoint")
	add("PutAccessPointPolicy", "PUT", point+"way-in/policy", "<x/>", "400 MalformedXML")
	add("PutAccessPointPolicy", "PUT", point+"way-in/policy", putPolicy(policyText("way-in", ours)), "")
	add("PutAccessPointPolicy", "PUT", point+"lab/policy", putPolicy(policyText("lab", `"*"`)), "")
	add("GetAccessPointPolicy", "GET", point+"way-in/policy", "", "", "<GetAccessPointPolicyResult"+ns+"><Policy>"+html.EscapeString(policyText("way-in", ours))+"</Policy>")
	add("GetAccessPointPolicy", "GET", point+"none/policy", "", "404 NoSuchAccessPoint")
	add("GetAccessPointPolicyStatus", "GET", point+"way-in/policyStatus", "", "", "<GetAccessPointPolicyStatusResult"+ns+"><PolicyStatus><IsPublic>false</IsPublic></PolicyStatus></GetAccessPointPolicyStatusResult>")
	add("GetAccessPointPolicyStatus", "GET", point+"none/policyStatus", "", "404 NoSuchAccessPoint")
	add("DeleteAccessPointPolicy", "DELETE", point+"way-in/policy", "", "")
	add("DeleteAccessPointPolicy", "DELETE", point+"none/policy", "", "404 NoSuchAccessPoint")
	tags := func(inner string) string {
		return "<TagResourceRequest" + ns + "><Tags>" + inner + "</Tags></TagResourceRequest>"
	}
	tag := func(k, v string) string { return "<Tag><Key>" + k + "</Key><Value>" + v + "</Value></Tag>" }
	at := "tags/" + url.PathEscape(arn("way-in"))
	add("ListTagsForResource", "GET", at, "", "", "<ListTagsForResourceResult"+ns+"><Tags></Tags></ListTagsForResourceResult>")
	add("TagResource", "POST", at, tags(tag("team", "ops")+tag("a", "")), "")
	add("TagResource", "POST", at, tags(tag("team", "dev")), "")
	add("TagResource", "POST", at, tags(tag("a", "1")+tag("a", "2")), "400 InvalidTag", "There are duplicate tag keys in your request.")
	add("TagResource", "POST", at, tags(tag("aws:a", "1")), "400 InvalidTag")
	add("TagResource", "POST", at, tags("<Tag><Key>a</Key></Tag>"), "400 MalformedXML")
	add("TagResource", "POST", at, "", "400 MissingRequestBodyError")
	add("ListTagsForResource", "GET", at, "", "", "<Tags>"+tag("a", "")+tag("team", "dev")+"</Tags>")
	add("UntagResource", "DELETE", at+"?tagKeys=a&tagKeys=none", "", "")
	add("ListTagsForResource", "GET", at, "", "", "<Tags>"+tag("team", "dev")+"</Tags>")
	for _, op := range []string{"GET ListTagsForResource", "POST TagResource", "DELETE UntagResource"} {
		method, name, _ := strings.Cut(op, " ")
		add(name, method, "tags/"+url.PathEscape(arn("none")), tags(tag("a", "")), "404 NoSuchResource")
		add(name, method, "tags/"+url.PathEscape(strings.Replace(arn("way-in"), "000000000000", "111122223333", 1)), tags(""), "404 NoSuchResource")
		add(name, method, "tags/arn:aws:s3:::photos", tags(""), "501 NotImplemented")
	}
	add("CreateAccessPoint", "PUT", point+"tagged", create("<Bucket>photos</Bucket><Tags>"+tag("k", "v")+"</Tags>"), "")
	add("CreateAccessPoint", "PUT", point+"tagged-two", create("<Bucket>photos</Bucket><Tags>"+tag("aws:k", "v")+"</Tags>"), "400 InvalidTag")
	add("ListTagsForResource", "GET", "tags/"+url.PathEscape(arn("tagged")), "", "", tag("k", "v"))
	add("DeleteAccessPoint", "DELETE", point+"way-in", "", "")
	add("DeleteAccessPoint", "DELETE", point+"way-in", "", "404 NoSuchAccessPoint", "<AccessPointName>way-in</AccessPointName>")
	add("", "POST", point+"lab", "", "405 MethodNotAllowed")
	add("", "GET", point+"lab/scope", "", "501 NotImplemented")
	add("", "GET", "jobs", "", "501 NotImplemented")
	return all
}

// TestOperations takes all steps, and demands some for each operation.
func TestOperations(t *testing.T) {
	r := newRig(t)
	r.bucket("photos")
	r.bucket("other")
	shown := map[string]bool{}
	for _, s := range steps() {
		status, body := r.send(ask{method: s.method, path: s.path, body: s.body})
		if got := outcome(status, body); got != s.want {
			t.Errorf("%s %s %.80s: %d %s; want %q", s.method, s.path, s.body, status, body, s.want)
		}
		for _, text := range s.has {
			if !strings.Contains(body, text) {
				t.Errorf("%s %s: %s; it should have %q", s.method, s.path, body, text)
			}
		}
		shown[s.op] = shown[s.op] || s.want == ""
	}
	for _, op := range operations() {
		if !shown[op.name] {
			t.Errorf("nothing shows that %s succeeds", op.name)
		}
		delete(shown, op.name)
	}
	if delete(shown, ""); len(shown) > 0 {
		t.Errorf("there are no operations %v", shown)
	}
	fsck, err := r.st.Fsck(t.Context(), nil)
	if len(fsck) > 0 || err != nil {
		t.Errorf("fsck: %v, %v", fsck, err)
	}
}

// TestStrangersAreRefusedEachOperation: a user without a policy, nobody, and those of other
// accounts, also where what they ask for does not exist.
func TestStrangersAreRefusedEachOperation(t *testing.T) {
	r := newRig(t)
	r.bucket("photos")
	if _, err := r.se.CreateAccessPoint(t.Context(), "way-in", store.NewAccessPoint{Bucket: "photos"}); err != nil {
		t.Fatal(err)
	}
	if err := r.se.SetAccessPointPolicy(t.Context(), "way-in", policyText("way-in", ours)); err != nil {
		t.Fatal(err)
	}
	nobody := r.user("nobody", "")
	all := r.user("all", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)
	bodies := map[string]string{
		"CreateAccessPoint": create("<Bucket>photos</Bucket>"), "PutAccessPointPolicy": putPolicy(policyText("way-in", ours)),
		"TagResource":          "<TagResourceRequest/>",
		"PutPublicAccessBlock": block("<BlockPublicAcls>true</BlockPublicAcls>"),
	}
	for _, op := range operations() {
		for _, name := range []string{"way-in", "none"} {
			for who, a := range map[string]ask{
				"a user without a policy": {cred: &nobody, account: store.Account},
				"nobody":                  {unsigned: true, account: store.Account},
				"who names another":       {cred: &all, account: "111122223333"},
				"the root, elsewhere":     {account: "111122223333"},
			} {
				a.method, a.path, a.body = op.method, prefix+strings.NewReplacer("{name}", name, "{arn}", arn(name)).Replace(op.path), bodies[op.name]
				if got := outcome(r.send(a)); got != "403 AccessDenied" {
					t.Errorf("%s asks for %s of %s: %s", who, op.name, name, got)
				}
			}
		}
	}
	for _, account := range []string{"12", "abcdefghijkl", " "} {
		if got := outcome(r.send(ask{method: "GET", path: prefix + "accesspoint", account: account})); got != "400 InvalidRequest" {
			t.Errorf("the account %q: %s", account, got)
		}
	}
	if got := outcome(r.send(ask{method: "GET", path: prefix + "accesspoint", cred: &all})); got != "" {
		t.Errorf("who may do everything: %s", got)
	}
}

// TestWhatIsControl: the path and the account tell a request for S3 Control from one for a
// bucket that is called so.
func TestWhatIsControl(t *testing.T) {
	r := newRig(t, "pail.test")
	r.bucket("v20180820")
	r.bucket("111122223333")
	list, object := prefix+"accesspoint", prefix+"accesspoint"
	for _, c := range []struct {
		a    ask
		want string
	}{
		{ask{method: "GET", path: list}, "control"},
		{ask{method: "GET", path: list, host: "000000000000.pail.test"}, "control"},
		{ask{method: "GET", path: list, host: "000000000000.pail.test:9000", account: "-"}, "control"},
		{ask{method: "GET", path: list, host: "000000000000.localhost", account: "-"}, "control"},
		{ask{method: "GET", path: list, host: "000000000000.other.test", account: "-"}, "object"},
		{ask{method: "GET", path: object, account: "-"}, "object"},
		{ask{method: "GET", path: object, host: "111122223333.pail.test", account: "-"}, "object"},
		{ask{method: "GET", path: "/v20180820?list-type=2"}, "bucket"},
	} {
		_, body := r.send(c.a)
		got := "control"
		switch {
		case strings.Contains(body, "<ListBucketResult"):
			got = "bucket"
		case strings.Contains(body, "NoSuchKey"):
			got = "object"
		case !strings.Contains(body, "<ListAccessPointsResult"):
			got = body
		}
		if got != c.want {
			t.Errorf("%+v is of %s; want %s", c.a, got, c.want)
		}
	}
}

// TestOperationsHaveFiles: one operation, one name, one way.
func TestOperationsHaveFiles(t *testing.T) {
	var names []string
	h := New(Options{})
	for _, op := range operations() {
		names = append(names, op.name)
		path := prefix + strings.NewReplacer("{name}", "way-in", "{arn}", arn("way-in")).Replace(op.path)
		if got, name, err := h.operation(op.method, path); err != nil || got.name != op.name || strings.Contains(op.path, "{") != strings.HasSuffix(name, "way-in") {
			t.Errorf("%s %s is %v of %q, %v", op.method, path, got, name, err)
		}
	}
	slices.Sort(names)
	if len(slices.Compact(names)) != len(operations()) {
		t.Error(fmt.Sprint("two operations of one name: ", names))
	}
}
