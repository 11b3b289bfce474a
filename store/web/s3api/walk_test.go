package s3api

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// A walk is what TestWalk shows of one operation: that a client gets what it asks for, and
// each error that AWS documents for it.
type walk struct {
	// ready makes what the operation needs in the stroll's bucket, and completes the request
	// that the table of operations describes.
	ready func(s *stroll, a *ask)
	// input completes the input of AWS's client, which has bucket, key and upload already.
	input func(s *stroll, in any)
	// output says what is wrong with what AWS's client makes of the answer, "" if nothing is.
	output func(s *stroll, out any) string
	// raw says why AWS's client cannot be used; the request alone is the success then.
	raw string
	// answers is the error that is all there is to this operation here, and because why.
	answers, because string
	// document says that the body is one: what is documented of those is tried with it.
	document bool
	// fails are the errors documented for the operation besides those that everyone has.
	fails []failure
}

// A failure is an error that AWS documents, and how it comes about.
type failure struct {
	code    string
	status  int
	details string // further elements of the answer, NAME=VALUE or NAME=*, apart by spaces
	source  string // the page that documents it; "": that of the operation
	do      func(s *stroll) reply
	cannot  string // why it cannot happen here; do is nil then
}

// Pages that document errors of many operations.
const (
	reference = "https://docs.aws.amazon.com/AmazonS3/latest/API/"
	errorList = reference + "ErrorResponses.html" // the list of error codes
	authPage  = reference + "sig-v4-authenticating-requests.html"
	sumsPage  = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html"
	condPage  = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html"
)

// fails is a failure of the list of error codes that do provokes.
func fails(status int, code, details string, do func(s *stroll) reply) failure {
	return failure{code: code, status: status, details: details, source: errorList, do: do}
}

// on is the failure as another page documents it; "": that of the operation.
func (f failure) on(page string) failure {
	f.source = page
	return f
}

// never is a documented failure that cannot happen here.
func never(code, why string) failure { return failure{code: code, cannot: why} }

// walks are the walks of all operations, by name.
func walks() map[string]walk {
	all := map[string]walk{}
	for _, some := range []map[string]walk{bucketWalks(), configWalks(), unsetWalks(), accessWalks(), objectWalks(), objectConfigWalks(), uploadWalks()} {
		for name, w := range some {
			if _, twice := all[name]; twice {
				panic("two walks of " + name)
			}
			all[name] = w
		}
	}
	return all
}

// page is the page of an operation in the API Reference.
func page(op string) string {
	switch op {
	case "PostObject":
		return reference + "RESTObjectPOST.html"
	case "PreflightBucket", "PreflightObject":
		return reference + "RESTOPTIONSobject.html"
	}
	return reference + "API_" + op + ".html"
}

// TestWalk walks the table of operations: each has a success by AWS's own client, and every
// error that AWS documents for it happens, with its status and the elements that AWS puts
// into the answer, or there is a reason why it cannot.
func TestWalk(t *testing.T) {
	w := newWorld(t)
	of := walks()
	ops := operations()
	t.Run("all", func(t *testing.T) { // which ends when all of them have
		for i := range ops {
			op := &ops[i]
			entry, ok := of[op.name]
			delete(of, op.name)
			if !ok {
				t.Errorf("nothing shows that %s succeeds and fails as on AWS", op.name)
				continue
			}
			t.Run(op.name, func(t *testing.T) {
				t.Parallel()
				w.succeed(t, op, entry)
				w.fail(t, op, entry)
			})
		}
	})
	for name := range of {
		t.Errorf("%s is no operation", name)
	}
	for name := range unenforcedOperations {
		if !slices.ContainsFunc(ops, func(op operation) bool { return op.name == name }) {
			t.Errorf("%s is refused, and no operation", name)
		}
	}
}

// TestWalkKnowsTheClientsOperations: what AWS's client can ask for is an operation here, or
// it is said why not.
func TestWalkKnowsTheClientsOperations(t *testing.T) {
	elsewhere := map[string]string{
		"Options":       "no operation",
		"CreateSession": "directory buckets have sessions", "ListDirectoryBuckets": "directory buckets",
		"WriteGetObjectResponse":                 "Object Lambda",
		"CreateBucketMetadataConfiguration":      "tables of metadata",
		"GetBucketMetadataConfiguration":         "tables of metadata",
		"DeleteBucketMetadataConfiguration":      "tables of metadata",
		"CreateBucketMetadataTableConfiguration": "tables of metadata", "GetBucketMetadataTableConfiguration": "tables of metadata",
		"DeleteBucketMetadataTableConfiguration":           "tables of metadata",
		"UpdateBucketMetadataAnnotationTableConfiguration": "tables of metadata", "UpdateBucketMetadataInventoryTableConfiguration": "tables of metadata",
		"UpdateBucketMetadataJournalTableConfiguration": "tables of metadata",
		"PutObjectAnnotation":                           "annotations", "GetObjectAnnotation": "annotations", "DeleteObjectAnnotation": "annotations", "ListObjectAnnotations": "annotations",
		"GetBucketAbac": "rules by tags", "PutBucketAbac": "rules by tags",
	}
	var names []string
	for _, op := range operations() {
		names = append(names, op.name)
	}
	client := reflect.TypeFor[*s3.Client]()
	for i := range client.NumMethod() {
		name := client.Method(i).Name
		_, other := elsewhere[name]
		if slices.Contains(names, name) == other {
			t.Errorf("%s: is it an operation here, or why not?", name)
		}
		delete(elsewhere, name)
	}
	for name := range elsewhere {
		t.Errorf("AWS's client has no %s", name)
	}
}

