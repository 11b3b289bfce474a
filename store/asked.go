package store

import (
	"slices"
	"strconv"
	"time"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/iam"
	"pail/store/internal/meta/record"
	"pail/versioning"
)

// An asked is one request as policies see it: what its action is done to, and the values of
// the condition keys. What lies on disk is read only if a policy asks for it.
type asked struct {
	se          *Session
	act         action
	bucket, key string
	version     string // that is named; "": the current one

	quiet bool // nobody tries to do it: the audit trail is not told of a denial

	creates bool // the bucket is to be made: one of that name does not count

	managed     *access.AccessPoint // that is managed; nil: it is about a bucket
	managedTags map[string]string   // that it has

	sn     *snap // what is read is read in it; nil: in a snapshot of its own
	caller *iam.Caller
	rec    *record.Bucket // nil: there is none
	rules  *bucketRules

	looked bool
	found  *record.Version // the object as it is; see object
	err    error           // that values could not be read

	list      *listAsked        // of a listing
	put       *putAsked         // of what makes an object, a bucket or an ACL
	tags      map[string]string // that the request gives an object
	tagged    bool              // it gives tags, perhaps none
	ownTags   map[string]string // that it gives a bucket
	resources map[string]string // further keys, as a room that brings its own rules fills them in
}

// A listAsked is what a listing asks for.
type listAsked struct {
	prefix, delimiter string
	limit             int // 0: it does not say
}

// A putAsked is what a request that makes something says of it.
type putAsked struct {
	acl          *ACLInput
	storageClass string
	redirect     string
	ifMatch      string
	ifNoneMatch  string
	copySource   string
	directive    string // of a copy: COPY or REPLACE of the metadata
	part         bool   // it brings a part, and makes no object
	upload       string // id of the upload that it goes on with, which says the encryption
	region       string // of a new bucket
	ownership    string // of a new bucket
	lockMode     string // of Object Lock
	lockUntil    time.Time
	legalHold    string
	sse, sseKey  string // encryption, and the key that is named
	customer     bool   // a customer's key comes with it
}

// puts is the putAsked of a request, to be filled in.
func (a *asked) puts() *putAsked {
	if a.put == nil {
		a.put = new(putAsked)
	}
	return a.put
}

// optional is a value that a request need not have.
func optional(v string) ([]string, bool) {
	if v == "" {
		return nil, false
	}
	return []string{v}, true
}

func yesNo(b bool) ([]string, bool) { return []string{strconv.FormatBool(b)}, true }

func moment(t time.Time) ([]string, bool) {
	if t.IsZero() {
		return nil, false
	}
	return []string{t.UTC().Format(time.RFC3339Nano)}, true
}

// Values returns the values of a condition key that the request has (access.Context).
func (a *asked) Values(key string) ([]string, bool) {
	if v, ok := a.resources[key]; ok {
		return []string{v}, true
	}
	for _, of := range [...]func(string) ([]string, bool){a.ofCaller, a.ofRequest, a.ofListing, a.ofPut, a.ofTags} {
		if vs, ok := of(key); ok {
			return vs, true
		}
	}
	return nil, false
}

// ofCaller are the keys of the caller's session.
func (a *asked) ofCaller(key string) ([]string, bool) {
	c := a.caller
	switch key {
	case "aws:MultiFactorAuthPresent":
		if c.Issued.IsZero() {
			return nil, false // long-term keys have no such key
		}
		return yesNo(!c.MFA.IsZero())
	case "aws:MultiFactorAuthAge":
		if c.MFA.IsZero() {
			return nil, false
		}
		return optional(strconv.FormatInt(int64(a.now().Sub(c.MFA)/time.Second), 10))
	case "aws:TokenIssueTime":
		return moment(c.Issued)
	case "aws:SourceIdentity":
		return optional(c.SourceIdentity)
	}
	return nil, false
}

// now is when the request arrived.
func (a *asked) now() time.Time {
	if t := a.se.rc.Time; !t.IsZero() {
		return t
	}
	return a.se.s.now()
}

