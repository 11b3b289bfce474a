package website

import (
	"html/template"
	"net/http"
	"strconv"
	"strings"
)

// errorPage is what AWS shows for an error, in the words that people search for.
var errorPage = template.Must(template.New("error").Parse(`<html>
<head><title>{{.Status}} {{.Title}}</title></head>
<body>
<h1>{{.Status}} {{.Title}}</h1>
<ul>
<li>Code: {{.Code}}</li>
<li>Message: {{.Message}}</li>
{{- if .Key}}
<li>Key: {{.Key}}</li>{{end}}
<li>RequestId: {{.ID}}</li>
<li>HostId: {{.HostID}}</li>
</ul>
{{- if .Inner}}
<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>
<ul>
<li>Code: {{.Inner}}</li>
</ul>{{end}}
<hr/>
</body>
</html>
`))

// page shows an error, and that of its error document if there was one, and returns the
// first.
func (v *visit) page(errs ...error) error {
	status, code, message := describe(errs[0])
	data := struct {
		Status                                       int
		Title, Code, Message, Key, ID, HostID, Inner string
	}{status, http.StatusText(status), code, message, v.key, v.r.ID.String(), v.r.ID.HostID(), ""}
	if code != "NoSuchKey" {
		data.Key = ""
	}
	if len(errs) > 1 {
		_, data.Inner, _ = describe(errs[1])
	}
	var b strings.Builder
	_ = errorPage.Execute(&b, data)
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("x-amz-error-code", code)
	h.Set("x-amz-error-message", message)
	v.w.WriteHeader(status)
	if v.r.Method != http.MethodHead {
		_, _ = v.w.Write([]byte(b.String()))
	}
	return errs[0]
}
