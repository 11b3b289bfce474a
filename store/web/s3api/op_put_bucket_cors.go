package s3api

import (
	"encoding/xml"
	"net/http"

	"pail/store/cors"
)

// A corsConfiguration is the body of PutBucketCors.
type corsConfiguration struct {
	XMLName xml.Name `xml:"CORSConfiguration"`
	Rules   []struct {
		ID             string
		AllowedHeaders []string `xml:"AllowedHeader"`
		AllowedMethods []string `xml:"AllowedMethod"`
		AllowedOrigins []string `xml:"AllowedOrigin"`
		ExposeHeaders  []string `xml:"ExposeHeader"`
		MaxAge         *int32   `xml:"MaxAgeSeconds"`
	} `xml:"CORSRule"`
}

// putBucketCors answers PUT /BUCKET?cors
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html).
func (c *call) putBucketCors() error {
	var body corsConfiguration
	if err := c.readXML(&body, cors.MaxSize); err != nil {
		return err
	}
	var conf cors.Config
	for _, r := range body.Rules {
		conf.Rules = append(conf.Rules, cors.Rule{
			ID: r.ID, AllowedHeaders: r.AllowedHeaders, AllowedMethods: r.AllowedMethods,
			AllowedOrigins: r.AllowedOrigins, ExposeHeaders: r.ExposeHeaders, MaxAge: r.MaxAge,
		})
	}
	if err := c.s.SetCORS(c.ctx, c.bucket, conf); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}
