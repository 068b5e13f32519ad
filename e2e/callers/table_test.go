package callers_test

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"ordermanagement/e2e/corpus"
	"ordermanagement/e2e/process"
)

func uris(t *testing.T, text string) []*url.URL {
	t.Helper()
	uri, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return []*url.URL{uri}
}

// methods has one of each kind; all of them can be called again and again.
var methods = []struct{ kind, name, request string }{
	{"unary", "ordermanagement.v2.OrderService/ListOrders", `{}`},
	{"a unary write", "ordermanagement.v1.OrderManagement/AddOrder", `{"id":"a","items":["Pen"],"price":1}`},
	{"server stream", "ordermanagement.v1.OrderManagement/SearchOrders", `"Pen"`},
	{"client stream", "ordermanagement.v1.OrderManagement/UpdateOrders", `{"id":"a","items":["Pen"],"price":1}`},
	{"bidirectional stream", "ordermanagement.v1.OrderManagement/ProcessOrders", ``},
}

// outcome is what came of a call.
type outcome struct {
	code    codes.Code
	reason  string
	http    int
	asked   bool // WWW-Authenticate is there
	retries bool // RetryInfo is there
	message string
}

// call makes a call and answers what came of it.
func call(ctx context.Context, transport corpus.Transport, name, request string, metadata map[string]corpus.Values) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(strings.Replace(name, "/", ".", 1)))
	if err != nil {
		return outcome{}, err
	}
	method := found.(protoreflect.MethodDescriptor)
	exchange, err := transport.Begin(ctx, corpus.Call{Method: method, Metadata: metadata})
	if err != nil {
		return outcome{code: status.Code(err), message: err.Error()}, nil
	}
	if request != "" {
		message := dynamicpb.NewMessage(method.Input())
		if err := protojson.Unmarshal([]byte(request), message); err != nil {
			return outcome{}, err
		}
		if err := exchange.Send(&corpus.Message{Proto: message}); err != nil {
			return outcome{}, err
		}
	}
	if err := exchange.CloseSend(); err != nil {
		return outcome{}, err
	}
	for {
		answer, err := exchange.Receive()
		if err != nil {
			return outcome{code: codes.Unavailable, message: err.Error()}, nil
		}
		if answer == nil {
			break
		}
	}
	result := exchange.Result()
	o := outcome{code: result.Code, http: result.HTTP, asked: result.Header.Get("Www-Authenticate") != "", message: result.Error.GetMessage()}
	for _, detail := range result.Error.GetDetails() {
		message, err := detail.UnmarshalNew()
		if err != nil {
			return outcome{}, err
		}
		switch message := message.(type) {
		case *errdetails.ErrorInfo:
			o.reason = message.GetReason()
		case *errdetails.RetryInfo:
			o.retries = true
		}
	}
	return o, nil
}

// verify makes a call with a credential and checks what came of it.
func verify(t *testing.T, way way, c credential, name, request string, want outcome) {
	t.Helper()
	transport := way.open(t, c.certificate)
	defer transport.Close()
	metadata := map[string]corpus.Values{}
	if c.authorization != "" {
		metadata["authorization"] = corpus.Values{c.authorization}
	}
	got, err := call(t.Context(), transport, name, request, metadata)
	if err != nil {
		t.Fatal(err)
	}
	want.http, want.message = got.http, got.message // the corpus checks which HTTP code a reason has
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestCallers is every kind of credential, right, wrong, absent and insufficient, for every kind of method, over every way.
func TestCallers(t *testing.T) {
	w := newWorld(t)
	kinds := w.kinds(t)
	for _, way := range w.ways(t) {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			for _, method := range methods {
				t.Run(method.kind, func(t *testing.T) {
					check := func(name string, c credential, want outcome) {
						t.Run(name, func(t *testing.T) { verify(t, way, c, method.name, method.request, want) })
					}
					check("absent", credential{}, outcome{code: codes.Unauthenticated, reason: "CREDENTIALS_MISSING", asked: true})
					for _, kind := range kinds {
						check(kind.name+", right", kind.right, outcome{code: codes.OK})
						another := strings.HasPrefix(kind.insufficient.authorization, "Bearer") // token would help
						check(kind.name+", insufficient", kind.insufficient, outcome{code: codes.PermissionDenied, reason: "SCOPE_MISSING", asked: another})
						for what, c := range kind.wrong {
							if way.name == "gRPC" && what == "not ASCII" {
								continue // no client of gRPC sends it
							}
							reason := "CREDENTIALS_INVALID"
							check(fmt.Sprintf("%s, wrong: %s", kind.name, what), c, outcome{code: codes.Unauthenticated, reason: reason, asked: true})
						}
					}
				})
			}
		})
	}
}

// TestFirstCredentialCounts shows that a wrong credential is never passed over for a right one.
func TestFirstCredentialCounts(t *testing.T) {
	w := newWorld(t)
	right := w.certificate(t, "writer")
	for _, way := range w.ways(t) {
		t.Run(way.name, func(t *testing.T) {
			for name, test := range map[string]struct {
				authorization []string
				want          codes.Code
			}{
				"a certificate and a wrong token":    {[]string{"Bearer nobody"}, codes.Unauthenticated},
				"a certificate and a wrong password": {[]string{basic("writer", "x").authorization}, codes.Unauthenticated},
				"a certificate and an empty value":   {[]string{""}, codes.Unauthenticated},
				"a token that may do less":           {[]string{"Bearer token-of-the-other"}, codes.PermissionDenied},
				"two tokens":                         {[]string{"Bearer token-of-the-writer", "Bearer token-of-the-writer"}, codes.Unauthenticated},
			} {
				t.Run(name, func(t *testing.T) {
					transport := way.open(t, right)
					defer transport.Close()
					got, err := call(t.Context(), transport, methods[0].name, methods[0].request, map[string]corpus.Values{"authorization": test.authorization})
					if err != nil {
						t.Fatal(err)
					}
					if got.code != test.want && !(got.code == codes.InvalidArgument && got.http == 400 && len(test.authorization) > 1) {
						t.Errorf("got %+v, want %v", got, test.want)
					}
				})
			}
		})
	}
}

// TestHandshake shows that certificates which TLS doesn't verify come to nothing, and that the operator is told.
func TestHandshake(t *testing.T) {
	w := newWorld(t)
	bad := w.unverifiable(t)
	s := w.start(t)
	for i, way := range w.waysOf(s) {
		t.Run(way.name, func(t *testing.T) {
			for name, certificate := range bad {
				t.Run(name, func(t *testing.T) {
					transport := way.open(t, certificate)
					defer transport.Close()
					got, err := call(t.Context(), transport, methods[0].name, methods[0].request, map[string]corpus.Values{"authorization": {"Bearer token-of-the-writer"}})
					if err != nil {
						t.Fatal(err)
					}
					if got.code != codes.Unavailable {
						t.Errorf("got %+v, want no connection", got)
					}
				})
			}
			server, listener := s.server, "grpc"
			if i > 0 {
				server, listener = []*process.Service{s.serve, s.gateway}[i-1], "http"
			}
			counted := regexp.MustCompile(`(?m)^tls_handshake_failures_total\{listener="` + listener + `"\} [1-9]`)
			eventually(t, "the failures are counted", func() bool { return counted.MatchString(metrics(t, server)) })
			eventually(t, "the failures are logged", func() bool { return strings.Contains(server.Output(), "TLS handshake failed") })
		})
	}
}
