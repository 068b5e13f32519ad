// Package traced puts spans around what calls ask of a store, and around the SQL statements that PostgreSQL is sent for it.
// What nobody has asked for, such as maintenance and readiness, has none: there is a span only below another one.
package traced

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"ordermanagement/internal/order"
	"ordermanagement/internal/tracing"
)

// scope names the instrumentation.
const scope = tracing.Scope + "internal/store"

// conflictKey is why a change was not made, an order.Conflict: no error, the caller is told so.
const conflictKey = attribute.Key("ordermanagement.store.conflict")

// Store makes a span of each read and write of a store: "store.apply", "store.orders.get".
func Store(next order.Store, provider trace.TracerProvider) order.Store {
	t := tracer{provider.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL))}
	return &store{
		Store: next, tracer: t,
		orders:    newReader(next.Orders(), t, "orders"),
		products:  newReader(next.Products(), t, "products"),
		shipments: newReader(next.Shipments(), t, "shipments"),
	}
}

type tracer struct{ trace.Tracer }

// start begins a span if the context has one that is recorded.
func (t tracer) start(ctx context.Context, name string) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, noSpan
	}
	return t.Start(ctx, name)
}

// noSpan records nothing, and ending it ends nobody else's span.
var noSpan = trace.SpanFromContext(context.Background())

// end ends a span with how its call went. What the store says by an error of the domain is an answer, not a fault.
func end(span trace.Span, err error) {
	defer span.End()
	var conflict *order.ConflictError
	switch {
	case err == nil, errors.Is(err, order.ErrNotFound), !span.IsRecording():
		return
	case errors.As(err, &conflict):
		span.SetAttributes(conflictKey.String(string(conflict.Conflict)))
		return
	}
	// Not the text of the error, which may quote values.
	span.SetAttributes(semconv.ErrorTypeKey.String(kind(err)))
	span.SetStatus(otelcodes.Error, "")
}

// kind is one of few names for an error.
func kind(err error) string {
	switch {
	case errors.Is(err, order.ErrUnavailable):
		return "unavailable"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline_exceeded"
	default:
		return semconv.ErrorTypeOther.Value.AsString()
	}
}

type store struct {
	order.Store // Ping and Close, which no caller asks for
	tracer      tracer
	orders      order.Reader[order.Order]
	products    order.Reader[order.Product]
	shipments   order.Reader[order.Shipment]
}

func (s *store) Orders() order.Reader[order.Order]       { return s.orders }
func (s *store) Products() order.Reader[order.Product]   { return s.products }
func (s *store) Shipments() order.Reader[order.Shipment] { return s.shipments }

func (s *store) Outcome(ctx context.Context, tenant string, key [32]byte, since time.Time) (order.Outcome, error) {
	ctx, span := s.tracer.start(ctx, "store.outcome")
	outcome, err := s.Store.Outcome(ctx, tenant, key, since)
	end(span, err)
	return outcome, err
}

func (s *store) Apply(ctx context.Context, change *order.Change) error {
	ctx, span := s.tracer.start(ctx, "store.apply")
	err := s.Store.Apply(ctx, change)
	end(span, err)
	return err
}

func (s *store) Sweep(ctx context.Context, before time.Time) (int, error) {
	ctx, span := s.tracer.start(ctx, "store.sweep")
	removed, err := s.Store.Sweep(ctx, before)
	end(span, err)
	return removed, err
}
