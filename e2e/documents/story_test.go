package documents_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ordermanagement/e2e/documents"
	"ordermanagement/e2e/process"
	"ordermanagement/openapi"
)

var program = process.NewProgram()

func TestMain(m *testing.M) { program.Main(m) }

// TestExamples calls every operation with the example that its document has for it, on a fresh service with the sample data.
func TestExamples(t *testing.T) {
	all, err := documents.Load(openapi.Documents, documents.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	service := program.Start(t, process.Config{Args: []string{"--sample-data"}})
	if err := all.Tell(t.Context(), service.Client(t), service.URL("")); err != nil {
		t.Error(err)
	}
	if err := all.CheckExamples(); err != nil {
		t.Error(err)
	}
}

// TestStoryComplains makes sure that a story that leaves something out, or is not answered as it says, is found.
func TestStoryComplains(t *testing.T) {
	const one = `{"openapi": "3.1.0", "info": {"title": "Things", "version": "1"}, "x-story": ["Get"], "paths": {"/things/{thing}": {"get": {"operationId": "Get",
		"parameters": [{"name": "thing", "in": "path", "required": true, "schema": {"type": "string"}, "example": "a"}],
		"responses": {"200": {"description": "", "content": {"application/json": {"schema": {"type": "string"}, "example": "yes"}}}}}}}}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if w.Header().Set("Content-Type", "application/json"); r.URL.Path != "/things/a" {
			w.WriteHeader(http.StatusNotFound)
		}
		fmt.Fprint(w, `"yes"`)
	}))
	defer server.Close()
	for _, c := range []struct{ name, old, new, want string }{
		{"as it says", "", "", ""},
		{"an operation is left out", `["Get"]`, `[]`, "does not tell of Get"},
		{"an operation that is none", `["Get"]`, `["Get", "Put"]`, "no operation Put"},
		{"a parameter without an example", `, "example": "a"`, "", "the parameter thing has no example"},
		{"an example that does not work", `"example": "a"`, `"example": "b"`, "the answer is 404"},
		{"an example against the rules", `"in": "path", "required": true, "schema": {"type": "string"`, `"in": "path", "required": true, "schema": {"type": "string", "maxLength": 0`, "maxLength"},
		{"an answer against the rules", `{"schema": {"type": "string"}`, `{"schema": {"type": "integer"}`, "want integer"},
		{"an example answer against the rules", `"example": "yes"`, `"example": 1`, "want string"},
		{"no example answer", `, "example": "yes"`, "", "there is none"},
	} {
		d := load(t, strings.Replace(one, c.old, c.new, 1), documents.Rules{})
		err := errors.Join(d.Tell(t.Context(), server.Client(), server.URL), d.CheckExamples())
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want a complaint with %q, got %v", c.name, c.want, err)
		}
	}
}
