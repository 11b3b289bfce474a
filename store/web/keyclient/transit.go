package keyclient

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"pail/store/fault"
	"pail/store/kms"
)

// A transitAnswer is one of the transit engine: of what is asked for there is data, of what
// failed there are errors.
type transitAnswer struct {
	Data struct {
		Ciphertext string `json:"ciphertext"`
		Plaintext  []byte `json:"plaintext"`
	} `json:"data"`
	Errors []string `json:"errors"`
}

func (c *Client) transit(ctx context.Context, s *kms.Service, secret, op, key string, in map[string]any) (*transitAnswer, error) {
	status, body, err := c.post(ctx, s, "/v1/"+s.Mount+"/"+op+"/"+key, in, func(req *http.Request, _ []byte) {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Vault-Request", "true")
		req.Header.Set("X-Vault-Token", secret)
	})
	if err != nil {
		return nil, err
	}
	return readTransit(s, op, status, body)
}

// readTransit reads an answer of the transit engine.
func readTransit(s *kms.Service, op string, status int, body []byte) (*transitAnswer, error) {
	var out transitAnswer
	err := json.Unmarshal(body, &out)
	why := strings.Join(out.Errors, "; ")
	switch {
	case status == http.StatusOK && err == nil:
		return &out, nil
	case status == http.StatusForbidden || status == http.StatusUnauthorized:
		return nil, refuses(s, why)
	case status == http.StatusNotFound || strings.Contains(why, "key not found"):
		return nil, fault.New(fault.KMSNotFound, "the key service %s (%s) has no such key, or no transit engine at %q: %s", s.Name, s.URL, s.Mount, why)
	case status == http.StatusBadRequest && op == "decrypt":
		return nil, fault.New(fault.KMSInvalidCiphertext, "the key service %s does not decrypt it: %s", s.Name, why)
	case why == "":
		why = http.StatusText(status)
	}
	return nil, unable(s, why)
}

func (c *Client) transitEncrypt(ctx context.Context, s *kms.Service, secret, key string, plaintext, data []byte) ([]byte, error) {
	out, err := c.transit(ctx, s, secret, "encrypt", key, map[string]any{"plaintext": plaintext, "associated_data": data})
	if err != nil {
		return nil, err
	}
	if out.Data.Ciphertext == "" {
		return nil, unable(s, "its answer has no ciphertext")
	}
	return []byte(out.Data.Ciphertext), nil
}

func (c *Client) transitDecrypt(ctx context.Context, s *kms.Service, secret, key string, blob, data []byte) ([]byte, error) {
	out, err := c.transit(ctx, s, secret, "decrypt", key, map[string]any{"ciphertext": string(blob), "associated_data": data})
	if err != nil {
		return nil, err
	}
	return out.Data.Plaintext, nil
}
