package s3control

import (
	"encoding/base64"
	"encoding/xml"
	"strconv"
	"strings"

	"pail/store"
	"pail/store/access"
	"pail/store/web/apierror"
)

type accessPointElement struct {
	Name             string
	NetworkOrigin    string
	VpcConfiguration *vpcConfiguration `xml:"VpcConfiguration,omitempty"`
	Bucket           string
	AccessPointArn   string
	Alias            string
	BucketAccountID  string `xml:"BucketAccountId"`
}

type listAccessPointsResult struct {
	XMLName         xml.Name `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ ListAccessPointsResult"`
	AccessPointList struct {
		AccessPoint []accessPointElement
	}
	NextToken string `xml:"NextToken,omitempty"`
}

// maxResults is how many access points one answer has at most.
const maxResults = 1000

// listAccessPoints answers GET /v20180820/accesspoint
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_ListAccessPoints.html).
func (c *call) listAccessPoints() error {
	page := store.AccessPointPage{Bucket: c.q.Get("bucket"), Max: maxResults}
	var err error
	if v := c.q.Get("maxResults"); v != "" {
		if page.Max, err = parseMaxResults(v); err != nil {
			return err
		}
	}
	if v := c.q.Get("nextToken"); v != "" {
		if page.After, err = parseToken(v); err != nil {
			return err
		}
	}
	list, more, err := c.s.ListAccessPoints(c.ctx, page)
	if err != nil {
		return err
	}
	var out listAccessPointsResult
	for _, p := range list {
		out.AccessPointList.AccessPoint = append(out.AccessPointList.AccessPoint, accessPointElement{
			Name: p.Name, NetworkOrigin: networkOrigin(p.VPC), VpcConfiguration: newVPC(p.VPC), Bucket: p.Bucket,
			AccessPointArn: p.ARN, Alias: p.Alias, BucketAccountID: p.BucketAccount,
		})
	}
	if more {
		out.NextToken = newToken(list[len(list)-1].Name)
	}
	return c.answer(out)
}

// parseMaxResults reads how many access points are wanted. None are as many as there may be.
func parseMaxResults(v string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > maxResults || strings.HasPrefix(v, "+") {
		return 0, apierror.New(apierror.InvalidArgument, "maxResults is a number from 0 to %d", maxResults).
			With("ArgumentName", "maxResults").With("ArgumentValue", v)
	}
	if n == 0 {
		n = maxResults
	}
	return n, nil
}

// A token is the name of the access point before it, which clients need not know.
func newToken(name string) string { return base64.RawURLEncoding.EncodeToString([]byte(name)) }

func parseToken(v string) (string, error) {
	name, err := base64.RawURLEncoding.Strict().DecodeString(v)
	if err != nil || access.CheckAccessPointName(string(name)) != nil {
		return "", apierror.New(apierror.InvalidRequest, "Invalid nextToken")
	}
	return string(name), nil
}
