package s3api

import "testing"

// TestTwice: an element that there is once must not be there twice, at any depth; what is a
// list may, and what nobody reads.
func TestTwice(t *testing.T) {
	for _, c := range []struct {
		v   any
		doc string
		ok  bool
	}{
		{new(versioningConfiguration), "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>", true},
		{new(versioningConfiguration), "<VersioningConfiguration><Status>Enabled</Status><Status>Enabled</Status></VersioningConfiguration>", false},
		{new(versioningConfiguration), "<VersioningConfiguration><MfaDelete>Disabled</MfaDelete><MfaDelete>Disabled</MfaDelete></VersioningConfiguration>", false},
		{new(versioningConfiguration), "<VersioningConfiguration><Other/><Other/><Status>Enabled</Status></VersioningConfiguration>", true},
		{new(versioningConfiguration), "<VersioningConfiguration><Other><Status/></Other><Status>Enabled</Status></VersioningConfiguration>", true},
		{new(tagging), "<Tagging><TagSet><Tag><Key>a</Key></Tag><Tag><Key>b</Key></Tag></TagSet></Tagging>", true},
		{new(tagging), "<Tagging><TagSet/><TagSet/></Tagging>", false},
		{new(tagging), "<Tagging><TagSet><Tag><Key>a</Key><Key>b</Key></Tag></TagSet></Tagging>", false},
		{new(createBucketConfiguration), "<CreateBucketConfiguration><Tags><Tag/><Tag/></Tags></CreateBucketConfiguration>", true},
		{new(createBucketConfiguration), "<CreateBucketConfiguration><Tags/><Tags/></CreateBucketConfiguration>", false},
		{new(lifecycleConfiguration), "<LifecycleConfiguration><Rule><Filter><And><Tag/><Tag/></And></Filter></Rule><Rule/></LifecycleConfiguration>", true},
		{new(lifecycleConfiguration), "<LifecycleConfiguration><Rule><Filter><Tag/><Tag/></Filter></Rule></LifecycleConfiguration>", false},
		{new(lifecycleConfiguration), "<LifecycleConfiguration><Rule><Expiration><Days>1</Days><Days>2</Days></Expiration></Rule></LifecycleConfiguration>", false},
		{new(completeRequest), "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</ETag><ETag>a</ETag></Part></CompleteMultipartUpload>", false},
		{new(deleteRequest), `<d:Delete xmlns:d="` + namespace + `"><d:Object><d:Key>a</d:Key><d:Key>b</d:Key></d:Object></d:Delete>`, false},
	} {
		if err := parseXML([]byte(c.doc), c.v); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.doc, err)
		}
	}
}
