package kmsapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"pail/store"
	"pail/store/web"
)

// targetPrefix is what is before the name of an operation in X-Amz-Target.
const targetPrefix = "TrentService."

// A call is one request for one operation.
type call struct {
	ctx  context.Context
	s    *store.Session
	body []byte
}

// An operation is one row of the table.
type operation struct {
	name string
	// needs are the members without which it is refused. One that ends in ? may be empty.
	needs []string
	// run returns the answer, nil for one that says nothing.
	run func(*call) (any, error)
}

// asking makes an operation of a function that takes the decoded request.
func asking[Req any](name string, needs []string, fn func(*call, Req) (any, error)) operation {
	return operation{name, needs, func(c *call) (any, error) {
		var req Req
		if err := json.Unmarshal(c.body, &req); err != nil {
			return nil, serialization(err)
		}
		return fn(c, req)
	}}
}

// A Handler answers requests. It is safe for concurrent use.
type Handler struct{ ops map[string]*operation }

// New returns the handler of the service's API.
func New() *Handler {
	h := &Handler{ops: map[string]*operation{}}
	for _, op := range operations() {
		h.ops[op.name] = &op
	}
	return h
}

// Operations are the names of all operations, sorted.
func (h *Handler) Operations() []string {
	var names []string
	for name := range h.ops {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// OperationOf returns the name of the operation that a request asks for, "" if there is none.
func (h *Handler) OperationOf(r *http.Request) string {
	name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
	if !ok || h.ops[name] == nil {
		return ""
	}
	return name
}

// Unsigned says whether a request that nobody has signed is one of this protocol, which
// refuses it in its own words.
func Unsigned(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Path == "/" && strings.HasPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
}

// Answer does what a request asks for, or says in the answer why not. It returns that error,
// for the log.
func (h *Handler) Answer(w *web.Answer, r *web.Request) error {
	op, c, err := h.find(r)
	var out any
	if err == nil {
		out, err = h.run(op, c, r)
	}
	if err != nil {
		h.Refuse(w, r, err)
		return err
	}
	var body []byte
	if out != nil {
		if body, err = json.Marshal(out); err != nil {
			h.Refuse(w, r, err)
			return err
		}
	}
	send(w, r, http.StatusOK, body)
	return nil
}

// find finds out which operation is asked for, and has its request.
func (h *Handler) find(r *web.Request) (*operation, *call, error) {
	switch {
	case r.Anonymous:
		return nil, nil, &failure{http.StatusBadRequest, "MissingAuthenticationTokenException", "Missing Authentication Token"}
	case r.Method != http.MethodPost || r.URL.Path != "/" && r.URL.Path != "":
		return nil, nil, &failure{http.StatusNotFound, "UnknownOperationException", "Requests are sent by POST to /"}
	}
	op := h.ops[h.OperationOf(r.Request)]
	if op == nil {
		return nil, nil, &failure{http.StatusBadRequest, "UnknownOperationException", "There is no such operation: " + r.Header.Get("X-Amz-Target")}
	}
	body, err := io.ReadAll(r.Content)
	if err != nil {
		return nil, nil, err
	}
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	if err := demand(body, op.needs); err != nil {
		return nil, nil, err
	}
	return op, &call{ctx: r.Context(), s: r.Session, body: body}, nil
}

// demand refuses a body that is no object, or has not what is needed.
func demand(body []byte, needs []string) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return serialization(err)
	}
	var wrong []string
	for _, name := range needs {
		name, emptyToo := strings.CutSuffix(name, "?")
		switch v := string(members[name]); {
		case v == "" || v == "null":
			wrong = append(wrong, "Value null at '"+camel(name)+"' failed to satisfy constraint: Member must not be null")
		case v == `""` && !emptyToo:
			wrong = append(wrong, "Value '' at '"+camel(name)+"' failed to satisfy constraint: Member must have length greater than or equal to 1")
		}
	}
	if wrong == nil {
		return nil
	}
	text := " validation errors detected: "
	if len(wrong) == 1 {
		text = " validation error detected: "
	}
	return &failure{http.StatusBadRequest, "ValidationException", strconv.Itoa(len(wrong)) + text + strings.Join(wrong, "; ")}
}

// camel is how AWS's sentences, and records of the audit trail, spell a member.
func camel(name string) string {
	if name == "" {
		return ""
	}
	return strings.ToLower(name[:1]) + name[1:]
}

// Refuse answers a request with an error.
func (h *Handler) Refuse(w http.ResponseWriter, r *web.Request, err error) {
	if a, ok := w.(*web.Answer); ok && a.Status != 0 {
		panic(http.ErrAbortHandler) // the client must not take what it has for the whole
	}
	f := failureOf(err)
	body, _ := json.Marshal(map[string]string{"__type": f.code, "message": f.message}) // texts always can be
	send(w, r, f.status, body)
}

func send(w http.ResponseWriter, r *web.Request, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/x-amz-json-1.1")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h["X-Amzn-Requestid"] = []string{r.ID.String()}
	h.Set("Cache-Control", "no-cache, no-store, must-revalidate, private") // of secrets
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
