package documents_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"ordermanagement/e2e/documents"
)

// things is a document with one of everything that is checked.
const things = `{
 "openapi": "3.1.0", "info": {"title": "Things", "version": "1"},
 "paths": {
  "/things/{thing}": {"get": {"operationId": "Get",
   "parameters": [{"name": "thing", "in": "path", "required": true, "schema": {"type": "string", "pattern": "^[a-z]+$"}}],
   "responses": {"200": {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}}}},
  "/things/{thing}:do": {"post": {"operationId": "Do", "security": [{"bearer": ["things.write"]}],
   "parameters": [{"name": "thing", "in": "path", "required": true, "schema": {"type": "string", "pattern": "^[a-z]+$"}},
                  {"name": "times", "in": "query", "schema": {"type": "integer", "maximum": 9}}],
   "requestBody": {"required": true, "content": {"application/json": {"schema": {"allOf": [{"$ref": "#/components/schemas/Thing"}], "unevaluatedProperties": false}}}},
   "responses": {
    "200": {"description": "", "headers": {"ETag": {"required": true, "schema": {"type": "string", "pattern": "^\""}}},
     "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
    "304": {"description": ""},
    "400": {"$ref": "#/components/responses/Bad"}, "403": {"$ref": "#/components/responses/Bad"}}}},
  "/things:stream": {"post": {"operationId": "Stream",
   "requestBody": {"required": true, "content": {"application/x-ndjson": {"schema": {"type": "string", "contentSchema": {"type": "string", "maxLength": 3}}}}},
   "responses": {
    "200": {"description": "", "content": {"application/x-ndjson": {"schema": {"type": "string", "contentSchema": {"oneOf": [
     {"type": "object", "required": ["result"], "properties": {"result": {"$ref": "#/components/schemas/Thing"}}},
     {"type": "object", "required": ["error"], "properties": {"error": {"type": "object"}}}]}}}}},
    "400": {"$ref": "#/components/responses/Bad"}}}}
 },
 "components": {
  "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
  "responses": {"Bad": {"description": "", "x-error-reasons": ["INVALID", "DENIED"], "content": {"application/json": {"schema": {"type": "object"}}}}},
  "schemas": {"Thing": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "pattern": "^[a-z]+$"}}}}
 }
}`

// sent is a request and its answer in short.
type sent struct {
	target, body string // "POST /things/a:do"
	header       http.Header
	status       int
	answer       string
	more         http.Header // of the answer
	stream       bool
}