// ofRequest are the keys of every request.
func (a *asked) ofRequest(key string) ([]string, bool) {
	rc := &a.se.rc
	switch key {
	case "aws:SourceIp":
		if rc.VPCE != "" || !rc.SourceIP.IsValid() {
			return nil, false
		}
		return optional(rc.SourceIP.String())
	case "aws:VpcSourceIp":
		if rc.VPCE == "" || !rc.SourceIP.IsValid() {
			return nil, false
		}
		return optional(rc.SourceIP.String())
	case "aws:SourceVpc":
		return optional(rc.VPC)
	case "aws:SourceVpce":
		return optional(rc.VPCE)
	case "aws:CurrentTime":
		return moment(a.now())
	case "aws:EpochTime":
		return optional(strconv.FormatInt(a.now().Unix(), 10))
	case "aws:referer":
		return optional(rc.Referer)
	case "aws:UserAgent":
		return optional(rc.UserAgent)
	case "aws:RequestedRegion":
		return optional(a.se.s.label.Region)
	case "aws:SecureTransport":
		return yesNo(rc.Secure || rc.Door == DoorMount || rc.Door == DoorControl)
	case "s3:authType":
		return optional(rc.AuthType)
	case "s3:signatureversion":
		return optional(rc.Signature)
	case "s3:signatureAge":
		if rc.Signed.IsZero() {
			return nil, false
		}
		return optional(strconv.FormatInt(a.now().Sub(rc.Signed).Milliseconds(), 10))
	case "s3:TlsVersion":
		return optional(rc.TLSVersion)
	case "s3:x-amz-content-sha256":
		return optional(rc.ContentSHA256)
	case "s3:VersionId":
		return optional(a.version)
	}
	return nil, false
}

// ofListing are the keys of listings.
func (a *asked) ofListing(key string) ([]string, bool) {
	switch key {
	case "s3:prefix", "s3:delimiter", "s3:max-keys":
	default:
		return nil, false
	}
	l := a.list
	switch {
	case l == nil && a.key != "" && !a.act.onObject():
		l = &listAsked{prefix: a.key, delimiter: "/"} // a directory of a mount
	case l == nil:
		return nil, false
	}
	switch key {
	case "s3:prefix":
		return []string{l.prefix}, true
	case "s3:delimiter":
		return optional(l.delimiter)
	}
	if l.limit == 0 {
		return nil, false
	}
	return optional(strconv.Itoa(l.limit))
}

// ofPut are the keys of what makes something.
func (a *asked) ofPut(key string) ([]string, bool) {
	if key == "s3:ObjectCreationOperation" {
		if a.act != actPutObject {
			return nil, false
		}
		return yesNo(a.put == nil || !a.put.part)
	}
	if key == "s3:x-amz-server-side-encryption" {
		return optional(a.encryption())
	}
	if a.se.rc.Door == DoorMount && a.act == actPutObject {
		switch key {
		case "s3:x-amz-server-side-encryption-aws-kms-key-id":
			return optional(a.rec.GetEncryption().GetKmsKey())
		}
	}
	if key == "s3:x-amz-server-side-encryption-customer-algorithm" {
		return optional(a.customerCipher())
	}
	p := a.put
	if p == nil {
		return nil, false
	}
	switch key {
	case "s3:if-match":
		return optional(p.ifMatch)
	case "s3:if-none-match":
		return optional(p.ifNoneMatch)
	case "s3:locationconstraint":
		return optional(p.region)
	case "s3:x-amz-object-ownership":
		return optional(p.ownership)
	case "s3:x-amz-storage-class":
		return optional(p.storageClass)
	case "s3:x-amz-website-redirect-location":
		return optional(p.redirect)
	case "s3:x-amz-copy-source":
		return optional(p.copySource)
	case "s3:x-amz-metadata-directive":
		return optional(p.directive)
	case "s3:x-amz-server-side-encryption-aws-kms-key-id":
		return optional(p.sseKey)
	}
	if vs, ok := a.ofLock(key); ok {
		return vs, true
	}
	if p.acl == nil {
		return nil, false
	}
	return optional(p.acl.header(key))
}

