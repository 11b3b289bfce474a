package s3control

import "net/http"

// deletePublicAccessBlock answers DELETE /v20180820/configuration/publicAccessBlock
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_DeletePublicAccessBlock.html).
func (c *call) deletePublicAccessBlock() error {
	if err := c.s.DeleteAccountPublicAccess(c.ctx); err != nil {
		return err
	}
	return c.done(http.StatusNoContent)
}