// succeed has AWS's client call the operation, and sends it without that client.
func (w *world) succeed(t *testing.T, op *operation, entry walk) {
	refused, isRefused := unenforcedOperations[op.name]
	if isRefused {
		entry.answers, entry.because = "NotImplemented", refused
	}
	if entry.answers != "" && entry.because == "" {
		t.Errorf("why does nobody get more than %s?", entry.answers)
	}
	if entry.raw == "" {
		s := w.stroll(t, op, entry)
		err := s.callClient()
		var e smithy.APIError
		switch {
		case entry.answers == "" && err != nil:
			t.Errorf("AWS's client gets %v", err)
		case entry.answers != "" && (!errors.As(err, &e) || e.ErrorCode() != entry.answers):
			t.Errorf("AWS's client gets %v and should get %s", err, entry.answers)
		}
		if got := w.asked(s.bucket); !slices.Contains(got, op.name) {
			t.Errorf("AWS's client calls this, and not one of %q", got)
		}
	}
	s := w.stroll(t, op, entry)
	got := s.send(s.request)
	switch {
	case entry.answers == "" && got.StatusCode >= 300:
		t.Errorf("the request gets %d %s", got.StatusCode, got.body)
	case entry.answers != "" && element(got.body, "Code") != entry.answers:
		t.Errorf("the request gets %d %s and should get %s", got.StatusCode, got.body, entry.answers)
	case isRefused && got.StatusCode != http.StatusNotImplemented:
		t.Errorf("what is not implemented gets %d", got.StatusCode)
	}
}

// fail provokes every documented error.
func (w *world) fail(t *testing.T, op *operation, entry walk) {
	s := w.stroll(t, op, entry)
	for _, f := range slices.Concat(everyones(op, entry), entry.fails) {
		name := f.code
		if f.cannot != "" {
			if f.do != nil {
				t.Errorf("%s cannot happen, and can", name)
			}
			continue
		}
		if f.do == nil {
			t.Errorf("%s does not happen, and nobody says why", name)
			continue
		}
		if f.source == "" {
			f.source = page(op.name)
		}
		got := f.do(s)
		if got.StatusCode != f.status {
			t.Errorf("%s: status %d, want %d (%s)\n%s", name, got.StatusCode, f.status, f.source, got.body)
			continue
		}
		if got.Header.Get("x-amz-request-id") == "" || got.Header.Get("x-amz-id-2") == "" {
			t.Errorf("%s: an answer without ids: %v", name, got.Header)
		}
		if got.Request.Method == http.MethodHead || f.status == http.StatusNotModified {
			continue // which has no body
		}
		if err := f.same(got.body); err != nil {
			t.Errorf("%s: %v (%s)\n%s", name, err, f.source, got.body)
		}
	}
}

// same compares an answer with the failure.
func (f failure) same(body string) error {
	got, err := errorElements(body)
	if err != nil {
		return err
	}
	if got["Code"] != f.code {
		return fmt.Errorf("it is %s", got["Code"])
	}
	if got["Message"] == "" {
		return errors.New("it says nothing")
	}
	for _, name := range []string{"Code", "Message", "Resource", "RequestId", "HostId"} {
		if _, ok := got[name]; !ok {
			return fmt.Errorf("%s is missing", name)
		}
		delete(got, name)
	}
	for _, want := range strings.Fields(f.details) {
		name, value, _ := strings.Cut(want, "=")
		if v, ok := got[name]; !ok || value != "*" && v != value {
			return fmt.Errorf("%s is %q and should be %q", name, v, value)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		return fmt.Errorf("it has more than AWS says: %v", slices.Sorted(maps.Keys(got)))
	}
	return nil
}

// errorElements are the elements of the answer that is an error.
func errorElements(body string) (map[string]string, error) {
	var doc struct {
		XMLName  xml.Name `xml:"Error"`
		Elements []struct {
			XMLName xml.Name
			Text    string `xml:",chardata"`
		} `xml:",any"`
	}
	if err := xml.Unmarshal([]byte(body), &doc); err != nil {
		return nil, fmt.Errorf("it is no error: %w", err)
	}
	got := map[string]string{}
	for _, e := range doc.Elements {
		if _, twice := got[e.XMLName.Local]; twice {
			return nil, fmt.Errorf("%s is there twice", e.XMLName.Local)
		}
		got[e.XMLName.Local] = e.Text
	}
	return got, nil
}

// callClient calls the operation by AWS's client.
func (s *stroll) callClient() error {
	call := reflect.ValueOf(s.w.client).MethodByName(s.op.name)
	if !call.IsValid() {
		return errors.New("there is no such call")
	}
	in := reflect.New(call.Type().In(1).Elem())
	for name, value := range map[string]string{"Bucket": s.bucket, "Key": s.key, "UploadId": s.upload, "Id": "one"} {
		if f := in.Elem().FieldByName(name); f.IsValid() {
			f.Set(reflect.ValueOf(&value))
		}
	}
	if s.entry.input != nil {
		s.entry.input(s, in.Interface())
	}
	out := call.Call([]reflect.Value{reflect.ValueOf(s.t.Context()), in})
	if err, failed := out[1].Interface().(error); failed {
		return err
	}
	if body := out[0].Elem().FieldByName("Body"); body.IsValid() && body.Type() == reflect.TypeFor[io.ReadCloser]() {
		defer body.Interface().(io.ReadCloser).Close()
	}
	if s.entry.output == nil {
		return nil
	}
	if wrong := s.entry.output(s, out[0].Interface()); wrong != "" {
		return errors.New(wrong)
	}
	return nil
}
