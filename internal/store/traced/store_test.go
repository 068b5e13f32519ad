package traced_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/sqlite"
	"ordermanagement/internal/store/storetest"
	"ordermanagement/internal/store/traced"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A store that is traced does what it does without.
func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Open {
		path := filepath.Join(t.TempDir(), "orders.db")
		return func(t *testing.T) order.Store {
			store, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			return traced.Store(store, noop.NewTracerProvider())
		}
	})
}

// recorder keeps the spans that have ended.
type recorder struct {
	*tracetest.SpanRecorder
	provider *sdktrace.TracerProvider
}

func newRecorder() recorder {
	spans := tracetest.NewSpanRecorder()
	return recorder{spans, sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))}
}

// below runs something below a span, and answers the spans of it as text, the innermost first.
func (r recorder) below(t *testing.T, run func(context.Context)) []string {
	t.Helper()
	ctx, span := r.provider.Tracer("test").Start(t.Context(), "call")
	before := len(r.Ended())
	run(ctx)
	var texts []string
	for _, s := range r.Ended()[before:] {
		if s.SpanContext().TraceID() != span.SpanContext().TraceID() {
			t.Errorf("%s is in another trace", s.Name())
		}
		text := s.Name()
		attributes := s.Attributes()
		slices.SortFunc(attributes, func(a, b attribute.KeyValue) int { return strings.Compare(string(a.Key), string(b.Key)) })
		for _, a := range attributes {
			text += fmt.Sprintf(" %s=%s", a.Key, a.Value.Emit())
		}
		for _, event := range s.Events() {
			text += fmt.Sprintf(" [%s %s]", event.Name, event.Attributes[0].Value.AsString())
		}
		if s.Status().Code == otelcodes.Error {
			text += " ERROR" + s.Status().Description
		}
		texts = append(texts, text)
	}
	return texts
}

// failing is a store that answers one error.
type failing struct {
	order.Store
	err error
}

func (f failing) Apply(context.Context, *order.Change) error    { return f.err }
func (f failing) Sweep(context.Context, time.Time) (int, error) { return 0, f.err }
func (f failing) Orders() order.Reader[order.Order]             { return failingReader[order.Order]{err: f.err} }
func (f failing) Products() order.Reader[order.Product] {
	return failingReader[order.Product]{err: f.err}
}
func (f failing) Shipments() order.Reader[order.Shipment] {
	return failingReader[order.Shipment]{err: f.err}
}
func (f failing) Outcome(context.Context, string, [32]byte, time.Time) (o order.Outcome, err error) {
	return o, f.err
}

type failingReader[T any] struct{ err error }

func (f failingReader[T]) Get(context.Context, string, string) (*T, error)  { return nil, f.err }
func (f failingReader[T]) View(context.Context, string, string) (*T, error) { return nil, f.err }
func (f failingReader[T]) GetAt(context.Context, string, string, int64) (*T, error) {
	return nil, f.err
}
func (f failingReader[T]) GetMany(context.Context, string, []string) (map[string]*T, error) {
	return nil, f.err
}
func (f failingReader[T]) List(context.Context, string, order.Query) (p order.Page[T], err error) {
	return p, f.err
}

func TestSpansOfAStore(t *testing.T) {
	for err, want := range map[error]string{
		nil:               "",
		order.ErrNotFound: "",
		&order.ConflictError{Conflict: order.ConflictStale, ID: "secret"}: " ordermanagement.store.conflict=stale",
		fmt.Errorf("secret: %w", order.ErrUnavailable):                    " error.type=unavailable ERROR",
		context.Canceled:         " error.type=canceled ERROR",
		context.DeadlineExceeded: " error.type=deadline_exceeded ERROR",
		errors.New("secret"):     " error.type=_OTHER ERROR",
	} {
		r := newRecorder()
		store := traced.Store(failing{err: err}, r.provider)
		everything := func(ctx context.Context) {
			_ = store.Apply(ctx, &order.Change{})
			_, _ = store.Outcome(ctx, "", [32]byte{}, time.Time{})
			_, _ = store.Sweep(ctx, time.Time{})
			_, _ = store.Orders().Get(ctx, "", "")
			_, _ = store.Products().View(ctx, "", "")
			_, _ = store.Shipments().GetAt(ctx, "", "", 1)
			_, _ = store.Orders().GetMany(ctx, "", nil)
			_, _ = store.Products().List(ctx, "", order.Query{})
		}
		names := []string{
			"store.apply", "store.outcome", "store.sweep", "store.orders.get", "store.products.view", "store.shipments.get_at",
			"store.orders.get_many", "store.products.list",
		}
		for i := range names {
			names[i] += want
		}
		if got := r.below(t, everything); !slices.Equal(got, names) {
			t.Errorf("%v: got %q, want %q", err, got, names)
		}
		before := len(r.Ended())
		everything(t.Context())
		if n := len(r.Ended()) - before; n != 0 {
			t.Errorf("%d spans of what no call has asked for", n)
		}
	}
}
