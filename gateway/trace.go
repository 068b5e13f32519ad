package gateway

import (
	"net/http"
	"slices"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"ordermanagement/internal/apierror"
	"ordermanagement/internal/tracing"
)

// trace makes a span of every request, below that of its client
// (https://opentelemetry.io/docs/specs/semconv/http/http-spans/). Paths and queries hold what clients have typed, so a
// span has the template of the route alone.
func (g *gateway) trace(next http.Handler) http.Handler {
	if g.TracerProvider == nil {
		return next
	}
	tracer := g.TracerProvider.Tracer(tracing.Scope+"gateway", trace.WithSchemaURL(semconv.SchemaURL))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := callOf(r.Context())
		method, name, scheme := r.Method, r.Method, "http"
		if !slices.Contains(append(routeMethods(), http.MethodHead, http.MethodOptions), method) {
			method, name = "_OTHER", "HTTP"
		}
		if r.TLS != nil {
			scheme = "https"
		}
		ctx, span := tracer.Start(tracing.Extract(r.Context(), r.Header.Values), name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
			semconv.HTTPRequestMethodKey.String(method), semconv.URLScheme(scheme), tracing.RequestIDKey.String(c.id)))
		r = r.WithContext(ctx)
		c.request = r
		defer func() {
			c.describe(span, name)
			span.End()
		}()
		next.ServeHTTP(w, r)
	})
}

// describe says how a request has ended. Errors that are the client's make no failed span.
func (c *call) describe(span trace.Span, name string) {
	if !span.IsRecording() {
		return
	}
	status := c.w.status
	attributes := append(make([]attribute.KeyValue, 0, 4), semconv.HTTPResponseStatusCode(status))
	if c.route != nil {
		span.SetName(name + " " + c.route.template)
		attributes = append(attributes, semconv.HTTPRoute(c.route.template))
	}
	if c.told != nil {
		if reason, ok := apierror.Reason(c.told); ok {
			attributes = append(attributes, tracing.ReasonKey.String(reason.String()))
		}
		status = apierror.HTTPStatus(c.told) // of a stream that has begun well, too
	}
	if status >= http.StatusInternalServerError {
		attributes = append(attributes, semconv.ErrorTypeKey.String(strconv.Itoa(status)))
		span.SetStatus(otelcodes.Error, "")
	}
	span.SetAttributes(attributes...)
}
