package s3api

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
