package traces

import (
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"

	"ordermanagement/e2e/process"
	pbv2 "ordermanagement/gen/ordermanagement/v2"
)

// A context that can't be read makes nobody's call fail, and no parent (W3C Trace Context, 3.2.2). The trace is then found
// by the request id of the answer.
func TestContextsThatCannotBeRead(t *testing.T) {
	w := serve(t)
	conn := w.server.Dial(t)
	p := newParent()
	for name, value := range map[string]string{
		"version ff": "ff" + p.sampled()[2:], "zero trace": "00-" + strings.Repeat("0", 32) + "-" + p.span + "-01", "zero parent": "00-" + p.trace + "-0000000000000000-01",
		"upper case": strings.ToUpper(p.sampled()), "short": p.sampled()[:54], "long": p.sampled() + "-00", "no hex": "00-" + strings.Repeat("g", 32) + "-" + p.span + "-01",
		"garbage": "ff-garbage", "two in one": p.sampled() + ", " + p.sampled(),
	} {
		t.Run(name, func(t *testing.T) {
			status, request := w.ask(t, "GET", "/v2/orders/102", "", map[string]string{"Traceparent": value, "Tracestate": "=,=,", "Baggage": ";;=%"})
			if status != http.StatusOK {
				t.Errorf("answered %d", status)
			}
			overGRPC := "grpc-" + strings.ReplaceAll(name, " ", "-")
			ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", value, "tracestate", "=,=,", "x-request-id", overGRPC)
			if _, err := pbv2.NewOrderServiceClient(conn).GetOrder(ctx, &pbv2.GetOrderRequest{Name: "orders/102"}); err != nil {
				t.Error(err)
			}
			w.wantRoot(t, request)
			w.wantRoot(t, overGRPC)
		})
	}
	t.Run("repeated", func(t *testing.T) {
		// A later version may have more parts, so that two of its values joined would read as one.
		later := "01" + p.sampled()[2:] + "-more"
		for id, value := range map[string]string{"repeated": p.sampled(), "repeated-later": later} {
			ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", value, "traceparent", value, "x-request-id", id)
			if _, err := pbv2.NewOrderServiceClient(conn).GetOrder(ctx, &pbv2.GetOrderRequest{Name: "orders/102"}); err != nil {
				t.Error(err)
			}
			w.wantRoot(t, id)
		}
	})
	if found := w.trace(p.trace); len(found) != 0 {
		t.Errorf("some were taken: %v", found)
	}
}

// wantRoot wants the trace of a request to begin here.
func (w *world) wantRoot(t *testing.T, request string) {
	t.Helper()
	id := ""
	await(t, "trace of the request", func() bool { id = w.traceOf(request); return id != "" })
	roots := func() (roots []span) {
		for _, s := range w.trace(id) {
			if len(s.GetParentSpanId()) == 0 {
				roots = append(roots, s)
			}
		}
		return roots
	}
	await(t, "root", func() bool { return len(roots()) == 1 })
	if state := roots()[0].GetTraceState(); state != "" {
		t.Errorf("the root has the trace state %q", state)
	}
}

// The log lines of a call have the ids of its span.
func TestLogLinesNameTheSpan(t *testing.T) {
	w := serve(t, "--log-format=json")
	p := newParent()
	w.ask(t, "GET", "/v2/orders/102", "", map[string]string{"Traceparent": p.sampled()})
	await(t, "spans", func() bool { return len(w.trace(p.trace)) == 4 })
	for _, s := range w.trace(p.trace) {
		if s.GetName() == "ordermanagement.v2.OrderService/GetOrder" && s.attribute("ordermanagement.in_process") != "" {
			want := `"trace_id":"` + p.trace + `","span_id":"` + hex.EncodeToString(s.GetSpanId()) + `"`
			await(t, "line with "+want, func() bool { return strings.Contains(w.server.Output(), want) })
			return
		}
	}
	t.Error("there is no span of the server")
}

// Which traces are kept is the sampler's to say. What was not kept would have arrived before the last one that was.
func TestSampling(t *testing.T) {
	for name, test := range map[string]struct {
		sampler, argument  string
		sampled, unsampled bool // whether a call with such a parent is kept
	}{
		"the client decides":           {"", "", true, false},
		"the client decides, by name":  {"parentbased_traceidratio", "0", true, false},
		"all, whatever the client has": {"always_on", "", true, true},
		"none, whatever it has":        {"traceidratio", "0", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(t)
			service := program.Start(t, process.Config{
				Args: []string{"--sample-data"},
				Env:  append(exporting("serve", c.http, "http/protobuf"), "OTEL_TRACES_SAMPLER="+test.sampler, "OTEL_TRACES_SAMPLER_ARG="+test.argument),
			})
			w := &world{c, service, service, service.Client(t)}
			sampled, unsampled := newParent(), newParent()
			for _, value := range []string{unsampled.unsampled(), sampled.sampled()} {
				if status, _ := w.ask(t, "GET", "/v2/orders/102", "", map[string]string{"Traceparent": value}); status != http.StatusOK {
					t.Errorf("answered %d", status)
				}
			}
			service.Stop(t) // what waits is exported before the process ends
			for p, want := range map[parent]bool{sampled: test.sampled, unsampled: test.unsampled} {
				if got := len(w.trace(p.trace)); got != 0 && !want || got != 4 && want {
					t.Errorf("%d spans have arrived, of a trace that is kept: %v", got, want)
				}
			}
		})
	}
}
