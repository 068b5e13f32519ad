package main

import (
	"context"
	"errors"
	"fmt"

	orderv1 "ordermanagement/gen/ordermanagement/v1"
	"ordermanagement/internal/auth"
	"ordermanagement/internal/order"
)

// sampleOrder is an order of the book "gRPC: Up and Running", on whose contract v1 is built.
type sampleOrder struct {
	id          string
	items       []string
	destination string
	total       int64 // whole units of v1's currency
}

func sampleOrders() []sampleOrder {
	return []sampleOrder{
		{"102", []string{"Google Pixel 3A", "Mac Book Pro"}, "Mountain View, CA", 1800},
		{"103", []string{"Apple Watch S4"}, "San Jose, CA", 400},
		{"104", []string{"Google Home Mini", "Google Nest Hub"}, "Mountain View, CA", 400},
		{"105", []string{"Amazon Echo"}, "San Jose, CA", 30},
		{"106", []string{"Amazon Echo", "Apple iPhone XS"}, "Mountain View, CA", 300},
	}
}

// loadSampleData adds the sample orders whose id is not there yet, as v1 would.
func loadSampleData(ctx context.Context, service *order.Service, currency string) error {
	write := order.Write{
		Actor:  order.Actor{Tenant: auth.DefaultTenant, Subject: programName + " --sample-data"},
		Method: orderv1.OrderManagement_AddOrder_FullMethodName,
	}
	for _, sample := range sampleOrders() {
		total, refusal := order.AmountFromNanos(currency, sample.total, 0)
		if refusal != nil {
			return fmt.Errorf("order %s: %w", sample.id, refusal)
		}
		content := order.Content{Destination: sample.destination, Currency: currency}
		for _, item := range sample.items {
			content.Lines = append(content.Lines, order.Line{LineContent: order.LineContent{Title: item, Quantity: 1}})
		}
		_, err := service.AddQuoted(ctx, write, order.Quoted{ID: sample.id, Content: content, Total: total})
		if err != nil && !errors.Is(err, &order.Error{Reason: order.ResourceAlreadyExists}) {
			return fmt.Errorf("order %s: %w", sample.id, err)
		}
	}
	return nil
}
