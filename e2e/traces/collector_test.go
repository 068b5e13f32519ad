package traces

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

// patience is how long spans may take to arrive on a busy machine.
const patience = 20 * time.Second

// span is one that has arrived.
type span struct {
	*tracepb.Span
	service string // service.name of its resource
}

// collector takes spans over both protocols of OTLP.
type collector struct {
	collectorpb.UnimplementedTraceServiceServer
	http, grpc string // endpoints

	connections atomic.Int64
	mu          sync.Mutex
	spans       []span
	requests    []*collectorpb.ExportTraceServiceRequest
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	receiver := httptest.NewUnstartedServer(http.HandlerFunc(c.receive))
	receiver.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			c.connections.Add(1)
		}
	}
	receiver.Start()
	t.Cleanup(receiver.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	collectorpb.RegisterTraceServiceServer(server, c)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	c.http, c.grpc = receiver.URL, "http://"+listener.Addr().String()
	return c
}

func (c *collector) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	request := &collectorpb.ExportTraceServiceRequest{}
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, request) != nil {
		http.Error(w, "not OTLP", http.StatusBadRequest)
		return
	}
	answer, _ := c.Export(r.Context(), request)
	encoded, _ := proto.Marshal(answer)
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(encoded)
}

// Export implements TraceServiceServer.
func (c *collector) Export(_ context.Context, request *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests = append(c.requests, request)
	for _, resource := range request.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, span{s, attribute(resource.GetResource().GetAttributes(), "service.name")})
			}
		}
	}
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

// all is everything that has arrived, as text.
func (c *collector) all() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var text strings.Builder
	for _, request := range c.requests {
		text.WriteString(prototext.Format(request))
	}
	return text.String()
}

// trace is what has arrived of a trace.
func (c *collector) trace(id string) []span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.spans), func(s span) bool { return hex.EncodeToString(s.GetTraceId()) != id })
}

// traceOf is the id of the trace with the request id; "" if none has arrived.
func (c *collector) traceOf(request string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.attribute("ordermanagement.request_id") == request {
			return hex.EncodeToString(s.GetTraceId())
		}
	}
	return ""
}

// await polls until a condition holds.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("no %s within %v", what, patience)
		}
		<-tick.C
	}
}

func attribute(all []*commonpb.KeyValue, key string) string {
	for _, a := range all {
		if a.GetKey() != key {
			continue
		}
		switch value := a.GetValue().GetValue().(type) {
		case *commonpb.AnyValue_StringValue:
			return value.StringValue
		case *commonpb.AnyValue_IntValue:
			return fmt.Sprint(value.IntValue)
		case *commonpb.AnyValue_BoolValue:
			return fmt.Sprint(value.BoolValue)
		}
	}
	return ""
}

func (s span) attribute(key string) string { return attribute(s.GetAttributes(), key) }

// shown are the attributes of a span in a tree.
var shown = []string{
	"http.response.status_code", "rpc.response.status_code", "error.type", "ordermanagement.error.reason",
	"ordermanagement.messages.received", "ordermanagement.messages.sent", "ordermanagement.in_process",
}

func (s span) String() string {
	kind := strings.ToLower(strings.TrimPrefix(s.GetKind().String(), "SPAN_KIND_"))
	text := s.service + ": " + kind + " " + s.GetName()
	for _, key := range shown {
		if value := s.attribute(key); value != "" {
			text += " " + strings.TrimPrefix(key, "ordermanagement.") + "=" + value
		}
	}
	if s.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR {
		text += " ERROR"
	}
	return text + s.GetStatus().GetMessage()
}

// tree is spans below a parent, each on a line, its children indented; those of one parent by when they began.
func tree(spans []span, parent []byte, indent string) string {
	var text strings.Builder
	slices.SortStableFunc(spans, func(a, b span) int { return int(int64(a.GetStartTimeUnixNano()) - int64(b.GetStartTimeUnixNano())) })
	for _, s := range spans {
		if bytes.Equal(s.GetParentSpanId(), parent) {
			fmt.Fprintf(&text, "%s%s\n%s", indent, s, tree(spans, s.GetSpanId(), indent+"  "))
		}
	}
	return text.String()
}
