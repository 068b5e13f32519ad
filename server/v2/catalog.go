package v2

import (
	"context"

	pb "ordermanagement/gen/ordermanagement/v2"

	"ordermanagement/internal/order"
	"ordermanagement/server/rpc"
)

// Catalog implements ordermanagement.v2.CatalogService.
type Catalog struct {
	pb.UnimplementedCatalogServiceServer
	orders *order.Service
	pages  *Pages
}

// NewCatalog makes the service over the domain.
func NewCatalog(orders *order.Service, pages *Pages) *Catalog {
	return &Catalog{orders: orders, pages: pages}
}

// CreateProduct creates a product.
func (s *Catalog) CreateProduct(ctx context.Context, request *pb.CreateProductRequest) (*pb.Product, error) {
	w, err := rpc.Write(ctx, request)
	if err != nil {
		return nil, err
	}
	if request.GetProduct().GetSku() == "" {
		return nil, missing("product.sku")
	}
	content, err := productContentOf(request.GetProduct())
	if err != nil {
		return nil, rpc.InField("product", err)
	}
	result, err := s.orders.CreateProduct(ctx, w, request.GetProductId(), content)
	return s.answer(ctx, w.Tenant, result, rpc.InField("product", err))
}

// GetProduct reads a product.
func (s *Catalog) GetProduct(ctx context.Context, request *pb.GetProductRequest) (*pb.Product, error) {
	actor := rpc.Actor(ctx)
	p, err := s.orders.GetProduct(ctx, actor, idOf(request.GetName()))
	return s.answer(ctx, actor.Tenant, order.Result[*order.Product]{Value: p}, err)
}

// ListProducts lists products, the newest first.
func (s *Catalog) ListProducts(ctx context.Context, request *pb.ListProductsRequest) (*pb.ListProductsResponse, error) {
	actor := rpc.Actor(ctx)
	query := order.Query{Descending: true}
	list, err := s.pages.begin(actor.Tenant, request, &query)
	if err != nil {
		return nil, err
	}
	page, err := s.orders.ListProducts(ctx, actor, query)
	if err != nil {
		return nil, err
	}
	next := nextToken(list, page, (*order.Product).Position)
	response := &pb.ListProductsResponse{Products: make([]*pb.Product, len(page.Items)), NextPageToken: next}
	for i, p := range page.Items {
		response.Products[i] = productMessage(actor.Tenant, p)
	}
	return response, nil
}

// UpdateProduct updates fields of a product.
func (s *Catalog) UpdateProduct(ctx context.Context, request *pb.UpdateProductRequest) (*pb.Product, error) {
	w, err := rpc.Write(ctx, request)
	if err != nil {
		return nil, err
	}
	if request.GetProduct().GetName() == "" {
		return nil, missing("product.name")
	}
	w.Etag = request.GetProduct().GetEtag()
	mask, err := newMask(request.GetUpdateMask(), request.GetProduct())
	if err != nil {
		return nil, err
	}
	result, err := s.orders.UpdateProduct(ctx, w, idOf(request.GetProduct().GetName()), func(current order.ProductContent) (order.ProductContent, error) {
		updated := &pb.Product{}
		putProductContent(updated, &current)
		mask.apply(updated, request.GetProduct())
		if updated.GetSku() == "" {
			updated.Sku = current.SKU
		}
		return productContentOf(updated)
	})
	return s.answer(ctx, w.Tenant, result, rpc.InField("product", err))
}

func (s *Catalog) answer(ctx context.Context, tenant string, result order.Result[*order.Product], err error) (*pb.Product, error) {
	if err != nil {
		return nil, err
	}
	message := productMessage(tenant, result.Value)
	rpc.SetEtag(ctx, message.GetEtag())
	rpc.SetReplayed(ctx, result.Replayed)
	return message, nil
}
