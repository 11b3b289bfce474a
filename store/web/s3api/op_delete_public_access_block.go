package s3api

import "net/http"

// deletePublicAccessBlock answers DELETE /BUCKET?publicAccessBlock
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeletePublicAccessBlock.html).
func (c *call) deletePublicAccessBlock() error {
	if err := c.s.DeletePublicAccess(c.ctx, c.bucket); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}
