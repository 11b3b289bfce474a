package keyclient

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"pail/store/fault"
	"pail/store/kms"
)

// A kmsAnswer is one of the API of KMS.
type kmsAnswer struct {
	CiphertextBlob []byte
	Plaintext      []byte

	Type    string `json:"__type"`
	Message string `json:"message"`
}

func (c *Client) ask(ctx context.Context, s *kms.Service, secret, op string, in map[string]any) (*kmsAnswer, error) {
	status, body, err := c.post(ctx, s, "/", in, signed(s, secret, "TrentService."+op))
	if err != nil {
		return nil, err
	}
	return readKMS(s, status, body)
}

// readKMS reads an answer of the API of KMS.
func readKMS(s *kms.Service, status int, body []byte) (*kmsAnswer, error) {
	var out kmsAnswer
	err := json.Unmarshal(body, &out) // "message" and "Message" are both there
	if status == http.StatusOK && err == nil {
		return &out, nil
	}
	code := out.Type[strings.LastIndexByte(out.Type, '#')+1:]
	why := strings.TrimSpace(code + " " + out.Message)
	switch code {
	case "NotFoundException":
		return nil, fault.New(fault.KMSNotFound, "the key service %s (%s) has no such key: %s", s.Name, s.URL, why)
	case "DisabledException":
		return nil, fault.New(fault.KMSDisabled, "the key service %s (%s): %s", s.Name, s.URL, why)
	case "KMSInvalidStateException":
		return nil, fault.New(fault.KMSInvalidState, "the key service %s (%s): %s", s.Name, s.URL, why)
	case "InvalidCiphertextException", "IncorrectKeyException":
		return nil, fault.New(fault.KMSInvalidCiphertext, "the key service %s does not decrypt it: %s", s.Name, why)
	case "AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException", "IncompleteSignatureException",
		"ExpiredTokenException", "MissingAuthenticationTokenException", "InvalidClientTokenId":
		return nil, refuses(s, why)
	case "":
		why = http.StatusText(status)
	}
	return nil, unable(s, why)
}

func (c *Client) kmsEncrypt(ctx context.Context, s *kms.Service, secret, key string, plaintext []byte, pairs map[string]string) ([]byte, error) {
	out, err := c.ask(ctx, s, secret, "Encrypt", map[string]any{"KeyId": key, "Plaintext": plaintext, "EncryptionContext": pairs})
	if err != nil {
		return nil, err
	}
	if len(out.CiphertextBlob) == 0 {
		return nil, unable(s, "its answer has no ciphertext")
	}
	return out.CiphertextBlob, nil
}

func (c *Client) kmsDecrypt(ctx context.Context, s *kms.Service, secret, key string, blob []byte, pairs map[string]string) ([]byte, error) {
	out, err := c.ask(ctx, s, secret, "Decrypt", map[string]any{"KeyId": key, "CiphertextBlob": blob, "EncryptionContext": pairs})
	if err != nil {
		return nil, err
	}
	return out.Plaintext, nil
}
