package iamapi

import (
	"encoding/base64"
	"strings"
	"testing"

	"pail/store/web/query/querytest"
	"pail/store/web/sigv4"
)

func decoded(t *testing.T, text string) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestProtocol is what no operation is asked for.
func TestProtocol(t *testing.T) {
	r := querytest.New(t, "iam", New())
	nobody := sigv4.Credential{}
	for _, c := range []struct {
		cred sigv4.Credential
		form string
		want string
	}{
		{r.Root, "", "MissingAction"},
		{r.Root, "Version=2010-05-08", "MissingAction"},
		{r.Root, "Action=ListUsers", "InvalidAction"},
		{r.Root, "Action=ListUsers&Version=2011-06-15", "InvalidAction"},
		{r.Root, "Action=ListDragons&Version=2010-05-08", "InvalidAction"},
		{r.Root, "Action=listUsers&Version=2010-05-08", "InvalidAction"},
		{r.Root, "Action=ListUsers&Version=2010-05-08&Marker=%zz", "MalformedQueryString"},
		{r.Root, "Action=ListUsers&Version=2010-05-08&Action=ListUsers", "ValidationError"},
		{nobody, "Action=ListUsers&Version=2010-05-08", "MissingAuthenticationToken"},
		{sigv4.Credential{AccessKey: "AKIANOBODY", Secret: "x"}, "Action=ListUsers&Version=2010-05-08", "InvalidClientTokenId"},
		{sigv4.Credential{AccessKey: r.Root.AccessKey, Secret: "x"}, "Action=ListUsers&Version=2010-05-08", "SignatureDoesNotMatch"},
		{r.Root, "Action=ListUsers&Version=2010-05-08&Padding=" + strings.Repeat("x", 1<<20), "RequestEntityTooLarge"},
	} {
		if _, body := r.Do(c.cred, "", c.form); querytest.Element(body, "Code") != c.want ||
			!strings.HasPrefix(body, `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>`) ||
			querytest.Element(body, "RequestId") == "" {
			t.Errorf("%.80s: %s, want %s", c.form, body, c.want)
		}
	}
	status, body := r.Do(r.Root, "", "Action=ListUsers&Version=2010-05-08")
	if status != 200 || !strings.HasPrefix(body, `<ListUsersResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ListUsersResult><Users></Users><IsTruncated>false</IsTruncated></ListUsersResult><ResponseMetadata><RequestId>`) {
		t.Errorf("%d %s", status, body)
	}
}
