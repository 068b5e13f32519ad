package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
)

// scenario is how a call is to end. It travels as metadata of the caller's own, so that one server plays all of them.
type scenario struct {
	reason   apiv1.ErrorReason // of the error; noReason for none
	messages int               // of a stream of answers, before the end
	told     bool              // with metadata; or else with none but one trailer
}

func (s scenario) String() string { return fmt.Sprintf("%d %d %t", s.reason, s.messages, s.told) }

func scenarioOf(ctx context.Context) (s scenario) {
	md, _ := metadata.FromIncomingContext(ctx)
	if _, err := fmt.Sscanf(strings.Join(md.Get("scenario"), ""), "%d %d %t", &s.reason, &s.messages, &s.told); err != nil {
		panic(err)
	}
	return s
}

// Everything that a server may say beside its messages, by what has to become of it.
var (
	toldHeader = metadata.Join(
		metadata.Pairs("etag", `"1"`, "retry-after", "3", "x-request-id", "of-the-server", "deprecation", "@1", "sunset", "Sat, 31 Dec 2033 23:59:59 GMT",
			"link", "</v2>; rel=a", "link", "</v3>; rel=b", "idempotency-replayed", "false", "idempotency-replayed", "true",
			"www-authenticate", "Basic", "www-authenticate", "Bearer", "allow", "GET", "x-ratelimit-limit", "10", "ratelimit-policy", "p", "ratelimit", "r"),
		metadata.Pairs("location", "Berlin", "timestamp", "now", "timestamp", "then", "empty", "", "a_b.c-1", "x", "set-cookie", "a=b", "cache-control", "no-store",
			"seal-bin", "\x00\xff", "seal-bin", "", "etag-bin", "\x01"),
		metadata.Pairs("connection", "close", "keep-alive", "1", "proxy-connection", "close", "transfer-encoding", "gzip", "trailer", "x", "upgrade", "h2c",
			"content-length", "1", "content-encoding", "gzip", "host", "evil", "date", "never", "server", "evil", "grpc-own", "x"),
	)
	toldTrailer = metadata.Pairs("timestamp", "later", "timestamp", "latest", "etag", `"2"`, "seal-bin", "\x00\xff", "empty", "",
		"connection", "close", "content-length", "1", "transfer-encoding", "gzip", "trailer", "x", "host", "evil", "grpc-own", "x")
	untoldTrailer = metadata.Pairs("timestamp", "later")
)

// errorOf is the error of a scenario, with details that a caller can act on.
func errorOf(reason apiv1.ErrorReason) *status.Status {
	details := []interface {
		proto.Message
		Reset()
		String() string
		ProtoMessage()
	}{&errdetails.ResourceInfo{ResourceName: "orders/x"}, apierror.BadRequest(apierror.Field("order.name", "is ü"))}
	if apierror.Code(reason) == codes.Unavailable {
		details = append(details, apierror.RetryAfter(1500*time.Millisecond))
	}
	st := apierror.WithMetadata(reason, "no: ü\n", map[string]string{"scope": "orders.read"})
	for _, detail := range details {
		var err error
		if st, err = st.WithDetails(detail); err != nil {
			panic(err)
		}
	}
	return st
}

// play is the server of all scenarios.
func play(ctx context.Context) reply { return scenarioOf(ctx).reply() }

func (s scenario) reply() reply {
	r := reply{messages: s.messages, trailer: untoldTrailer}
	if s.told {
		r.header, r.trailer = toldHeader, toldTrailer
	}
	if s.reason != noReason {
		r.err = errorOf(s.reason).Err()
	}
	return r
}

// scenarios are all ways in which a method can end: well, and with each of the reasons.
func scenarios(m contractMethod, reasons []apiv1.ErrorReason) (all []scenario) {
	messages := []int{0}
	if m.IsStreamingServer() {
		messages = append(messages, 2)
	}
	for _, reason := range append([]apiv1.ErrorReason{noReason}, reasons...) {
		for _, n := range messages {
			all = append(all, scenario{reason, n, true}, scenario{reason, n, false})
		}
	}
	return all
}

const noReason = apiv1.ErrorReason_ERROR_REASON_UNSPECIFIED

// reasons are all of the contract, or one for each gRPC code.
func reasons(all bool) (some []apiv1.ErrorReason) {
	seen := map[codes.Code]bool{}
	values := noReason.Descriptor().Values()
	for i := range values.Len() {
		reason := apiv1.ErrorReason(values.Get(i).Number())
		if reason != noReason && (all || !seen[apierror.Code(reason)]) {
			some = append(some, reason)
		}
		seen[apierror.Code(reason)] = true
	}
	return some
}

// outcome is what a client has of a call.
type outcome struct {
	header, trailer map[string][]string
	messages        int
	status          *spb.Status // nil when it has ended well
	http            string      // the status and the media type
	vary            []string    // what of the request HTTP has looked at to choose the media type
}

// TestParity calls every method of the contract that has a route, by gRPC and by HTTP, and lets it end in every way: well
// and with every reason, streams before and after their first record, with and without metadata. What a gRPC client gets
// and what an HTTP client gets for it is listed in testdata/parity.golden. A method that differs from the others adds
// lines to it, and so does whatever gets lost or is added on the way.
func TestParity(t *testing.T) {
	methods := contractMethods()
	if len(methods) == 0 {
		t.Fatal("the contract has no method")
	}
	list := newListing()
	t.Run("by", func(t *testing.T) {
		for hop, connect := range hops {
			t.Run(hop, func(t *testing.T) {
				conn := connect(t, contract(play))
				fronts := []*front{serve(t, conn, 1), serve(t, conn, 2)}
				t.Run("of", func(t *testing.T) { // ends before the fronts do
					for _, m := range methods {
						t.Run(m.full(), func(t *testing.T) {
							t.Parallel()
							verb, template := m.route()
							list.add("methods", t.Name(), m.kind(), string(m.FullName()), verb+" "+template)
							// What is special in process is how errors end calls, not which errors they are.
							for _, s := range scenarios(m, reasons(hop == "network")) {
								compare(t, list, conn, fronts, m, s)
							}
						})
					}
				})
			})
		}
	})
	if !t.Failed() {
		list.check(t, "testdata/parity.golden")
	}
}

