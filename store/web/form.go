package web

import (
	"strings"
	"time"

	"pail/store/web/sigv4"
)

// IdentifyForm finds out who sends a browser's form, by the fields before its file, and
// opens the store for that sender. What the result says of the file's size holds for its
// Body. The form of a request that is signed itself is its signer's. Errors are those of
// sigv4.Verifier.VerifyPost.
func (r *Request) IdentifyForm(bucket string, fields []sigv4.Field) (sigv4.PostResult, error) {
	if r.identifier == nil || !r.Anonymous {
		return sigv4.PostResult{MaxSize: -1}, nil
	}
	res, err := r.identifier.Verifier.VerifyPost(r.Context(), bucket, fields)
	if err != nil || res.Credential == nil {
		return res, err
	}
	if r.guards != nil {
		if err := r.guards.known(ClientOf(r.Request), res.Credential.AccessKey, time.Now()); err != nil {
			return res, err
		}
	}
	r.signature = formSignature(fields)
	r.Session = r.identifier.session(r, res.Credential)
	r.Anonymous, r.AccessKey = false, res.Credential.AccessKey
	return res, nil
}

// formSignature is which version of signatures a form is signed with.
func formSignature(fields []sigv4.Field) signature {
	for _, f := range fields {
		if strings.EqualFold(f.Name, "x-amz-signature") {
			return signature{authType: "POST", version: signatureV4}
		}
	}
	return signature{authType: "POST", version: signatureV2}
}
