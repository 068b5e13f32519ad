package gateway_test

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/gen/helloworld"
	v1 "ordermanagement/gen/ordermanagement/v1"
	v2 "ordermanagement/gen/ordermanagement/v2"
)

// fake is a server whose methods are what a test makes them; the others are unimplemented.
type fake struct {
	v1.UnimplementedOrderManagementServer
	hello   func(context.Context, *helloworld.HelloRequest) (*helloworld.HelloReply, error)
	add     func(context.Context, *v1.Order) (*wrapperspb.StringValue, error)
	get     func(context.Context, *wrapperspb.StringValue) (*v1.Order, error)
	search  func(*wrapperspb.StringValue, grpc.ServerStreamingServer[v1.Order]) error
	update  func(grpc.ClientStreamingServer[v1.Order, wrapperspb.StringValue]) error
	process func(grpc.BidiStreamingServer[wrapperspb.StringValue, v1.CombinedShipment]) error
	orders  fakeOrders
}

type fakeOrders struct {
	v2.UnimplementedOrderServiceServer
	create  func(context.Context, *v2.CreateOrderRequest) (*v2.Order, error)
	get     func(context.Context, *v2.GetOrderRequest) (*v2.Order, error)
	list    func(context.Context, *v2.ListOrdersRequest) (*v2.ListOrdersResponse, error)
	update  func(context.Context, *v2.UpdateOrderRequest) (*v2.Order, error)
	remove  func(context.Context, *v2.DeleteOrderRequest) (*v2.Order, error)
	confirm func(context.Context, *v2.ConfirmOrderRequest) (*v2.Order, error)
}

type fakeGreeter struct {
	helloworld.UnimplementedGreeterServer
	fake *fake
}

func call[Req, Res any](f func(context.Context, *Req) (*Res, error), ctx context.Context, in *Req) (*Res, error) {
	if f == nil {
		return new(Res), nil
	}
	return f(ctx, in)
}

func (g fakeGreeter) SayHello(ctx context.Context, in *helloworld.HelloRequest) (*helloworld.HelloReply, error) {
	return call(g.fake.hello, ctx, in)
}
func (f *fake) AddOrder(ctx context.Context, in *v1.Order) (*wrapperspb.StringValue, error) {
	return call(f.add, ctx, in)
}
func (f *fake) GetOrder(ctx context.Context, in *wrapperspb.StringValue) (*v1.Order, error) {
	return call(f.get, ctx, in)
}
func (f *fake) SearchOrders(in *wrapperspb.StringValue, s grpc.ServerStreamingServer[v1.Order]) error {
	return f.search(in, s)
}
func (f *fake) UpdateOrders(s grpc.ClientStreamingServer[v1.Order, wrapperspb.StringValue]) error {
	return f.update(s)
}
func (f *fake) ProcessOrders(s grpc.BidiStreamingServer[wrapperspb.StringValue, v1.CombinedShipment]) error {
	return f.process(s)
}
func (f *fakeOrders) CreateOrder(ctx context.Context, in *v2.CreateOrderRequest) (*v2.Order, error) {
	return call(f.create, ctx, in)
}
func (f *fakeOrders) GetOrder(ctx context.Context, in *v2.GetOrderRequest) (*v2.Order, error) {
	return call(f.get, ctx, in)
}
func (f *fakeOrders) ListOrders(ctx context.Context, in *v2.ListOrdersRequest) (*v2.ListOrdersResponse, error) {
	return call(f.list, ctx, in)
}
func (f *fakeOrders) UpdateOrder(ctx context.Context, in *v2.UpdateOrderRequest) (*v2.Order, error) {
	return call(f.update, ctx, in)
}
func (f *fakeOrders) DeleteOrder(ctx context.Context, in *v2.DeleteOrderRequest) (*v2.Order, error) {
	return call(f.remove, ctx, in)
}
func (f *fakeOrders) ConfirmOrder(ctx context.Context, in *v2.ConfirmOrderRequest) (*v2.Order, error) {
	return call(f.confirm, ctx, in)
}

func (f *fake) register(r grpc.ServiceRegistrar) {
	v1.RegisterOrderManagementServer(r, f)
	v2.RegisterOrderServiceServer(r, &f.orders)
	helloworld.RegisterGreeterServer(r, fakeGreeter{fake: f})
}
