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

// getBucketCors answers GET /BUCKET?cors
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketCors.html).
func (c *call) getBucketCors() error {
	conf, err := c.s.CORS(c.ctx, c.bucket)
	if err != nil {
		return err
	}
	x := newXML("CORSConfiguration")
	for _, r := range conf.Rules {
		x.open("CORSRule")
		x.optional("ID", r.ID)
		x.each("AllowedHeader", r.AllowedHeaders)
		x.each("AllowedMethod", r.AllowedMethods)
		x.each("AllowedOrigin", r.AllowedOrigins)
		x.each("ExposeHeader", r.ExposeHeaders)
		if r.MaxAge != nil {
			x.number("MaxAgeSeconds", int64(*r.MaxAge))
		}
		x.close("CORSRule")
	}
	return c.xml(x, "CORSConfiguration")
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

// deleteBucketCors answers DELETE /BUCKET?cors
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketCors.html).
func (c *call) deleteBucketCors() error {
	if err := c.s.DeleteCORS(c.ctx, c.bucket); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}
