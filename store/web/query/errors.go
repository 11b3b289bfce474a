package query

import (
	"errors"
	"fmt"
	"net/http"

	"pail/store/fault"
	"pail/store/web/apierror"
)

// An Error is a failure that an operation of these protocols tells by itself.
type Error struct {
	Status  int // of HTTP
	Code    string
	Message string
}

// Error is code and message in one line.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Invalid is the failure of a parameter that says nothing sensible.
func Invalid(format string, args ...any) *Error {
	return &Error{http.StatusBadRequest, "ValidationError", fmt.Sprintf(format, args...)}
}

// faults are the codes of what the store says. All others are failures of ours.
var faults = map[fault.Kind]struct {
	status int
	code   string
}{
	fault.NoSuchEntity:         {404, "NoSuchEntity"},
	fault.EntityAlreadyExists:  {409, "EntityAlreadyExists"},
	fault.DeleteConflict:       {409, "DeleteConflict"},
	fault.LimitExceeded:        {409, "LimitExceeded"},
	fault.MalformedPolicy:      {400, "MalformedPolicyDocument"},
	fault.PackedPolicyTooLarge: {400, "PackedPolicyTooLarge"},
	fault.InvalidArgument:      {400, "ValidationError"},
	fault.InvalidRequest:       {400, "ValidationError"},
	fault.AccessDenied:         {403, "AccessDenied"},
	fault.NotPermitted:         {403, "AccessDenied"},
	fault.InvalidMFACode:       {403, "InvalidAuthenticationCode"},
	fault.InvalidToken:         {403, "InvalidClientTokenId"},
	fault.ExpiredToken:         {403, "ExpiredToken"},
	fault.IncompleteBody:       {400, "IncompleteBody"},
	fault.NotSupported:         {501, "NotImplemented"},

	fault.Unavailable:   {503, "ServiceUnavailable"},
	fault.Exhausted:     {503, "ServiceUnavailable"},
	fault.Shutdown:      {503, "ServiceUnavailable"},
	fault.Canceled:      {503, "ServiceUnavailable"},
	fault.TimedOut:      {503, "ServiceUnavailable"},
	fault.NoSpace:       {503, "ServiceUnavailable"},
	fault.QuotaExceeded: {503, "ServiceUnavailable"},
	fault.ReadOnly:      {503, "ServiceUnavailable"},
}

// errorOf is how an error looks to a client. What only the operator may know it does not
// say. failure is what the protocol calls a failure of ours.
func errorOf(err error, failure string) *Error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e
	}
	if e := (*apierror.Error)(nil); errors.As(err, &e) {
		return signatureError(e)
	}
	kind := fault.KindOf(err)
	row, ok := faults[kind]
	if !ok {
		return &Error{http.StatusInternalServerError, failure, "The request processing has failed because of an unknown error, exception or failure."}
	}
	out := &Error{row.status, row.code, kind.Row().Message}
	if e := (*fault.Error)(nil); errors.As(err, &e) && e.Text() != "" {
		out.Message = e.Text()
	}
	return out
}

// signatureError has what is wrong with a signature, or with a request as such, by the codes
// that IAM and STS have for it.
func signatureError(e *apierror.Error) *Error {
	about := func(detail string) bool {
		for _, d := range e.Details {
			if d.Name == detail {
				return true
			}
		}
		return false
	}
	switch e.Code {
	case apierror.InvalidAccessKeyID, apierror.InvalidToken:
		return &Error{http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid."}
	case apierror.ExpiredToken:
		return &Error{http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired"}
	case apierror.SignatureDoesNotMatch:
		return &Error{http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."}
	case apierror.RequestTimeTooSkewed:
		return &Error{http.StatusForbidden, "SignatureDoesNotMatch", "Signature expired or not yet current: " + e.Message}
	case apierror.SlowDown:
		return &Error{http.StatusBadRequest, "Throttling", "Rate exceeded"}
	case apierror.EntityTooLarge:
		return &Error{http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", e.Message}
	case apierror.AccessDenied:
		if about("Expires") {
			return &Error{http.StatusBadRequest, "RequestExpired", e.Message}
		}
		return &Error{http.StatusBadRequest, "IncompleteSignature", e.Message}
	case apierror.AuthorizationHeaderMalformed, apierror.AuthorizationQueryParametersError, apierror.InvalidArgument:
		if about("Region") {
			return &Error{http.StatusForbidden, "SignatureDoesNotMatch", "Credential should be scoped to a valid region: " + e.Message}
		}
		return &Error{http.StatusBadRequest, "IncompleteSignature", e.Message}
	}
	return &Error{e.Status, string(e.Code), e.Message}
}
