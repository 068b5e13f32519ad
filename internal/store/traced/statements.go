package traced

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Statements makes a span of each statement that pgx sends for a call: set it as ConnConfig.Tracer. The span has the
// statement, whose values are parameters and not in it, and of an error its SQLSTATE alone, since PostgreSQL's messages
// quote values (https://opentelemetry.io/docs/specs/semconv/db/postgresql/).
type Statements struct{ tracer tracer }

var (
	_ pgx.QueryTracer = (*Statements)(nil)
	_ pgx.BatchTracer = (*Statements)(nil)
)

// NewStatements makes the tracer of the statements of any number of connections.
func NewStatements(provider trace.TracerProvider) *Statements {
	return &Statements{tracer{provider.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL))}}
}

// started is that of the span which this tracer has begun: TraceQueryEnd and TraceBatchEnd must end no other.
type started struct{}

func (s *Statements) start(ctx context.Context, name string, attributes ...attribute.KeyValue) context.Context {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx
	}
	ctx, span := s.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(append(attributes, semconv.DBSystemNamePostgreSQL)...))
	return context.WithValue(ctx, started{}, span)
}

func endStatement(ctx context.Context, err error) {
	span, ok := ctx.Value(started{}).(trace.Span)
	if !ok {
		return
	}
	defer span.End()
	if err == nil || errors.Is(err, pgx.ErrNoRows) {
		return
	}
	kind := kind(err)
	if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) {
		kind = refused.Code
		span.SetAttributes(semconv.DBResponseStatusCode(kind))
	}
	span.SetAttributes(semconv.ErrorTypeKey.String(kind))
	span.SetStatus(otelcodes.Error, "")
}

// TraceQueryStart implements pgx.QueryTracer.
func (s *Statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	operation := operation(data.SQL)
	return s.start(ctx, operation, semconv.DBOperationName(operation), semconv.DBQueryText(data.SQL))
}

// TraceQueryEnd implements pgx.QueryTracer.
func (s *Statements) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	endStatement(ctx, data.Err)
}

// TraceBatchStart implements pgx.BatchTracer: a batch is one span, with its size.
func (s *Statements) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	return s.start(ctx, "BATCH", semconv.DBOperationName("BATCH"), semconv.DBOperationBatchSize(data.Batch.Len()))
}

// TraceBatchQuery implements pgx.BatchTracer. Each statement of a batch is an event of its span, which bounds them
// (OTEL_SPAN_EVENT_COUNT_LIMIT).
func (s *Statements) TraceBatchQuery(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	if span, ok := ctx.Value(started{}).(trace.Span); ok {
		span.AddEvent(operation(data.SQL), trace.WithAttributes(semconv.DBQueryText(data.SQL)))
	}
}

// TraceBatchEnd implements pgx.BatchTracer.
func (s *Statements) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchEndData) {
	endStatement(ctx, data.Err)
}

// operation is the first word of a statement.
func operation(statement string) string {
	statement = strings.TrimLeft(statement, " \t\r\n")
	if end := strings.IndexAny(statement, " \t\r\n;("); end >= 0 {
		statement = statement[:end]
	}
	return strings.ToUpper(statement)
}
