package v1

import (
	"context"
	"errors"
	"io"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/gen/ecommerce"
	pb "ordermanagement/gen/ordermanagement/v1"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
	"ordermanagement/internal/order"
	"ordermanagement/server/rpc"
)

// The Unimplemented types of both names have the same name themselves, so one is embedded through an alias.
type unimplementedEcommerceOrders = ecommerce.UnimplementedOrderManagementServer

// OrderManagement implements ordermanagement.v1.OrderManagement and ecommerce.OrderManagement.
type OrderManagement struct {
	pb.UnimplementedOrderManagementServer
	unimplementedEcommerceOrders
	*V1
}

var (
	_ pb.OrderManagementServer        = (*OrderManagement)(nil)
	_ ecommerce.OrderManagementServer = (*OrderManagement)(nil)
)

// AddOrder adds an order.
func (s *OrderManagement) AddOrder(ctx context.Context, request *pb.Order) (*wrapperspb.StringValue, error) {
	s.mark(ctx)
	w, err := rpc.Write(ctx, request)
	if err != nil {
		return nil, err
	}
	quoted, err := s.quoted(request)
	if err != nil {
		return nil, err
	}
	result, err := s.Orders.AddQuoted(ctx, w, quoted)
	if err != nil {
		return nil, err
	}
	rpc.SetReplayed(ctx, result.Replayed)
	return wrapperspb.String("Order Added: " + result.Value.ID), nil
}

// GetOrder reads an order.
func (s *OrderManagement) GetOrder(ctx context.Context, request *wrapperspb.StringValue) (*pb.Order, error) {
	s.mark(ctx)
	if err := s.checkKey(request); err != nil {
		return nil, err
	}
	o, err := s.Orders.GetOrder(ctx, rpc.Actor(ctx), request.GetValue())
	if err != nil {
		return nil, err
	}
	return s.show(o)
}

// SearchOrders finds orders by a part of an item. Orders that v1 can't show are left out.
func (s *OrderManagement) SearchOrders(request *wrapperspb.StringValue, stream grpc.ServerStreamingServer[pb.Order]) error {
	defer s.closeStream(stream)
	if err := s.openStream(stream); err != nil {
		return err
	}
	if err := s.Check(&pb.SearchText{Value: request.GetValue()}); err != nil {
		return err
	}
	for o, err := range s.Orders.Search(stream.Context(), rpc.Actor(stream.Context()), request.GetValue()) {
		if err != nil {
			return err
		}
		shown, err := s.show(o)
		if err != nil {
			continue
		}
		if err := stream.Send(shown); err != nil {
			return err
		}
	}
	return nil
}

// How many orders one call of UpdateOrders may replace, and how many bytes they may have together: they are all held until
// the last one has come, and then replaced at once.
const (
	maxUpdates     = 1000
	maxUpdateBytes = 16 << 20
)

// UpdateOrders replaces drafts, all of them or none.
func (s *OrderManagement) UpdateOrders(stream grpc.ClientStreamingServer[pb.Order, wrapperspb.StringValue]) error {
	defer s.closeStream(stream)
	s.mark(stream.Context())
	var quoted []order.Quoted
	requests := &pb.CombinedShipment{} // a message that holds them all, for the fingerprint of the call
	bytes := 0
	for {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		bytes += proto.Size(request)
		if len(quoted) == maxUpdates || bytes > maxUpdateBytes {
			return apierror.Newf(apiv1.ErrorReason_REQUEST_TOO_LARGE, "at most %d orders and %d bytes can be updated in one call; split it", maxUpdates, maxUpdateBytes).Err()
		}
		q, err := s.quoted(request)
		if err != nil {
			return err
		}
		quoted = append(quoted, q)
		requests.OrdersList = append(requests.OrdersList, request)
	}
	if len(quoted) == 0 {
		return apierror.New(apiv1.ErrorReason_INVALID_FIELD, "send at least one order").Err()
	}
	w, err := rpc.Write(stream.Context(), requests)
	if err != nil {
		return err
	}
	result, err := s.Orders.ReplaceQuoted(stream.Context(), w, quoted)
	if err != nil {
		return err
	}
	rpc.SetReplayed(stream.Context(), result.Replayed)
	ids := make([]string, len(result.Value))
	for i, o := range result.Value {
		ids[i] = o.ID
	}
	return stream.SendAndClose(wrapperspb.String("Updated Order IDs: " + strings.Join(ids, ", ")))
}

// batchSize is how many ids ProcessOrders combines at once.
const batchSize = 3

// ProcessOrders confirms orders and combines them into shipments.
func (s *OrderManagement) ProcessOrders(stream grpc.BidiStreamingServer[wrapperspb.StringValue, pb.CombinedShipment]) error {
	defer s.closeStream(stream)
	if err := s.openStream(stream); err != nil {
		return err
	}
	w, err := rpc.Write(stream.Context(), &wrapperspb.StringValue{})
	if err != nil {
		return err
	}
	var batch []string
	for {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return s.process(stream, w, batch)
		}
		if err != nil {
			return err
		}
		if err := s.checkKey(request); err != nil {
			return err
		}
		if batch = append(batch, request.GetValue()); len(batch) == batchSize {
			if err := s.process(stream, w, batch); err != nil {
				return err
			}
			batch = nil
		}
	}
}

// process combines one batch and answers its shipments.
func (s *OrderManagement) process(stream grpc.BidiStreamingServer[wrapperspb.StringValue, pb.CombinedShipment], w order.Write, batch []string) error {
	if len(batch) == 0 {
		return nil
	}
	combined, err := s.Orders.CombineOrders(stream.Context(), w, batch, func(o *order.Order) error {
		_, err := s.show(o)
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range combined {
		shown, err := s.showCombined(c)
		if err != nil {
			return err
		}
		if err := stream.Send(shown); err != nil {
			return err
		}
	}
	return nil
}

// checkKey applies the rule of ids to a bare one.
func (s *OrderManagement) checkKey(request *wrapperspb.StringValue) error {
	return s.Check(&pb.ResourceKey{Value: request.GetValue()})
}
