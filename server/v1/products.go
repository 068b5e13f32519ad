package v1

import (
	"context"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/gen/ecommerce"
	pb "ordermanagement/gen/ordermanagement/v1"

	"ordermanagement/internal/order"
	"ordermanagement/server/rpc"
)

type unimplementedEcommerceProducts = ecommerce.UnimplementedProductInfoServer

// ProductInfo implements ordermanagement.v1.ProductInfo and ecommerce.ProductInfo.
type ProductInfo struct {
	pb.UnimplementedProductInfoServer
	unimplementedEcommerceProducts
	*V1
}

var (
	_ pb.ProductInfoServer        = (*ProductInfo)(nil)
	_ ecommerce.ProductInfoServer = (*ProductInfo)(nil)
)

// AddProduct adds a product and answers its id.
func (s *ProductInfo) AddProduct(ctx context.Context, request *pb.Product) (*wrapperspb.StringValue, error) {
	s.mark(ctx)
	w, err := rpc.Write(ctx, request)
	if err != nil {
		return nil, err
	}
	price, err := s.price(request.GetPrice())
	if err != nil {
		return nil, err
	}
	result, err := s.Orders.CreateProduct(ctx, w, "", order.ProductContent{
		Title:       request.GetName(),
		Description: request.GetDescription(),
		Price:       order.Money{Currency: s.Currency, Amount: price},
	})
	if err != nil {
		return nil, err
	}
	rpc.SetReplayed(ctx, result.Replayed)
	return wrapperspb.String(result.Value.ID), nil
}

// GetProduct reads a product.
func (s *ProductInfo) GetProduct(ctx context.Context, request *wrapperspb.StringValue) (*pb.Product, error) {
	s.mark(ctx)
	if err := s.Check(&pb.ResourceKey{Value: request.GetValue()}); err != nil {
		return nil, err
	}
	p, err := s.Orders.GetProduct(ctx, rpc.Actor(ctx), request.GetValue())
	if err != nil {
		return nil, err
	}
	price, ok := p.Price.Amount.Float32(p.Price.Currency)
	if p.Price.Currency != s.Currency || !ok {
		return nil, notShown(order.ProductName(p.ID), "price")
	}
	return &pb.Product{Id: p.ID, Name: p.Title, Description: p.Description, Price: price}, nil
}
