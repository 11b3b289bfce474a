package s3api

import (
	"net"
	"strings"

	"pail/store"
	"pail/store/access"
	"pail/store/fault"
	"pail/store/web/apierror"
	"pail/store/web/sigv4"
)

// Access points stand wherever the name of a bucket may ("Referencing access points with ARNs,
// access point aliases, or virtual-hosted-style URIs" of the Amazon S3 User Guide): by their
// alias, by their ARN in the path, which AWS has in CopySource only, and by their hosts. Clients
// that are given an ARN make a host of it: NAME-ACCOUNT.s3-accesspoint.REGION.amazonaws.com, and
// with an endpoint of their own NAME-ACCOUNT.ENDPOINT.
//
// Two rules of AWS are not kept, for they are of its endpoints: that access points speak HTTPS
// only, and have no path style.

// throughPoints are the operations that may come through an access point ("Access point
// compatibility" of the User Guide), and the questions of browsers before them.
var throughPoints = set(
	"AbortMultipartUpload", "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload", "DeleteObject", "DeleteObjects",
	"DeleteObjectTagging", "GetBucketAcl", "GetBucketCors", "GetBucketLocation", "GetBucketNotificationConfiguration",
	"GetBucketPolicy", "GetObject", "GetObjectAcl", "GetObjectAttributes", "GetObjectLegalHold", "GetObjectRetention",
	"GetObjectTagging", "HeadBucket", "HeadObject", "ListMultipartUploads", "ListObjects", "ListObjectsV2",
	"ListObjectVersions", "ListParts", "PutObject", "PutObjectAcl", "PutObjectLegalHold", "PutObjectRetention",
	"PutObjectTagging", "UpdateObjectEncryption", "UploadPart", "UploadPartCopy", "PreflightBucket", "PreflightObject",
)

// A pointAddress is how a request names an access point.
type pointAddress struct {
	store.AccessPoint
	called  string // as the path calls it; "": the host does
	byAlias bool
}

// located is the address of what a name is of, a bucket or an access point by its alias, and of
// a key there.
func (h *Handler) located(name, key string, inPath bool) address {
	a := address{bucket: name, key: key}
	if !access.IsAccessPointAlias(name) || h.store == nil {
		return a
	}
	if p, ok := h.store.FindAccessPoint(name); ok {
		a.meet(p, name, inPath)
		a.point.byAlias = true
	}
	return a // what there is not is no bucket either
}

// meet has an address be one through an access point.
func (a *address) meet(p store.AccessPoint, called string, inPath bool) {
	a.bucket, a.point = p.Bucket, &pointAddress{AccessPoint: p}
	if inPath {
		a.point.called = called
	}
}

// locatedByARN is the address of a path that begins with an ARN; ok is false if that is none of
// an access point.
func (h *Handler) locatedByARN(path string) (a address, ok bool) {
	arn, key, ok := cutPointARN(path)
	if !ok || h.store == nil {
		return a, false
	}
	a.key = key
	p, found := h.store.FindAccessPoint(arn)
	if !found {
		a.bucket, a.missing = arn, true
		return a, true
	}
	a.meet(p, arn, true)
	return a, true
}

// cutPointARN takes the ARN of an access point off the front of a path. What follows it is a
// key.
func cutPointARN(path string) (arn, key string, ok bool) {
	const kind = ":accesspoint"
	i := strings.Index(path, kind)
	if !strings.HasPrefix(path, "arn:") || i < 0 || len(path) <= i+len(kind) {
		return "", "", false
	}
	i += len(kind) + 1 // a slash or a colon, as ParseAccessPointARN will say
	name, key, _ := strings.Cut(path[i:], "/")
	arn = path[:i] + name
	_, _, _, ok = access.ParseAccessPointARN(arn)
	return arn, key, ok
}

