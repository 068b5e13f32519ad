// Package v2 translates the modern contract to the domain and back.
package v2

import (
	"context"

	pb "ordermanagement/gen/ordermanagement/v2"

	"google.golang.org/protobuf/proto"

	"ordermanagement/internal/order"
	"ordermanagement/server/rpc"
)

// Orders implements ordermanagement.v2.OrderService.
type Orders struct {
	pb.UnimplementedOrderServiceServer
	orders *order.Service
	pages  *Pages
}

// NewOrders makes the service over the domain.
func NewOrders(orders *order.Service, pages *Pages) *Orders {
	return &Orders{orders: orders, pages: pages}
}

// CreateOrder creates a draft.
func (s *Orders) CreateOrder(ctx context.Context, request *pb.CreateOrderRequest) (*pb.Order, error) {
	w, err := rpc.Write(ctx, request)
	if err != nil {
		return nil, err
	}
	content, err := contentOf(request.GetOrder())
	if err != nil {
		return nil, rpc.InField("order", err)
	}
	result, err := s.orders.CreateOrder(ctx, w, request.GetOrderId(), content)
	return s.answer(ctx, w.Tenant, result, rpc.InField("order", err))
}

// GetOrder reads an order.
func (s *Orders) GetOrder(ctx context.Context, request *pb.GetOrderRequest) (*pb.Order, error) {
	actor := rpc.Actor(ctx)
	o, err := s.orders.GetOrder(ctx, actor, idOf(request.GetName()))
	return s.answer(ctx, actor.Tenant, order.Result[*order.Order]{Value: o}, err)
}

// ListOrders lists orders, the newest first.
func (s *Orders) ListOrders(ctx context.Context, request *pb.ListOrdersRequest) (*pb.ListOrdersResponse, error) {
	actor := rpc.Actor(ctx)
	query := order.Query{
		Descending:  request.GetOrderBy() == "" || request.GetOrderBy() == "create_time desc",
		ShowDeleted: request.GetShowDeleted(),
	}
	list, err := s.pages.begin(actor.Tenant, request, &query)
	if err != nil {
		return nil, err
	}
	page, err := s.orders.ListOrders(ctx, actor, query)
	if err != nil {
		return nil, err
	}
	next := nextToken(list, page, (*order.Order).Position)
	response := &pb.ListOrdersResponse{Orders: make([]*pb.Order, len(page.Items)), NextPageToken: next}
	for i, o := range page.Items {
		response.Orders[i] = orderMessage(actor.Tenant, o)
	}
	return response, nil
}

// UpdateOrder updates fields of an order.
func (s *Orders) UpdateOrder(ctx context.Context, request *pb.UpdateOrderRequest) (*pb.Order, error) {
	w, err := rpc.Write(ctx, request)
	if err != nil {
		return nil, err
	}
	if request.GetOrder().GetName() == "" {
		return nil, missing("order.name")
	}
	w.Etag = request.GetOrder().GetEtag()
	mask, err := newMask(request.GetUpdateMask(), request.GetOrder())
	if err != nil {
		return nil, err
	}
	id := idOf(request.GetOrder().GetName())
	result, err := s.orders.UpdateOrder(ctx, w, id, func(current order.Content) (order.Content, error) {
		updated := &pb.Order{}
		putContent(updated, &current)
		mask.apply(updated, request.GetOrder())
		if updated.GetCurrencyCode() == "" {
			updated.CurrencyCode = current.Currency
		}
		if updated.GetCurrencyCode() != current.Currency {
			// Before the amounts are read, which would all be in the wrong one.
			return current, refuse("currency_code", order.InvalidField, "can't change; it is "+current.Currency)
		}
		return contentOf(updated)
	})
	return s.answer(ctx, w.Tenant, result, rpc.InField("order", err))
}

// DeleteOrder deletes an order; it can be undeleted.
func (s *Orders) DeleteOrder(ctx context.Context, request *pb.DeleteOrderRequest) (*pb.Order, error) {
	return s.act(ctx, request, request.GetName(), s.orders.DeleteOrder)
}

// UndeleteOrder brings a deleted order back.
func (s *Orders) UndeleteOrder(ctx context.Context, request *pb.UndeleteOrderRequest) (*pb.Order, error) {
	return s.act(ctx, request, request.GetName(), s.orders.UndeleteOrder)
}

// ConfirmOrder makes a draft binding.
func (s *Orders) ConfirmOrder(ctx context.Context, request *pb.ConfirmOrderRequest) (*pb.Order, error) {
	return s.act(ctx, request, request.GetName(), s.transit(order.Confirm))
}

// HoldOrder stops a confirmed order from shipping.
func (s *Orders) HoldOrder(ctx context.Context, request *pb.HoldOrderRequest) (*pb.Order, error) {
	return s.act(ctx, request, request.GetName(), s.transit(order.Hold))
}

// ReleaseOrder lets a held order ship again.
func (s *Orders) ReleaseOrder(ctx context.Context, request *pb.ReleaseOrderRequest) (*pb.Order, error) {
	return s.act(ctx, request, request.GetName(), s.transit(order.Release))
}

// CancelOrder gives an order up.
func (s *Orders) CancelOrder(ctx context.Context, request *pb.CancelOrderRequest) (*pb.Order, error) {
	return s.act(ctx, request, request.GetName(), s.transit(order.Cancel))
}

// action is a write that needs nothing but the order it is about.
type action func(ctx context.Context, w order.Write, id string) (order.Result[*order.Order], error)

func (s *Orders) transit(t order.Transition) action {
	return func(ctx context.Context, w order.Write, id string) (order.Result[*order.Order], error) {
		return s.orders.TransitOrder(ctx, w, id, t)
	}
}

func (s *Orders) act(ctx context.Context, request proto.Message, name string, do action) (*pb.Order, error) {
	w, err := rpc.Write(ctx, request)
	if err != nil {
		return nil, err
	}
	result, err := do(ctx, w, idOf(name))
	return s.answer(ctx, w.Tenant, result, err)
}

// answer is the order with its entity tag.
func (s *Orders) answer(ctx context.Context, tenant string, result order.Result[*order.Order], err error) (*pb.Order, error) {
	if err != nil {
		return nil, err
	}
	message := orderMessage(tenant, result.Value)
	rpc.SetEtag(ctx, message.GetEtag())
	rpc.SetReplayed(ctx, result.Replayed)
	return message, nil
}
