package corpus_test

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/e2e/corpus"
	pb "ordermanagement/gen/ordermanagement/v2"
)

// canned is a transport whose every call answers the same, except that lists are empty, or grow from call to call.
type canned struct {
	answer  proto.Message
	result  corpus.Result
	growing bool
	lists   int
}

func (c *canned) Name() string     { return "server" }
func (c *canned) Protocol() string { return "grpc" }
func (c *canned) Close()           {}

func (c *canned) Begin(_ context.Context, call corpus.Call) (corpus.Exchange, error) {
	if strings.HasPrefix(string(call.Method.Name()), "List") {
		list := &pb.ListOrdersResponse{}
		if c.growing {
			c.lists++
			list.Orders = make([]*pb.Order, c.lists)
		}
		return &cannedExchange{canned: &canned{}, answer: list}, nil
	}
	return &cannedExchange{canned: c, answer: c.answer}, nil
}

type cannedExchange struct {
	*canned
	answer proto.Message
}

func (e *cannedExchange) Send(*corpus.Message) error { return nil }
func (e *cannedExchange) CloseSend() error           { return nil }
func (e *cannedExchange) Receive() (proto.Message, error) {
	next := e.answer
	e.answer = nil
	return next, nil
}
func (e *cannedExchange) Result() *corpus.Result { result := e.result; return &result }

// run runs one step over a transport that answers "Hello" with a header, and answers what was wrong with it.
func run(t *testing.T, transport *canned, step string) string {
	t.Helper()
	all, err := corpus.Load(fstest.MapFS{
		"a.yaml":       {Data: []byte("cases: [{name: n, steps: [" + step + "]}]")},
		"reasons.yaml": {Data: []byte("reasons: {RESOURCE_NOT_FOUND: {grpc: NOT_FOUND, http: 404}}")},
	})
	if err != nil {
		t.Fatal(err)
	}
	var wrong []string
	report := func(_ string, args ...any) { wrong = append(wrong, args[len(args)-1].(error).Error()) }
	(&corpus.Runner{Transport: transport, Reasons: all.Reasons, Case: all.Cases[0], Report: report}).Run(t.Context())
	return strings.Join(wrong, "\n")
}

// TestRunnerComplains makes sure that a step that is not met is reported.
func TestRunnerComplains(t *testing.T) {
	fine := &canned{answer: wrapperspb.String("Hello"), result: corpus.Result{Header: http.Header{"Grpc-Metadata-Timestamp": {"now"}}}}
	refused := &canned{result: corpus.Result{Code: codes.NotFound, Error: &spb.Status{Code: int32(codes.NotFound), Message: "no"}}}
	hasty := &canned{result: refused.result, growing: true}
	const call = "{call: ordermanagement.v1.OrderManagement/AddOrder, "
	for _, c := range []struct {
		transport  *canned
		step, want string // want: a part of the complaint, "" for none
	}{
		{fine, call + "answer: Hello, header: {timestamp: now, etag: null}}", ""},
		{fine, call + "answer: Bye}", "want Bye, got Hello"},
		{fine, call + "answers: []}", "want 0 elements"},
		{fine, call + "count: 2}", "want 2 answers"},
		{fine, call + "header: {timestamp: null}}", "must not be there"},
		{fine, call + "header: {etag: <any>}}", "header etag"},
		{fine, call + "trailer: {timestamp: <any>}}", "trailer timestamp"},
		{fine, call + "reason: RESOURCE_NOT_FOUND, changes: true}", "got no error"},
		{fine, call + "reason: NOPE, changes: true}", "no reason"},
		{fine, call + `answer: "${nothing}"}`, `no "nothing"`},
		{fine, call + "answer: Hello, request: {nope: 1}}", "unknown field"},
		{refused, call + "reason: none, code: NOT_FOUND}", ""},
		{hasty, call + "reason: none, code: NOT_FOUND}", "something has changed"},
		{hasty, call + "reason: none, code: NOT_FOUND, changes: true}", ""},
		{refused, call + "answer: Hello}", "want gRPC code OK, got NOT_FOUND"},
		{refused, call + "reason: RESOURCE_NOT_FOUND, changes: true}", `got ""`},
		{refused, call + "reason: none, code: NOT_FOUND, changes: true, fields: [id]}", "complaints about"},
		{refused, call + "reason: none, code: NOT_FOUND, changes: true, details: [{}]}", "want a detail"},
	} {
		if got := run(t, c.transport, c.step); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: want a complaint with %q, got %q", c.step, c.want, got)
		}
	}
}

// TestLoadIsStrict makes sure that a misspelt word in a case is no case that always passes.
func TestLoadIsStrict(t *testing.T) {
	for _, text := range []string{
		"casez: []",
		"cases: [{name: n, stepz: []}]",
		"cases: [{name: n, steps: [{call: a/b, reazon: X}]}]",
		"cases: [{name: n, steps: [{call: a/b, rest: {reazon: X}}]}]",
		"cases: [{name: n, steps: [{call: a/b, as: sombody}]}]",
		"cases: [{name: n, steps: [{call: a/b, only: [http]}]}]",
		"cases: [{name: n, steps: [{as: owner}]}]",
		"cases: [{name: n, steps: [{call: a/b, each: {a: b}}]}]",
		"cases: [{name: n, steps: []}, {name: n, steps: []}]",
	} {
		if _, err := corpus.Load(fstest.MapFS{"a.yaml": {Data: []byte(text)}}); err == nil {
			t.Errorf("%s was loaded", text)
		}
	}
}

// TestCompare makes sure that what differs is found, and what always differs is not.
func TestCompare(t *testing.T) {
	record := func(protocol, answer, header string) *corpus.Record {
		return &corpus.Record{Protocol: protocol, Result: &corpus.Result{Answers: []any{answer}, Header: http.Header{"X": {header}}}}
	}
	a := record("grpc", `"AAAAAAAAAAAAAAAA" at 2026-01-01T00:00:00Z`, "same")
	for _, c := range []struct {
		name string
		b    *corpus.Record
		want int
	}{
		{"the same but for what varies", record("rest", `"BBBBBBBBBBBBBBBB" at 2026-01-02T00:00:00Z`, "same"), 0},
		{"another answer", record("rest", "other", "same"), 1},
		{"another header", record("rest", `"BBBBBBBBBBBBBBBB" at 2026-01-02T00:00:00Z`, "other"), 1},
	} {
		got := corpus.Compare([]string{"x", "y"}, map[string][]*corpus.Record{"x": {a}, "y": {c.b}})
		if len(got) != c.want {
			t.Errorf("%s: want %d differences, got %q", c.name, c.want, got)
		}
	}
	apart := record("rest", "other", "same")
	apart.Apart = true
	if got := corpus.Compare([]string{"x", "y"}, map[string][]*corpus.Record{"x": {a}, "y": {apart}}); len(got) != 0 {
		t.Errorf("protocols that can't say the same were compared: %q", got)
	}
}

// TestTokensAreHashed makes sure that the service is given hashes, and no token.
func TestTokensAreHashed(t *testing.T) {
	all, err := corpus.Load(os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	tokens, tokensFile, callersFile, err := all.Callers()
	if err != nil {
		t.Fatal(err)
	}
	for one, byName := range tokens {
		for name, token := range byName {
			if token == "" || strings.Contains(tokensFile, token) || strings.Contains(callersFile, token) {
				t.Errorf("%s: the token of %s stands in a file, or is none", one.Name, name)
			}
		}
	}
}