// locatedByHost is the address of a request whose host names a bucket or an access point; ok is
// false if it names neither.
func (h *Handler) locatedByHost(host, path string) (a address, ok bool) {
	name, below := BucketOfHost(host, h.domains)
	if !below {
		if name = pointOfHost(host); name == "" {
			return a, false
		}
	}
	if p, explicit := h.pointOfLabel(name); p != nil {
		a.key = path
		a.meet(*p, "", false)
		return a, true
	} else if explicit {
		return address{bucket: name, key: path, missing: true}, true
	}
	if !below {
		return a, false
	}
	return h.located(name, path, false), true
}

// pointOfLabel returns the access point that NAME-ACCOUNT means, if there is no bucket of that
// name; explicit says that it can mean nothing else, for .s3-accesspoint follows it.
func (h *Handler) pointOfLabel(label string) (p *store.AccessPoint, explicit bool) {
	first, rest, _ := strings.Cut(label, ".")
	name, account, ok := cutAccount(first)
	if !ok || h.store == nil {
		return nil, false
	}
	switch rest {
	case "", access.PointDomain, access.PointDomain + "." + h.region:
	default:
		return nil, false
	}
	if h.store.HasBucket(label) {
		return nil, false
	}
	found, ok := h.store.FindAccessPoint(access.AccessPointARN(h.region, account, name))
	if !ok {
		return nil, rest != ""
	}
	return &found, rest != ""
}

// cutAccount takes NAME-ACCOUNT apart, where the account has 12 digits.
func cutAccount(label string) (name, account string, ok bool) {
	at := len(label) - len(store.Account) - 1
	if at < access.MinAccessPointName || label[at] != '-' || strings.Trim(label[at+1:], "0123456789") != "" {
		return "", "", false
	}
	return label[:at], label[at+1:], true
}

// pointOfHost is what may name an access point in a host that is below no domain of ours:
// NAME-ACCOUNT before localhost or an address, which is what clients make of an endpoint on this
// machine.
func pointOfHost(host string) string {
	label, rest, _ := strings.Cut(host, ".")
	if _, _, ok := cutAccount(label); !ok {
		return ""
	}
	if name, _, err := net.SplitHostPort(rest); err == nil {
		rest = name
	}
	if strings.EqualFold(rest, "localhost") || net.ParseIP(rest) != nil {
		return strings.ToLower(label)
	}
	return ""
}

// HostNames returns what a host names, a bucket or an access point, and "" if that is in the
// path.
func (h *Handler) HostNames(host string) string {
	if name, ok := BucketOfHost(host, h.domains); ok {
		return name
	}
	if name := pointOfHost(host); name != "" {
		if p, _ := h.pointOfLabel(name); p != nil {
			return name
		}
	}
	return ""
}

// checkPoint refuses what does not come through access points.
func (c *call) checkPoint() error {
	switch {
	case c.missing:
		return noSuchAccessPoint()
	case c.point == nil:
		return nil
	case !throughPoints[c.op.name]:
		return apierror.New(apierror.MethodNotAllowed, "").With("Method", c.r.Method).With("ResourceType", "ACCESSPOINT")
	case c.r.Signed == sigv4.HeaderV2 || c.r.Signed == sigv4.QueryV2:
		return apierror.New(apierror.InvalidRequest, "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")
	}
	return nil
}

func noSuchAccessPoint() error {
	return fault.New(fault.NoSuchAccessPoint, "The specified accesspoint does not exist")
}

// pathName is how the path of a request names its bucket.
func (c *call) pathName() string {
	if c.point != nil && c.point.called != "" {
		return c.point.called
	}
	return c.bucket
}

// resolved is a source of a copy whose access point, if it names one, is looked up.
func (c *call) resolved(src store.Source) (store.Source, error) {
	name := src.AccessPoint
	if access.IsAccessPointAlias(src.Bucket) {
		name = src.Bucket
	}
	if name == "" || c.h.store == nil {
		return src, nil
	}
	p, ok := c.h.store.FindAccessPoint(name)
	switch {
	case ok:
		src.Bucket, src.AccessPoint = p.Bucket, p.ARN
	case src.AccessPoint != "":
		return src, noSuchAccessPoint()
	}
	return src, nil // the session says that there is no bucket of that name
}
