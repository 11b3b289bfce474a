package s3api

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"pail/store/fault"
	"pail/store/web/apierror"
	"pail/store/web/sigv4"
)

// maxFormFields is how many bytes the fields before the file may have, names included
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/HTTPPOSTForms.html).
const maxFormFields = 20 << 10

// A postForm is a browser's form as far as it was read: up to its file.
type postForm struct {
	fields []sigv4.Field // in their order
	file   io.Reader
	name   string // of the file, as the browser has it, without directories
}

// readForm reads the fields of the form that is the body, up to the file. What stands
// behind the file does not count.
func (c *call) readForm() (*postForm, error) {
	kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if kind != "multipart/form-data" {
		return nil, apierror.New(apierror.PreconditionFailed, "").
			With("Condition", "Bucket POST must be of the enclosure-type multipart/form-data")
	}
	if err != nil || params["boundary"] == "" {
		return nil, apierror.New(apierror.MalformedPOST, "")
	}
	f := &postForm{}
	left := maxFormFields
	for r := multipart.NewReader(c.r.Content, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if err == io.EOF { // itself: the form is at its end; wrapped: it is cut short
			return nil, apierror.New(apierror.InvalidArgument, "POST requires exactly one file upload per request.").
				With("ArgumentName", "file").With("ArgumentValue", "0")
		}
		if err != nil {
			return nil, malformedForm(err)
		}
		if strings.EqualFold(part.FormName(), "file") {
			f.file, f.name = formFile{part}, baseName(part.FileName())
			return f, nil
		}
		value, err := io.ReadAll(io.LimitReader(part, int64(left)+1))
		if err != nil {
			return nil, malformedForm(err)
		}
		if left -= len(part.FormName()) + len(value); left < 0 {
			return nil, apierror.New(apierror.MaxPostPreDataLengthExceeded, "")
		}
		f.fields = append(f.fields, sigv4.Field{Name: part.FormName(), Value: string(value)})
	}
}

// malformedForm is what a form is that cannot be read, unless it is the connection that
// failed.
func malformedForm(err error) error {
	if k := fault.KindOf(err); k != fault.Internal {
		return err
	}
	return apierror.New(apierror.MalformedPOST, "")
}

// baseName is a file's name without what some browsers put before it.
func baseName(name string) string { return name[strings.LastIndexAny(name, `/\`)+1:] }

// A formFile is the file of a form. That the form ends within it is a failure, which
// readers must not take for its end.
type formFile struct{ part *multipart.Part }

func (f formFile) Read(p []byte) (int, error) {
	n, err := f.part.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = malformedForm(err)
	}
	return n, err
}

// get is the value of a field; names have no case.
func (f *postForm) get(name string) string {
	for _, field := range f.fields {
		if strings.EqualFold(field.Name, name) {
			return field.Value
		}
	}
	return ""
}

// formHeaders are the fields that mean the same as the header of that name, besides those
// that begin with x-amz-.
var formHeaders = set("Cache-Control", "Content-Type", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires")

// header is the form as the headers of a PUT.
func (f *postForm) header() http.Header {
	h := http.Header{}
	for _, field := range f.fields {
		name := http.CanonicalHeaderKey(field.Name)
		if name == "Acl" {
			name = "X-Amz-Acl"
		}
		if formHeaders[name] || strings.HasPrefix(name, "X-Amz-") {
			h.Add(name, field.Value)
		}
	}
	return h
}
