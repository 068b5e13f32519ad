package order

import (
	"context"
	"fmt"
	"strconv"
)

// complete fills in what the caller left out of the lines of a new or changed draft (ids, and what is copied from
// products), and refuses lines that make no sense.
// The lines before keep their ids for themselves: a new line must not be taken for one that was removed.
func (s *Service) complete(ctx context.Context, tenant string, c *Content, before []Line, quoted bool) error {
	if _, ok := Digits(c.Currency); !ok {
		if c.Currency == "" {
			return invalid("currency_code", "is required")
		}
		return unknownCurrency(c.Currency).at("currency_code")
	}
	products, err := s.products(ctx, tenant, c.Lines)
	if err != nil {
		return err
	}
	taken := make(map[string]bool, len(c.Lines))
	for i := range c.Lines {
		if id := c.Lines[i].ID; id != "" {
			if taken[id] {
				return invalid(lineField(i, "id"), "%q is the id of another line", id)
			}
			taken[id] = true
		}
	}
	for _, line := range before {
		taken[line.ID] = true
	}
	next := 1
	for i := range c.Lines {
		line := &c.Lines[i]
		if line.ProductID != "" {
			product := products[line.ProductID]
			if product == nil {
				return invalid(lineField(i, "product"), "%s does not exist", ProductName(line.ProductID))
			}
			if err := line.copyFrom(product, c.Currency, i); err != nil {
				return err
			}
		}
		if line.Title == "" {
			return invalid(lineField(i, "title"), "is required for a line without a product")
		}
		if line.UnitPrice == nil && !quoted {
			return invalid(lineField(i, "unit_price"), "is required for a line without a product")
		}
		for ; line.ID == ""; next++ {
			if id := strconv.Itoa(next); !taken[id] {
				line.ID = id
			}
		}
	}
	return nil
}

func (s *Service) products(ctx context.Context, tenant string, lines []Line) (map[string]*Product, error) {
	var ids []string
	for _, line := range lines {
		if line.ProductID != "" {
			ids = append(ids, line.ProductID)
		}
	}
	if ids == nil {
		return nil, nil
	}
	return s.store.Products().GetMany(ctx, tenant, ids)
}

// copyFrom takes the snapshot of the product that a line keeps, whatever becomes of the product.
func (l *Line) copyFrom(p *Product, currency string, i int) error {
	if l.SKU != "" && l.SKU != p.SKU {
		return invalid(lineField(i, "sku"), "is %q, but %s has the sku %q; leave it out", l.SKU, ProductName(p.ID), p.SKU)
	}
	l.SKU = p.SKU
	if l.Title == "" {
		l.Title = p.Title
	}
	if l.UnitPrice == nil {
		if p.Price.Currency != currency {
			return (&Error{Reason: CurrencyMismatch, Message: fmt.Sprintf("%s costs %s, the order is in %s; give a unit_price", ProductName(p.ID), p.Price.Currency, currency)}).at(lineField(i, "product"))
		}
		price := p.Price.Amount
		l.UnitPrice = &price
	}
	return nil
}

// Total is quantity × unit price - discount + tax; false for a line that has no price of its own.
func (l *LineContent) Total() (Amount, bool) {
	if l.UnitPrice == nil {
		return 0, false
	}
	return *l.UnitPrice*Amount(l.Quantity) - l.Discount + l.Tax, true
}

// total computes what the order costs. Everything is in whole minor units already, so nothing is rounded.
func (o *Order) total() (Totals, error) {
	var t Totals
	if o.ShippingCharge < 0 {
		return t, invalid("shipping_charge", "must not be negative")
	}
	for i := range o.Lines {
		gross, err := o.Lines[i].gross(i)
		if err != nil {
			return t, err
		}
		if !accumulate(&t.Subtotal, gross) || !accumulate(&t.Discount, o.Lines[i].Discount) || !accumulate(&t.Tax, o.Lines[i].Tax) {
			return t, outOfRange().at("totals")
		}
	}
	t.Shipping = o.ShippingCharge
	t.Total = t.Subtotal - t.Discount
	if !accumulate(&t.Total, t.Tax) || !accumulate(&t.Total, t.Shipping) {
		return t, outOfRange().at("totals")
	}
	if o.QuotedTotal != nil {
		t.Subtotal, t.Total = *o.QuotedTotal, *o.QuotedTotal
	}
	return t, nil
}

// gross is quantity × unit price; an error when the line is not worth a total.
func (l *LineContent) gross(i int) (Amount, error) {
	var price Amount
	if l.UnitPrice != nil {
		price = *l.UnitPrice
	}
	switch {
	case price < 0:
		return 0, invalid(lineField(i, "unit_price"), "must not be negative")
	case l.Discount < 0:
		return 0, invalid(lineField(i, "discount"), "must not be negative")
	case l.Tax < 0:
		return 0, invalid(lineField(i, "tax"), "must not be negative")
	}
	gross, ok := mul(price, l.Quantity)
	if !ok {
		return 0, outOfRange().at(lineField(i, "unit_price"))
	}
	if l.Discount > gross {
		return 0, invalid(lineField(i, "discount"), "is more than the line costs")
	}
	if _, ok := add(gross-l.Discount, l.Tax); !ok {
		return 0, outOfRange().at(lineField(i, "tax"))
	}
	return gross, nil
}

// accumulate adds to a sum; false when that overflows.
func accumulate(sum *Amount, part Amount) bool {
	var ok bool
	*sum, ok = add(*sum, part)
	return ok
}

func lineField(i int, field string) string {
	return "line_items[" + strconv.Itoa(i) + "]." + field
}
