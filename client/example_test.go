package client_test

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/certs"
	"ordermanagement/client"
	ordermanagementv1 "ordermanagement/gen/ordermanagement/v1"
	ordermanagementv2 "ordermanagement/gen/ordermanagement/v2"
)

// One connection carries the stubs of both versions, which show the same orders.
func Example() {
	connection, err := client.New(address(),
		client.TLSFiles(certs.ClientOptions{CAFile: data("ca.crt")}),
		client.TokenFile(data("token"), nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()
	v1 := ordermanagementv1.NewOrderManagementClient(connection)
	v2 := ordermanagementv2.NewOrderServiceClient(connection)

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	old, err := v1.GetOrder(ctx, wrapperspb.String("102"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(old.GetItems(), old.GetPrice())
	order, err := v2.GetOrder(ctx, &ordermanagementv2.GetOrderRequest{Name: "orders/102"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(order.GetState(), order.GetDestination())
	// Output:
	// [Google Pixel 3A Mac Book Pro] 1800
	// DRAFT Mountain View, CA
}

// Metadata is sent with the context of a call. New takes a map, Pairs takes keys and values, a key several times if need
// be, and AppendToOutgoingContext adds to what is there. The values of keys that end in -bin are bytes. This service
// answers with the request id that it was sent.
func Example_metadata() {
	connection, err := client.New(address(), trusted(), client.Token(content("token")))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()

	id := metadata.New(map[string]string{"x-request-id": "example-1"})
	notes := metadata.Pairs("note", "first", "note", "second")
	ctx := metadata.NewOutgoingContext(context.Background(), metadata.Join(id, notes))
	ctx = metadata.AppendToOutgoingContext(ctx, "signature-bin", string([]byte{0, 1, 255}))

	var header metadata.MD
	_, err = ordermanagementv2.NewOrderServiceClient(connection).
		GetOrder(ctx, &ordermanagementv2.GetOrderRequest{Name: "orders/102"}, grpc.Header(&header))
	fmt.Println(header.Get("x-request-id"), err)
	// Output: [example-1] <nil>
}

// A unary call hands its headers and trailers to call options. A stream has methods for them: headers are there before
// the first answer, trailers after the last.
func Example_headersAndTrailers() {
	connection, err := client.New(address(), trusted(), client.Token(content("token")))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()
	orders := ordermanagementv1.NewOrderManagementClient(connection)

	var header, trailer metadata.MD
	if _, err := orders.GetOrder(context.Background(), wrapperspb.String("102"), grpc.Header(&header), grpc.Trailer(&trailer)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("location of the answer:", header.Get("location"))

	stream, err := orders.SearchOrders(context.Background(), wrapperspb.String("Google"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if header, err = stream.Header(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("location of the stream:", header.Get("location"))
	for err == nil {
		_, err = stream.Recv()
	}
	fmt.Println(err, "and timestamps:", len(stream.Trailer().Get("timestamp")))
	// Output:
	// location of the answer: [San Jose]
	// location of the stream: [San Jose]
	// EOF and timestamps: 1
}

// A write that is repeated under the same key is answered with what it did the first time.
func Example_repeat() {
	connection, err := client.New(address(), trusted(), client.Token(content("token")))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()
	orders := ordermanagementv2.NewOrderServiceClient(connection)

	ctx := metadata.AppendToOutgoingContext(context.Background(), "idempotency-key", "example-1")
	request := &ordermanagementv2.CreateOrderRequest{Order: &ordermanagementv2.Order{CurrencyCode: "EUR"}}
	first, err := orders.CreateOrder(ctx, request)
	if err != nil {
		fmt.Println(err)
		return
	}
	var header metadata.MD
	second, err := orders.CreateOrder(ctx, request, grpc.Header(&header))
	fmt.Println(second.GetName() == first.GetName(), header.Get("idempotency-replayed"), err)
	// Output: true [true] <nil>
}

// A call ends at the deadline of its context, here and on the server.
func Example_deadline() {
	connection, err := client.New(address(), trusted(), client.Token(content("token")))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	stream, err := ordermanagementv1.NewOrderManagementClient(connection).ProcessOrders(ctx)
	if err == nil {
		_, err = stream.Recv() // nothing comes before something is sent
	}
	fmt.Println(status.Code(err))
	// Output: DeadlineExceeded
}

// Programs decide by the reason of an error; its message is for people.
func ExampleErrorInfo() {
	connection, err := client.New(address(), trusted(), client.Token(readerToken))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()

	_, err = ordermanagementv2.NewOrderServiceClient(connection).
		ConfirmOrder(context.Background(), &ordermanagementv2.ConfirmOrderRequest{Name: "orders/102"})
	info := client.ErrorInfo(err)
	fmt.Println(status.Code(err), info.GetReason(), info.GetMetadata()["scope"])
	// Output: PermissionDenied SCOPE_MISSING orders.write
}

// Requests are compressed for all calls of a connection, or for one.
func ExampleGzip() {
	connection, err := client.New(address(), trusted(), client.Token(content("token")), client.Gzip())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()
	fmt.Println(destination(connection))

	plain, err := client.New(address(), trusted(), client.Token(content("token")))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer plain.Close()
	fmt.Println(destination(plain, client.Gzip()))
	// Output:
	// Mountain View, CA <nil>
	// Mountain View, CA <nil>
}

// destination reads order 102.
func destination(connection *grpc.ClientConn, options ...grpc.CallOption) (string, error) {
	order, err := ordermanagementv2.NewOrderServiceClient(connection).
		GetOrder(context.Background(), &ordermanagementv2.GetOrderRequest{Name: "orders/102"}, options...)
	return order.GetDestination(), err
}
