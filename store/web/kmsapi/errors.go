package kmsapi

import (
	"errors"
	"net/http"

	"pail/store/fault"
	"pail/store/web/apierror"
)

// A failure is how an error looks to a client.
type failure struct {
	status  int // of HTTP
	code    string
	message string
}

// Error is code and message in one line.
func (f *failure) Error() string { return f.code + ": " + f.message }

// serialization is the failure of a body that cannot be read.
func serialization(err error) error {
	return &failure{http.StatusBadRequest, "SerializationException", "The request cannot be read: " + err.Error()}
}

// failures are the codes of what the store says ("Errors" of the operations in the KMS API
// Reference, and "Common Errors"). All others are failures of ours.
var failures = map[fault.Kind]struct {
	status int
	code   string
}{
	fault.KMSNotFound:          {400, "NotFoundException"},
	fault.KMSDisabled:          {400, "DisabledException"},
	fault.KMSInvalidState:      {400, "KMSInvalidStateException"},
	fault.KMSIncorrectKey:      {400, "IncorrectKeyException"},
	fault.KMSInvalidCiphertext: {400, "InvalidCiphertextException"},
	fault.KMSUnavailable:       {500, "KeyUnavailableException"},
	fault.KMSInvalidARN:        {400, "InvalidArnException"},
	fault.KMSInvalidAliasName:  {400, "InvalidAliasNameException"},
	fault.KMSInvalidGrantID:    {400, "InvalidGrantIdException"},
	fault.KMSInvalidGrantToken: {400, "InvalidGrantTokenException"},
	fault.KMSInvalidMarker:     {400, "InvalidMarkerException"},
	fault.KMSDryRun:            {400, "DryRunOperationException"},
	fault.EntityAlreadyExists:  {400, "AlreadyExistsException"},
	fault.LimitExceeded:        {400, "LimitExceededException"},
	fault.MalformedPolicy:      {400, "MalformedPolicyDocumentException"},
	fault.InvalidTag:           {400, "TagException"},
	fault.InvalidArgument:      {400, "ValidationException"},
	fault.InvalidRequest:       {400, "UnsupportedOperationException"},
	fault.NotSupported:         {400, "UnsupportedOperationException"},
	fault.AccessDenied:         {400, "AccessDeniedException"},
	fault.NotPermitted:         {400, "NotAuthorizedException"},
	fault.InvalidToken:         {400, "UnrecognizedClientException"},
	fault.ExpiredToken:         {400, "ExpiredTokenException"},
	fault.IncompleteBody:       {400, "SerializationException"},

	fault.Unavailable: {503, "DependencyTimeoutException"},
	fault.Exhausted:   {503, "DependencyTimeoutException"},
	fault.Shutdown:    {503, "DependencyTimeoutException"},
	fault.Canceled:    {503, "DependencyTimeoutException"},
	fault.TimedOut:    {503, "DependencyTimeoutException"},
	fault.NoSpace:     {503, "DependencyTimeoutException"},
	fault.ReadOnly:    {503, "DependencyTimeoutException"},
}

// failureOf is how an error looks to a client. What only the operator may know it does not
// say.
func failureOf(err error) *failure {
	if f := (*failure)(nil); errors.As(err, &f) {
		return f
	}
	if e := (*apierror.Error)(nil); errors.As(err, &e) {
		return signatureFailure(e)
	}
	kind := fault.KindOf(err)
	row, ok := failures[kind]
	if !ok {
		return &failure{http.StatusInternalServerError, "KMSInternalException", "The request was rejected because an internal exception occurred. The request can be retried."}
	}
	out := &failure{row.status, row.code, kind.Row().Message}
	if e := (*fault.Error)(nil); errors.As(err, &e) && e.Text() != "" {
		out.message = e.Text()
	}
	return out
}

// signatureFailure has what is wrong with a signature, or with a request as such, by the
// codes that the JSON protocols have for it.
func signatureFailure(e *apierror.Error) *failure {
	status := http.StatusBadRequest
	switch e.Code {
	case apierror.InvalidAccessKeyID, apierror.InvalidToken:
		return &failure{status, "UnrecognizedClientException", "The security token included in the request is invalid."}
	case apierror.ExpiredToken:
		return &failure{status, "ExpiredTokenException", "The security token included in the request is expired"}
	case apierror.SignatureDoesNotMatch:
		return &failure{status, "InvalidSignatureException", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."}
	case apierror.RequestTimeTooSkewed:
		return &failure{status, "InvalidSignatureException", "Signature expired or not yet current: " + e.Message}
	case apierror.SlowDown:
		return &failure{status, "ThrottlingException", "Rate exceeded"}
	case apierror.EntityTooLarge:
		return &failure{http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", e.Message}
	case apierror.AccessDenied, apierror.AuthorizationHeaderMalformed, apierror.AuthorizationQueryParametersError, apierror.InvalidArgument:
		return &failure{status, "IncompleteSignatureException", e.Message}
	}
	return &failure{e.Status, string(e.Code) + "Exception", e.Message}
}
