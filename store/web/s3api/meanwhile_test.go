package s3api

import (
	"bufio"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pail/store/fault"
	"pail/store/web"
)

// TestMeanwhile has copies take so long that their answers begin before they are made: one is
// made and one fails.
func TestMeanwhile(t *testing.T) {
	for _, failure := range []error{nil, fault.New(fault.IOFailed, "the disk"), fault.New(fault.NoSuchKey, "no").At("photos", "k")} {
		goOn := make(chan struct{})
		settled := 0
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
			c := &call{
				h: New(Options{Region: "us-east-1"}), w: &web.Answer{ResponseWriter: w}, r: &web.Request{Request: hr, ID: web.NewID()}, ctx: hr.Context(),
			}
			c.h.copyPatience, c.h.copyPulse = 0, time.Millisecond
			c.h.settle = func(context.Context) { settled++ }
			err := c.meanwhile(func() error {
				<-goOn
				return failure
			})
			if err != nil {
				c.refuse(err)
				return
			}
			x := newXML("CopyObjectResult")
			x.text("ETag", "tag")
			_ = c.xml(x, "CopyObjectResult")
		}))
		resp, err := http.Get(srv.URL + "/photos/k")
		if err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(resp.Body)
		head := make([]byte, len(xmlProlog)+3)
		if _, err := io.ReadFull(in, head); err != nil || string(head) != xmlProlog+"   " {
			t.Fatalf("%q, %v", head, err)
		}
		close(goOn)
		rest, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		srv.Close()
		var doc struct {
			XMLName xml.Name
			ETag    string
			Code    string
		}
		if err := xml.Unmarshal(append(head, rest...), &doc); err != nil || strings.Count(string(rest), "<?xml") > 0 {
			t.Fatalf("%q: %v", rest, err)
		}
		want := "CopyObjectResult"
		if failure != nil {
			want = "Error"
		}
		if resp.StatusCode != 200 || doc.XMLName.Local != want || failure == nil && doc.ETag != "tag" || failure != nil && doc.Code == "" || resp.Header.Get("Content-Length") != "" {
			t.Errorf("%v: %d %v %q", failure, resp.StatusCode, resp.Header, rest)
		}
		if settled == 0 {
			t.Error("nobody waited for the mounts")
		}
	}
}

// TestMeanwhileInTime answers what does not take long as ever.
func TestMeanwhileInTime(t *testing.T) {
	r := versioned(t)
	r.must("PUT", "/photos/a", "one")
	if got := r.must("PUT", "/photos/b", "", "x-amz-copy-source", "photos/a"); got.Header.Get("x-amz-version-id") == "" || got.Header.Get("Content-Length") == "" {
		t.Errorf("%v", got.Header)
	}
	r.refused(404, "NoSuchKey", "PUT", "/photos/b", "", "x-amz-copy-source", "photos/none")
	c := &call{h: &Handler{copyPatience: time.Hour}}
	if err := c.meanwhile(func() error { return io.EOF }); !errors.Is(err, io.EOF) || c.begun {
		t.Errorf("%v, begun: %v", err, c.begun)
	}
}
