package web

import (
	"bytes"
	"io"
	"net/http"

	"pail/store/web/apierror"
	"pail/store/web/sigv4"
)

// A Service is a protocol, and who finds out for it who sends a request.
type Service struct {
	Identify Identify
	Protocol Protocol
}

// Services are several protocols at the same addresses. Signatures tell which one a request
// is meant for: they name a service. Its methods are those of a Protocol and an Identify.
type Services struct {
	// S3 gets all that is signed for no other one.
	S3 Service
	// Others are by the names that signatures have for them.
	Others map[string]Service
	// Control gets the requests of which IsControl is true, which are signed for S3. nil: there
	// are none.
	Control   Service
	IsControl func(*http.Request) bool
	// Unsigned names the one that a request without a signature is for, "" for S3.
	Unsigned func(*http.Request) string
}

func (s *Services) of(r *http.Request) Service {
	if s.IsControl != nil && s.IsControl(r) {
		return s.Control
	}
	name := sigv4.ServiceOf(r)
	if name == "" && s.Unsigned != nil && r.Header.Get("Authorization") == "" {
		name = s.Unsigned(r)
	}
	if other, ok := s.Others[name]; ok {
		return other
	}
	return s.S3
}

// Identify is that of the service that a request is for.
func (s *Services) Identify(r *http.Request, id ID) (*Request, error) { return s.of(r).Identify(r, id) }

// Answer is that of the service that a request is for.
func (s *Services) Answer(w *Answer, r *Request) error {
	return s.of(r.Request).Protocol.Answer(w, r)
}

// Refuse is that of the service that a request is for.
func (s *Services) Refuse(w http.ResponseWriter, r *Request, err error) {
	s.of(r.Request).Protocol.Refuse(w, r, err)
}

// OperationOf is that of the service that a request is for.
func (s *Services) OperationOf(r *http.Request) string { return s.of(r).Protocol.OperationOf(r) }

// maxForm is the largest body of a request for another service than S3: no parameter of IAM
// and STS has more than some tens of kilobytes.
const maxForm = 1 << 20

// For is an Identify for another service than S3, whose signatures are over bodies as wholes.
// What nobody has signed is anonymous, and its body is not read.
func (i *Identifier) For(service string) Identify {
	return func(hr *http.Request, id ID) (*Request, error) {
		r := &Request{Request: hr, ID: id, identifier: i}
		var whole []byte
		if sigv4.ServiceOf(hr) != "" {
			var err error
			if whole, err = readForm(hr); err != nil {
				return nil, err
			}
		}
		res, err := i.Verifier.VerifyWhole(hr, service, whole)
		if err != nil {
			return nil, err
		}
		r.Content, r.Size, r.Anonymous = bytes.NewReader(whole), int64(len(whole)), res.Credential == nil
		if res.Credential != nil {
			r.AccessKey = res.Credential.AccessKey
			i.Store.NoteUse(usedAs(res.Credential), service)
		}
		r.Session = i.session(r, res.Credential)
		return r, nil
	}
}

func readForm(hr *http.Request) ([]byte, error) {
	tooLarge := apierror.New(apierror.EntityTooLarge, "Request size exceeded %d bytes", maxForm)
	if hr.ContentLength > maxForm {
		return nil, tooLarge
	}
	if hr.Body == nil {
		return nil, nil
	}
	whole, err := io.ReadAll(io.LimitReader(body{hr.Body}, maxForm+1))
	if err == nil && len(whole) > maxForm {
		return nil, tooLarge
	}
	return whole, err
}