// compare lets a call end by gRPC and over every front, with and without TE, and lists the outcomes.
func compare(t *testing.T, list *listing, conn grpc.ClientConnInterface, fronts []*front, m contractMethod, s scenario) {
	t.Helper()
	byGRPC := callGRPC(t, conn, m, s)
	if said := s.reply(); !maps.EqualFunc(byGRPC.header, said.header, slices.Equal) || !maps.EqualFunc(byGRPC.trailer, said.trailer, slices.Equal) {
		t.Errorf("%s, scenario %q: a gRPC client gets the header %q and the trailer %q", t.Name(), s, byGRPC.header, byGRPC.trailer)
	}
	for _, front := range fronts {
		for _, te := range []bool{true, false} {
			if s.reason != noReason && te != s.told {
				continue // half of the errors will do: trailers are written after whatever was answered
			}
			byHTTP := callHTTP(t, front, m, s, te)
			where := fmt.Sprintf("%s, scenario %q, HTTP/%d, TE: %t", t.Name(), s, front.major, te)
			if byHTTP.messages != byGRPC.messages || !proto.Equal(byHTTP.status, byGRPC.status) {
				t.Errorf("%s: %d messages and %v by HTTP, %d and %v by gRPC", where, byHTTP.messages, byHTTP.status, byGRPC.messages, byGRPC.status)
			}
			list.outcome(where, m, s, byGRPC, byHTTP, te)
		}
	}
}

// own leaves out what gRPC itself sends.
func own(md metadata.MD) metadata.MD {
	md = md.Copy()
	delete(md, "content-type")
	delete(md, "grpc-status-details-bin")
	return md
}

func callGRPC(t *testing.T, conn grpc.ClientConnInterface, m contractMethod, s scenario) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "scenario", s.String(), "x-request-id", "of-the-client")
	var o outcome
	var header, trailer metadata.MD
	var err error
	if m.kind() == "unary" {
		if err = conn.Invoke(ctx, m.full(), newMessage(m.Input()), newMessage(m.Output()), grpc.Header(&header), grpc.Trailer(&trailer)); err == nil {
			o.messages = 1
		}
	} else {
		var stream grpc.ClientStream
		if stream, err = conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: m.IsStreamingClient(), ServerStreams: m.IsStreamingServer()}, m.full()); err != nil {
			t.Fatal(err)
		}
		if err = stream.SendMsg(newMessage(m.Input())); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if err = stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		for {
			if err = stream.RecvMsg(newMessage(m.Output())); err != nil {
				break
			}
			if o.messages++; !m.IsStreamingServer() {
				break
			}
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		header, _ = stream.Header() // its error is that of the stream
		trailer = stream.Trailer()
	}
	o.header, o.trailer = own(header), own(trailer)
	if err != nil {
		o.status = status.Convert(err).Proto()
	}
	return o
}

// transportFields are the header fields that HTTP itself needs.
var transportFields = []string{"Content-Type", "Content-Length", "Date", "Trailer", "Vary"}

func callHTTP(t *testing.T, front *front, m contractMethod, s scenario, te bool) outcome {
	t.Helper()
	verb, path, body, err := m.request()
	if err != nil {
		t.Fatal(err)
	}
	header := []string{"Grpc-Metadata-Scenario", s.String(), "X-Request-Id", "of-the-client"}
	if te {
		header = append(header, "TE", "trailers")
	}
	a := front.ask(t, verb, path, body, header...)
	o := outcome{header: maps.Clone(map[string][]string(a.Header)), trailer: a.Trailer, http: fmt.Sprint(a.StatusCode, " ", a.Header.Get("Content-Type")), vary: a.Header["Vary"]}
	maps.DeleteFunc(o.header, func(name string, _ []string) bool { return slices.Contains(transportFields, name) })
	var failure []byte
	switch {
	case a.StatusCode != http.StatusOK:
		failure = []byte(a.body)
		if want := apierror.HTTPStatus(errorOf(s.reason)); a.StatusCode != want {
			t.Errorf("HTTP status is %d, want %d", a.StatusCode, want)
		}
	case m.IsStreamingServer():
		for line := range bytes.Lines([]byte(a.body)) {
			if record, ok := bytes.CutPrefix(line, []byte(`{"error":`)); ok && failure == nil {
				failure = bytes.TrimSuffix(record, []byte("}\n"))
			} else if o.messages++; !bytes.HasPrefix(line, []byte(`{"result":`)) || failure != nil {
				t.Errorf("no record: %q", line)
			}
		}
	default:
		o.messages = 1
		if err := protojson.Unmarshal([]byte(a.body), newMessage(m.Output())); err != nil {
			t.Errorf("no %s: %q", m.Output().FullName(), a.body)
		}
	}
	if failure != nil {
		o.status = &spb.Status{}
		if err := protojson.Unmarshal(failure, o.status); err != nil {
			t.Errorf("no status: %v: %q", err, failure)
		}
	}
	return o
}