func (s sent) exchange(t *testing.T) *documents.Exchange {
	t.Helper()
	method, path, _ := strings.Cut(s.target, " ")
	request, err := http.NewRequest(method, "https://example.com"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	mediaType := "application/json"
	if s.stream {
		mediaType = "application/x-ndjson"
	}
	request.Header.Set("Authorization", "Bearer x")
	if s.body != "" {
		request.Header.Set("Content-Type", mediaType)
	}
	maps.Copy(request.Header, s.header)
	answer := &http.Response{StatusCode: s.status, Header: http.Header{}}
	if s.answer != "" {
		answer.Header.Set("Content-Type", mediaType)
	}
	maps.Copy(answer.Header, s.more)
	return &documents.Exchange{Request: request, RequestBody: []byte(s.body), Answer: answer, AnswerBody: []byte(s.answer), Whole: true}
}

func failed(reason string) string {
	metadata := ""
	if reason == "DENIED" {
		metadata = `, "metadata": {"scope": "things.write"}`
	}
	return `{"code": 3, "message": "m", "details": [{"reason": "` + reason + `"` + metadata + `}, {"fieldViolations": [{"field": "f", "description": "is wrong"}]}]}`
}

// The exchanges that the document describes.
var (
	tag    = http.Header{"Etag": {`"1"`}}
	done   = sent{target: "POST /things/a:do?times=2", body: `{"name": "a"}`, status: 200, answer: `{"name": "a"}`, more: tag}
	got    = sent{target: "GET /things/a", status: 200, answer: `{"name": "a"}`}
	bad    = sent{target: "POST /things/a:do", body: `{"name": "A"}`, status: 400, answer: failed("INVALID")}
	denied = sent{target: "POST /things/a:do", body: `{"name": "a"}`, status: 403, answer: failed("DENIED")}
	stream = sent{target: "POST /things:stream", body: "\"a\"\n\"b\"\n", status: 200, answer: "{\"result\":{\"name\":\"a\"}}\n{\"result\":{\"name\":\"b\"}}\n", stream: true}
	broken = sent{target: "POST /things:stream", body: "\"a\"\n\"long\"\n", status: 200, answer: "{\"result\":{\"name\":\"a\"}}\n{\"error\":" + failed("INVALID") + "}\n", stream: true}
	absent = sent{target: "POST /nothing", status: 404, answer: failed("NO_ROUTE")}
	verb   = sent{target: "GET /things/a:do", status: 404, answer: failed("NO_ROUTE")}
)

// What is put into the document to have streams of events too.
const (
	ndjson = `"200": {"description": "", "content": {"application/x-ndjson": {`
	both   = `"200": {"description": "", "content": {"text/event-stream": {"schema": {"type": "string"}}, "application/x-ndjson": {`
)

// eventsOf is a stream of events: one record, and the last event.
func eventsOf(last string) sent {
	data := map[string]string{"end": "{}", "error": failed("INVALID"), "other": "{}"}[last]
	s := stream
	if last == "error" {
		s = broken
	}
	s.answer = ": comment\n\nid: 1\ndata: {\"name\":\"a\"}\n\nid: end\nevent: " + last + "\ndata: " + data + "\n\n"
	s.more = http.Header{"Content-Type": {"text/event-stream"}}
	return s
}

func rules() documents.Rules {
	return documents.Rules{Shape: []string{"INVALID"}, Routing: []string{"NO_ROUTE"}, Elsewhere: "/page", Common: []string{"DENIED"}}
}

func load(t *testing.T, text string, rules documents.Rules) *documents.Documents {
	t.Helper()
	if !json.Valid([]byte(text)) {
		t.Fatalf("not JSON: %s", text)
	}
	d, err := documents.Load(fstest.MapFS{"things.json": {Data: []byte(text)}}, rules)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestCheckComplains breaks the document, or the exchange, and makes sure that each break is found.
func TestCheckComplains(t *testing.T) {
	with := func(s sent, change func(*sent)) sent { change(&s); return s }
	for _, c := range []struct {
		name     string
		old, new string // what is changed in the document
		exchange sent
		want     string // a part of the complaint; "" for none
	}{
		{"as documented", "", "", done, ""},
		{"a path without the verb", "", "", got, ""},
		{"a refusal", "", "", bad, ""},
		{"another refusal", "", "", denied, ""},
		{"a stream", "", "", stream, ""},
		{"a stream that breaks off with an error", "", "", broken, ""},
		{"a stream of events", ndjson, both, eventsOf("end"), ""},
		{"a stream of events that breaks off", ndjson, both, eventsOf("error"), ""},
		{"no route", "", "", absent, ""},
		{"no route, but for its pattern", "", "", verb, ""},

		{"a path is removed", `"/things/{thing}:do"`, `"/things/{thing}:did"`, done, "POST https://example.com/things/a:do"},
		{"a method is removed", `"/things:stream": {"post"`, `"/things:stream": {"put"`, stream, "is not documented"},
		{"what is no route is documented", `"/things:stream"`, `"/nothing": {"post": {"operationId": "Nothing", "responses": {"404": {"description": ""}}}}, "/things:stream"`, absent, "is documented for"},
		{"a status is removed", `"400": {"$ref": "#/components/responses/Bad"}, "403"`, `"403"`, bad, "the status 400 is not documented"},
		{"a status is only a default", `"403": {`, `"default": {`, denied, "the status 403 is not documented"},
		{"a media type is another", `"200": {"description": "", "content": {"application/x-ndjson"`, `"200": {"description": "", "content": {"application/json"`, stream, "application/x-ndjson"},
		{"a header is removed", `"ETag"`, `"Other"`, done, "the header Etag of a 200 is not documented"},
		{"a header's pattern is tightened", `"^\""`, `"^W/"`, done, "does not match pattern '^W/'"},
		{"a required header is missing", "", "", with(done, func(s *sent) { s.more = nil }), "Required header 'ETag' is missing"},
		{"a body where none is documented", "", "", with(done, func(s *sent) { s.status, s.more = 304, nil }), "no body is documented"},
		{"an answer's field is of another type", `"name": {"type": "string"`, `"name": {"type": "integer"`, got, "$.name"},
		{"an answer's field is removed", `"properties": {"name": {"type": "string", "pattern": "^[a-z]+$"}}`, `"properties": {}`, got, "additional properties 'name'"},
		{"an answer has an undocumented field", "", "", with(got, func(s *sent) { s.answer = `{"name": "a", "other": 1}` }), "additional properties 'other'"},
		{"a record of an answer", "", "", with(stream, func(s *sent) { s.answer += "{\"result\":{\"name\":\"C\"}}\n" }), "does not match pattern"},
		{"a record of events", ndjson, both, with(eventsOf("end"), func(s *sent) { s.answer = strings.Replace(s.answer, `"a"`, `"A"`, 1) }), "does not match pattern"},
		{"an event of another name", ndjson, both, eventsOf("other"), "additional properties 'other'"},
		{"a page", "", "", with(absent, func(s *sent) { s.target, s.status, s.answer = "GET /page", 200, "x" }), ""},
		{"no page", "", "", with(absent, func(s *sent) { s.target, s.status, s.answer = "GET /pages", 200, "x" }), "is not documented"},
		{"a reason is removed", `"INVALID", `, "", bad, "the reason INVALID with 400 is not documented"},
		{"a reason that comes after records is removed", `"INVALID", `, "", broken, "the reason INVALID with 200 is not documented"},
		{"a scope is another", `"things.write"`, `"things.read"`, denied, "the scope things.write is not documented"},

		{"a path's pattern is tightened", `"in": "path", "required": true, "schema": {"type": "string", "pattern": "^[a-z]+$"}}],`, `"in": "path", "required": true, "schema": {"type": "string", "pattern": "^[b-z]+$"}}],`, got, "thing"},
		{"a parameter is removed", `"name": "times", "in": "query"`, `"name": "times", "in": "header"`, done, "the query parameter times is not documented"},
		{"a parameter's range is tightened", `"maximum": 9`, `"maximum": 1`, done, "times"},
		{"a parameter is repeated", "", "", with(done, func(s *sent) { s.target += "&times=3" }), "is no list"},
		{"a record's rule is tightened", `"maxLength": 3`, `"maxLength": 0`, stream, "maxLength"},
		{"a body is of another type", "", "", with(done, func(s *sent) { s.header = http.Header{"Content-Type": {"text/plain"}} }), `the body is not application/json but "text/plain"`},
		{"no credential is sent", "", "", with(done, func(s *sent) { s.header = http.Header{"Authorization": nil} }), "Authorization"},
		{"the rule of a refusal is removed", `"name": {"type": "string", "pattern": "^[a-z]+$"}`, `"name": {"type": "string"}`, bad, "the service refuses the request, the document doesn't"},
		{"the rule of a refused record is removed", `, "maxLength": 3`, "", broken, "the service refuses the request, the document doesn't"},
		{"unknown fields are let in", `, "unevaluatedProperties": false`, "", with(bad, func(s *sent) { s.body = `{"name": "a", "other": 1}` }), "the service refuses the request, the document doesn't"},
	} {
		text := things
		if c.old != "" {
			text = strings.Replace(things, c.old, c.new, 1)
			if text == things {
				t.Fatalf("%s: %s is not in the document", c.name, c.old)
			}
		}
		err := load(t, text, rules()).Check(c.exchange.exchange(t))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: want a complaint with %q, got %v", c.name, c.want, err)
		}
	}
}

// TestExceptions makes sure that an exception lets through what it names, and nothing else.
func TestExceptions(t *testing.T) {
	unsaid := bad
	unsaid.body = `{"name": "a"}`
	lenient := done
	lenient.target += "&other=1"
	for _, c := range []struct {
		name     string
		rules    documents.Rules
		exchange sent
		passes   bool
	}{
		{"unsaid", documents.Rules{Unsaid: []*documents.Exception{{Because: "b", Reason: "INVALID", Of: "Do", Field: "^f$", Says: "wrong"}}}, unsaid, true},
		{"unsaid of another reason", documents.Rules{Unsaid: []*documents.Exception{{Because: "b", Reason: "OTHER"}}}, unsaid, false},
		{"unsaid of another field", documents.Rules{Unsaid: []*documents.Exception{{Because: "b", Reason: "INVALID", Field: "g"}}}, unsaid, false},
		{"unsaid of another operation", documents.Rules{Unsaid: []*documents.Exception{{Because: "b", Reason: "INVALID", Of: "Get"}}}, unsaid, false},
		{"lenient", documents.Rules{Lenient: []*documents.Exception{{Because: "b", Says: "parameter other"}}}, lenient, true},
		{"lenient about something else", documents.Rules{Lenient: []*documents.Exception{{Because: "b", Says: "parameter another"}}}, lenient, false},
	} {
		c.rules.Shape = []string{"INVALID"}
		if err := load(t, things, c.rules).Check(c.exchange.exchange(t)); (err == nil) != c.passes {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, exception := range []documents.Exception{{Says: "without a word why"}, {Because: "of nothing"}, {Because: "b", Says: "("}} {
		if _, err := documents.Load(fstest.MapFS{"things.json": {Data: []byte(things)}}, documents.Rules{Lenient: []*documents.Exception{&exception}}); err == nil {
			t.Errorf("the exception %+v was loaded", exception.Because+exception.Says)
		}
	}
}

// TestUnseen makes sure that what no exchange has shown is listed.
func TestUnseen(t *testing.T) {
	r := rules()
	r.Unshown = map[string]string{"DENIED": "for a test"}
	r.Common = []string{"OTHER"}
	r.Lenient = []*documents.Exception{{Because: "nobody needs it", Says: "x"}}
	d := load(t, things, r)
	check := func(want ...string) {
		t.Helper()
		if got := strings.Join(d.Unseen(), "\n"); got != strings.Join(want, "\n") {
			t.Errorf("want\n%s\ngot\n%s", strings.Join(want, "\n"), got)
		}
	}
	common, idle := "OTHER is said to be common, and no document has it", "an exception is never needed: nobody needs it"
	check("things.json Do never succeeds", "things.json Do is never refused with INVALID", "things.json Do is never refused with INVALID",
		"things.json Get never succeeds", "things.json Stream never succeeds", "things.json Stream is never refused with INVALID", common, idle)
	for _, one := range []sent{done, bad, got, broken, denied} {
		if err := d.Check(one.exchange(t)); err != nil {
			t.Error(err)
		}
	}
	check("things.json Stream never succeeds", common, "DENIED is shown, although it is said that it can't be", idle)
}
