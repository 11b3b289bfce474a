// Package apierror is the table of failures that only the HTTP protocols know: a
// signature that does not fit, a body that is no XML, a header that is missing. What the
// store decides is a fault.Error; this package never repeats one of its kinds.
//
// A Code has one HTTP status. Codes, statuses and the sentences follow "Error responses"
// in the Amazon S3 API Reference; where AWS answers something that is not written there,
// the place that makes the error says so. To add a code: a constant and its row in codes.
//
// The package imports nothing but the standard library, and all of it is safe for
// concurrent use.
package apierror

import "fmt"

// A Code is what clients tell failures apart by.
type Code string

// The codes.
const (
	AccessDenied                      Code = "AccessDenied"    // of a signature's rules: expired, headers not signed
	AccessForbidden                   Code = "AccessForbidden" // of a preflight
	AuthorizationHeaderMalformed      Code = "AuthorizationHeaderMalformed"
	AuthorizationQueryParametersError Code = "AuthorizationQueryParametersError"
	BadRequest                        Code = "BadRequest"
	EntityTooLarge                    Code = "EntityTooLarge" // of a form, and of a body that is no object
	EntityTooSmall                    Code = "EntityTooSmall" // of a form
	IllegalLocationConstraint         Code = "IllegalLocationConstraintException"
	IncompleteBody                    Code = "IncompleteBody"
	IncorrectNumberOfFilesInPost      Code = "IncorrectNumberOfFilesInPostRequest"
	ExpiredToken                      Code = "ExpiredToken"
	InvalidAccessKeyID                Code = "InvalidAccessKeyId"
	InvalidArgument                   Code = "InvalidArgument"
	InvalidChunkSize                  Code = "InvalidChunkSizeError"
	InvalidDigest                     Code = "InvalidDigest"
	InvalidLocationConstraint         Code = "InvalidLocationConstraint"
	InvalidPartNumber                 Code = "InvalidPartNumber"
	InvalidPolicyDocument             Code = "InvalidPolicyDocument"
	InvalidRange                      Code = "InvalidRange"
	InvalidEncryptionAlgorithm        Code = "InvalidEncryptionAlgorithmError"
	InvalidRedirectLocation           Code = "InvalidRedirectLocation"
	InvalidRequest                    Code = "InvalidRequest"
	InvalidToken                      Code = "InvalidToken"
	InvalidURI                        Code = "InvalidURI"
	MalformedACL                      Code = "MalformedACLError"
	MalformedPOST                     Code = "MalformedPOSTRequest"
	MalformedTrailer                  Code = "MalformedTrailerError"
	MalformedXML                      Code = "MalformedXML"
	MaxMessageLengthExceeded          Code = "MaxMessageLengthExceeded"
	MaxPostPreDataLengthExceeded      Code = "MaxPostPreDataLengthExceededError"
	MethodNotAllowed                  Code = "MethodNotAllowed"
	MissingAttachment                 Code = "MissingAttachment"
	MissingContentLength              Code = "MissingContentLength"
	MissingRequestBody                Code = "MissingRequestBodyError"
	MissingSecurityElement            Code = "MissingSecurityElement"
	MissingSecurityHeader             Code = "MissingSecurityHeader"
	NoReplication                     Code = "ReplicationConfigurationNotFoundError"
	NoSuchConfiguration               Code = "NoSuchConfiguration"
	NoSuchResource                    Code = "NoSuchResource" // of S3 Control
	NotImplemented                    Code = "NotImplemented"
	PreconditionFailed                Code = "PreconditionFailed" // of a form
	RequestHeaderSectionTooLarge      Code = "RequestHeaderSectionTooLarge"
	RequestTimeTooSkewed              Code = "RequestTimeTooSkewed"
	RequestTimeout                    Code = "RequestTimeout"
	SlowDown                          Code = "SlowDown"
	SignatureDoesNotMatch             Code = "SignatureDoesNotMatch"
	UnexpectedContent                 Code = "UnexpectedContent"
	UserKeyMustBeSpecified            Code = "UserKeyMustBeSpecified"
	ContentSHA256Mismatch             Code = "XAmzContentSHA256Mismatch"
)

