package order

import (
	"context"
	"maps"
	"reflect"
	"time"
)

// GetProduct reads a product. It is to be shown only: others share it.
func (s *Service) GetProduct(ctx context.Context, actor Actor, id string) (*Product, error) {
	p, err := s.store.Products().View(ctx, actor.Tenant, id)
	return p, orNotFound(err, ProductName(id))
}

// ownProduct reads a product that may be changed.
func (s *Service) ownProduct(ctx context.Context, actor Actor, id string) (*Product, error) {
	p, err := s.store.Products().Get(ctx, actor.Tenant, id)
	return p, orNotFound(err, ProductName(id))
}

// ListProducts reads a page of products.
func (s *Service) ListProducts(ctx context.Context, actor Actor, query Query) (Page[Product], error) {
	return s.store.Products().List(ctx, actor.Tenant, query)
}

// CreateProduct makes a product. The id is the caller's, or made here when it is empty; a product without a sku, as v1
// makes them, has its id for one.
func (s *Service) CreateProduct(ctx context.Context, w Write, id string, content ProductContent) (Result[*Product], error) {
	return writeOne(ctx, s, w, s.store.Products(), func(_ context.Context, now time.Time) (*Product, *Change, error) {
		if err := w.checkNew(); err != nil {
			return nil, nil, err
		}
		p := &Product{ID: id, ProductContent: content.clone()}
		if id == "" {
			var err error
			if p.ID, err = s.newID(now); err != nil {
				return nil, nil, err
			}
		}
		if p.SKU == "" {
			p.SKU = p.ID
		}
		if err := p.check(); err != nil {
			return nil, nil, err
		}
		return p, &Change{Products: []*Product{p}}, nil
	})
}

// UpdateProduct changes what the caller writes. Orders keep what they copied.
func (s *Service) UpdateProduct(ctx context.Context, w Write, id string, edit func(ProductContent) (ProductContent, error)) (Result[*Product], error) {
	return writeOne(ctx, s, w, s.store.Products(), func(ctx context.Context, _ time.Time) (*Product, *Change, error) {
		p, err := s.ownProduct(ctx, w.Actor, id)
		if err != nil {
			return nil, nil, err
		}
		if err := w.checkEtag(ProductName(id), &p.Stamp); err != nil {
			return nil, nil, err
		}
		content, err := edit(p.ProductContent.clone())
		if err != nil {
			return nil, nil, err
		}
		if content.SKU != p.SKU {
			return nil, nil, invalid("sku", "can't change; it is %s", p.SKU)
		}
		before := *p
		p.ProductContent = content.clone()
		if err := p.check(); err != nil {
			return nil, nil, err
		}
		if reflect.DeepEqual(before, *p) {
			return p, w.found(Ref{KindProduct, p.ID, p.Version}), nil
		}
		return p, &Change{Products: []*Product{p}}, nil
	})
}

func (c *ProductContent) check() error {
	switch {
	case c.Title == "":
		return invalid("title", "is required")
	case c.Price.Currency == "":
		return invalid("price", "is required")
	case c.Price.Amount < 0:
		return invalid("price", "must not be negative")
	}
	return nil
}

func (c ProductContent) clone() ProductContent {
	c.Labels = maps.Clone(c.Labels)
	c.Annotations = maps.Clone(c.Annotations)
	return c
}