// encryption is the encryption that a request asks for. Parts and what joins them have no such
// header, and count with that of their upload; on a mount nobody can ask, and the bucket's
// default stands for it.
func (a *asked) encryption() string {
	p := a.put
	switch {
	case a.se.rc.Door == DoorMount:
		if a.act != actPutObject || a.customerCipher() != "" {
			return ""
		}
		return a.se.s.wanted(a.rec).name()
	case p == nil:
		return ""
	case p.upload == "":
		return p.sse
	}
	mode := ""
	err := a.se.view(a.bucket, func(sn *snap, b *record.Bucket) error {
		u, err := sn.upload(b, a.key, p.upload)
		if mode = modeName(u.GetVersion().GetEncryption().GetMode()); mode == ModeCustomer {
			mode = ""
		}
		return err
	})
	if err != nil && !fault.Is(err, fault.NoSuchUpload) && !fault.Is(err, fault.NoSuchBucket) {
		a.err = err
	}
	return mode
}

// customerCipher is the algorithm of the customer's key that comes with what makes an object, or is
// given for it on a mount; there is one.
func (a *asked) customerCipher() string {
	if a.put != nil && a.put.customer || a.act == actPutObject && a.se.customerKey(a.bucket, a.key) != nil {
		return "AES256"
	}
	return ""
}

// ofLock are the keys of Object Lock.
func (a *asked) ofLock(key string) ([]string, bool) {
	p := a.put
	switch key {
	case "s3:object-lock-legal-hold":
		return optional(p.legalHold)
	case "s3:object-lock-mode":
		return optional(p.lockMode)
	case "s3:object-lock-retain-until-date":
		return moment(p.lockUntil)
	case "s3:object-lock-remaining-retention-days":
		if p.lockUntil.IsZero() {
			return nil, false
		}
		const day = 24 * time.Hour
		return optional(strconv.FormatInt(int64((p.lockUntil.Sub(a.now())+day-1)/day), 10))
	}
	return nil, false
}

// ofTags are the keys of tags: those that are there, and those that the request gives.
func (a *asked) ofTags(key string) ([]string, bool) {
	switch key {
	case "s3:RequestObjectTagKeys":
		if !a.tagged || len(a.tags) == 0 {
			return nil, false
		}
		return tagKeys(a.tags), true
	case "aws:TagKeys":
		if len(a.ownTags) == 0 {
			return nil, false
		}
		return tagKeys(a.ownTags), true
	}
	family, tag, ok := cutTag(key)
	if !ok {
		return nil, false
	}
	var from map[string]string
	switch family {
	case "s3:RequestObjectTag/":
		from = a.tags
	case "aws:RequestTag/":
		from = a.ownTags
	case "aws:ResourceTag/":
		if from = a.managedTags; a.managed == nil {
			from = a.rec.GetTags()
		}
	case "s3:BucketTag/":
		from = a.rec.GetTags()
	case "s3:ExistingObjectTag/":
		if a.rec == nil {
			return nil, false
		}
		v, err := a.object()
		if err != nil {
			a.err = err
		}
		from = v.GetTags()
	}
	v, ok := from[tag]
	return []string{v}, ok
}

// cutTag takes apart a key that a tag's follows.
func cutTag(key string) (family, tag string, ok bool) {
	for i := range len(key) {
		if key[i] == '/' {
			return key[:i+1], key[i+1:], true
		}
	}
	return "", "", false
}

func tagKeys(tags map[string]string) []string {
	keys := make([]string, 0, len(tags))
	for k := range tags {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

var _ access.Context = (*asked)(nil)

// locks is what policies may know of the lock that a request gives a version.
func (a *asked) locks(l versioning.Lock) {
	p := a.puts()
	p.lockMode, p.lockUntil, p.legalHold = l.Retention.Mode.String(), l.Retention.Until, l.Hold.String()
}
