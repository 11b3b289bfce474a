package s3api

import (
	"encoding/xml"
	"errors"
	"strings"
	"testing"

	"pail/store"
	"pail/store/web/apierror"
)

// FuzzBodies: no body of a request makes the reader of any operation on buckets panic, and
// what is no document is MalformedXML. FuzzObjectBodies has those of objects.
func FuzzBodies(f *testing.F) {
	for _, doc := range []string{
		"<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>",
		"<WebsiteConfiguration><IndexDocument/><RoutingRules><RoutingRule><Redirect/></RoutingRule></RoutingRules></WebsiteConfiguration>",
		"<LifecycleConfiguration><Rule><Filter><And/></Filter><Expiration><Date>2030-01-01</Date></Expiration><Transition/></Rule></LifecycleConfiguration>",
		"<NotificationConfiguration><QueueConfiguration><Filter/></QueueConfiguration></NotificationConfiguration>",
		"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>", "<VersioningConfiguration/>", "<VersioningConfiguration><Status/><Status/></VersioningConfiguration>",
		encryptionDocument("AES256", "<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes><BucketKeyEnabled>true</BucketKeyEnabled>"),
		"<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>", "<RequestPaymentConfiguration><Payer/></RequestPaymentConfiguration>",
		"<ObjectEncryption><SSE-KMS><KMSKeyArn>arn:aws:kms:us-east-1:000000000001:key/a</KMSKeyArn><BucketKeyEnabled>true</BucketKeyEnabled></SSE-KMS></ObjectEncryption>",
		"<CreateBucketConfiguration><Tags><Tag><Key>a</Key></Tag></Tags></CreateBucketConfiguration>", "<a><b></a>", "<!DOCTYPE x [<!ENTITY y 'z'>]><x>&y;</x>", "",
	} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, v := range []any{
			new(createBucketConfiguration), new(corsConfiguration), new(tagging), new(versioningConfiguration), new(ownershipControls), new(requestPaymentConfiguration),
		} {
			checkParse(t, data, v)
		}
		var w websiteConfiguration
		if checkParse(t, data, &w) && w.Rules != nil {
			for _, r := range w.Rules.Rules {
				_, _ = r.rule()
			}
		}
		var l lifecycleConfiguration
		if checkParse(t, data, &l) {
			for _, r := range l.Rules {
				_, _ = r.rule()
			}
		}
		var e encryptionConfiguration
		if checkParse(t, data, &e) {
			for _, r := range e.Rules {
				_, _ = r.encryption()
			}
		}
		var o objectEncryption
		if checkParse(t, data, &o) {
			if in, err := o.encryption(); err == nil && (in.Mode != store.ModeKMS || in.KMSKey == "") {
				t.Fatalf("%q asks for %+v", data, in)
			}
		}
		var n notificationConfiguration
		if checkParse(t, data, &n) {
			for _, target := range n.Queues {
				_ = target.target(0, target.Queue)
			}
		}
	})
}

func checkParse(t *testing.T, data []byte, v any) bool {
	err := parseXML(data, v)
	if e := (*apierror.Error)(nil); err != nil && (!errors.As(err, &e) || e.Code != apierror.MalformedXML) {
		t.Fatalf("%T: %v", v, err)
	}
	return err == nil
}

// FuzzEscaping: what is written comes back, if XML has a way to say it at all.
func FuzzEscaping(f *testing.F) {
	for _, s := range []string{"a", "a&b<c>d\"e'f", "é\u2028😀", "\x01\x7f", "\ufffe\uffff", "\xff", "\r\n\t"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		x := newXML("R")
		x.text("K", s)
		doc := x.bytes("R")
		sayable := strings.Map(func(r rune) rune {
			if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
				return -1
			}
			return r
		}, strings.ToValidUTF8(s, ""))
		if sayable != s {
			return
		}
		var got struct{ K string }
		if err := xml.Unmarshal(doc, &got); err != nil || got.K != s {
			t.Fatalf("%q was written as %s and read as %q, %v", s, doc, got.K, err)
		}
	})
}

// FuzzRange: whatever a Range header says, it means bytes of the object or is refused.
func FuzzRange(f *testing.F) {
	for _, h := range []string{"bytes=0-0", "bytes=-1", "bytes=5-", "bytes=1-0", "bytes=0-1,3-4", "chars=0-1", "bytes=99999999999999999999-", "bytes=--1"} {
		f.Add(h, int64(10))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		r, ok, err := parseRange(header, size)
		if err == nil && ok && (r.Off < 0 || r.Len <= 0 || r.Off+r.Len > size) {
			t.Fatalf("%q of %d bytes is %+v", header, size, r)
		}
		if err != nil && ok {
			t.Fatalf("%q is refused and accepted", header)
		}
		_ = store.Range(r)
	})
}