// codes has one row per code. It is never written.
var codes = map[Code]struct {
	status  int
	message string // what stands in the answer where nobody says more
}{
	AccessDenied:                      {403, "Access Denied"},
	AccessForbidden:                   {403, "CORSResponse: This CORS request is not allowed."},
	AuthorizationHeaderMalformed:      {400, "The authorization header that you provided is not valid."},
	AuthorizationQueryParametersError: {400, "The authorization query parameters that you provided are not valid."},
	BadRequest:                        {400, "Bad request."},
	EntityTooLarge:                    {400, "Your proposed upload exceeds the maximum allowed size"},
	EntityTooSmall:                    {400, "Your proposed upload is smaller than the minimum allowed size"},
	IllegalLocationConstraint:         {400, "The location constraint is incompatible for the region specific endpoint this request was sent to."},
	IncompleteBody:                    {400, "You did not provide the number of bytes specified by the Content-Length HTTP header."},
	IncorrectNumberOfFilesInPost:      {400, "POST requires exactly one file upload per request."},
	InvalidAccessKeyID:                {403, "The AWS Access Key Id you provided does not exist in our records."},
	InvalidArgument:                   {400, "Invalid Argument"},
	InvalidChunkSize:                  {403, "Only the last chunk is allowed to have a size less than 8192 bytes"},
	InvalidDigest:                     {400, "The Content-MD5 you specified is not valid."},
	InvalidLocationConstraint:         {400, "The specified location-constraint is not valid"},
	InvalidPartNumber:                 {416, "The requested partnumber is not satisfiable"},
	InvalidPolicyDocument:             {400, "The content of the form does not meet the conditions specified in the policy document."},
	InvalidRange:                      {416, "The requested range is not satisfiable"},
	InvalidEncryptionAlgorithm:        {400, "The encryption request that you specified is not valid. The valid value is AES256."},
	InvalidRedirectLocation:           {400, "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."},
	InvalidRequest:                    {400, "Invalid Request"},
	ExpiredToken:                      {400, "The provided token has expired."},
	InvalidToken:                      {400, "The provided token is malformed or otherwise invalid."},
	InvalidURI:                        {400, "Couldn't parse the specified URI."},
	MalformedACL:                      {400, "The XML you provided was not well-formed or did not validate against our published schema"},
	MalformedPOST:                     {400, "The body of your POST request is not well-formed multipart/form-data."},
	MalformedTrailer:                  {400, "The request contained trailing data that was not well-formed or did not conform to our published schema."},
	MalformedXML:                      {400, "The XML you provided was not well-formed or did not validate against our published schema"},
	MaxMessageLengthExceeded:          {400, "Your request was too big."},
	MaxPostPreDataLengthExceeded:      {400, "Your POST request fields preceding the upload file were too large."},
	MethodNotAllowed:                  {405, "The specified method is not allowed against this resource."},
	MissingAttachment:                 {400, "A SOAP attachment was expected, but none was found."},
	MissingContentLength:              {411, "You must provide the Content-Length HTTP header."},
	MissingRequestBody:                {400, "Request Body is empty"},
	MissingSecurityElement:            {400, "The SOAP 1.1 request is missing a security element."},
	MissingSecurityHeader:             {400, "Your request was missing a required header"},
	NoReplication:                     {404, "The replication configuration was not found"},
	NoSuchConfiguration:               {404, "The specified configuration does not exist."},
	NoSuchResource:                    {404, "The specified resource doesn't exist."},
	NotImplemented:                    {501, "A header you provided implies functionality that is not implemented"},
	PreconditionFailed:                {412, "At least one of the pre-conditions you specified did not hold"},
	RequestHeaderSectionTooLarge:      {400, "Your request header section exceeds the maximum allowed size."},
	RequestTimeTooSkewed:              {403, "The difference between the request time and the current time is too large."},
	RequestTimeout:                    {400, "Your socket connection to the server was not read from or written to within the timeout period."},
	SlowDown:                          {503, "Please reduce your request rate."},
	SignatureDoesNotMatch:             {403, "The request signature we calculated does not match the signature you provided. Check your key and signing method."},
	UnexpectedContent:                 {400, "This request does not support content"},
	UserKeyMustBeSpecified:            {400, "The bucket POST must contain the specified field name. If it is specified, check the order of the fields."},
	ContentSHA256Mismatch:             {400, "The provided 'x-amz-content-sha256' header does not match what was computed."},
}

// A Detail is a further element of the answer, as <Region> in
// AuthorizationHeaderMalformed.
type Detail struct{ Name, Value string }

// An Error is a failure of the protocol. It is immutable once it is shared.
type Error struct {
	Code    Code
	Status  int    // of HTTP
	Message string // what a person reads
	Details []Detail
}

// New returns an Error. An empty format means the code's own sentence.
func New(code Code, format string, args ...any) *Error {
	row, ok := codes[code]
	if !ok {
		panic("apierror: unknown code " + string(code))
	}
	e := &Error{Code: code, Status: row.status, Message: row.message}
	if format != "" {
		e.Message = fmt.Sprintf(format, args...)
	}
	return e
}

// With returns a copy of e that says more.
func (e *Error) With(name, value string) *Error {
	c := *e
	c.Details = append(c.Details[:len(c.Details):len(c.Details)], Detail{name, value})
	return &c
}

// Error is code and message in one line.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }
