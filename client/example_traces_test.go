package client_test

import (
	"context"
	"fmt"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"ordermanagement/client"
	ordermanagementv2 "ordermanagement/gen/ordermanagement/v2"
)

// A program with OpenTelemetry gives its provider to the connection: each call then is a span below the program's own, and
// the service's spans hang below that. Here they are kept in memory; see the exporters of OpenTelemetry's SDK.
func ExampleTraces() {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	connection, err := client.New(address(), trusted(), client.Token(content("token")), client.Traces(provider))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()

	ctx, task := provider.Tracer("example").Start(context.Background(), "look after order 102")
	_, err = ordermanagementv2.NewOrderServiceClient(connection).GetOrder(ctx, &ordermanagementv2.GetOrderRequest{Name: "orders/102"})
	task.End()

	for _, span := range spans.GetSpans() {
		fmt.Println(span.SpanKind, span.Name, span.SpanContext.TraceID() == task.SpanContext().TraceID(), err)
	}
	// Output:
	// client ordermanagement.v2.OrderService/GetOrder true <nil>
	// internal look after order 102 true <nil>
}
