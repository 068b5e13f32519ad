package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/golang/protobuf/ptypes/wrappers"

	"ordermanagement/e2e/legacy/client2019/ecommerce"
	"ordermanagement/e2e/legacy/client2019/helloworld"
)

type stubs struct {
	orders   ecommerce.OrderManagementClient
	products ecommerce.ProductInfoClient
	greeter  helloworld.GreeterClient
}

type step struct {
	name string
	run  func(context.Context, stubs, *record) error
}

// allSteps in their order: later ones see what earlier ones wrote.
func allSteps() []step {
	return []step{
		{"sayHello", sayHello},
		{"getOrder", getOrder("102")},
		{"getOrder unknown", getOrder("nowhere")},
		{"getOrder invalid", getOrder("-1")},
		{"addOrder", addOrder(phone("2019-1", 650.5))},
		{"addOrder again", addOrder(phone("2019-1", 650.5))},
		{"addOrder taken", addOrder(phone("2019-1", 700))},
		{"addOrder invalid", addOrder(phone("-1", 1))},
		{"addOrder too fine", addOrder(phone("2019-fine", 0.001))},
		{"addOrder large", addOrder(large())},
		{"getOrder large", getOrder(large().Id)},
		{"searchOrders", searchOrders("Google")},
		{"searchOrders nothing", searchOrders("no such item")},
		{"updateOrders", updateOrders(phone("2019-1", 600), &ecommerce.Order{Id: "103", Items: []string{"Apple Watch S4",
			"Mac Book Pro", "iPad Pro"}, Destination: "San Jose, CA", Price: 2800})},
		{"updateOrders none", updateOrders(phone("2019-1", 1), phone("nowhere", 1))},
		{"getOrder updated", getOrder("2019-1")},
		{"processOrders", processOrders([]string{"102", "103", "104"}, 2, "105")},
		{"processOrders again", processOrders([]string{"104"}, 0)},
		{"processOrders unknown", processOrders([]string{"106", "2019-1", "2019-large"}, 2, "nowhere")},
		{"processOrders canceled", canceled},
		{"processOrders deadline", overdue},
		{"addProduct", addProduct},
	}
}

func choose(names []string) ([]step, error) {
	if len(names) == 0 {
		return allSteps(), nil
	}
	var chosen []step
names:
	for _, name := range names {
		for _, step := range allSteps() {
			if step.name == name {
				chosen = append(chosen, step)
				continue names
			}
		}
		return nil, fmt.Errorf("there is no step %q", name)
	}
	return chosen, nil
}

func phone(id string, price float32) *ecommerce.Order {
	return &ecommerce.Order{Id: id, Items: []string{"iPhone XS", "Mac Book Pro"}, Destination: "Austin, TX",
		Description: "two things", Price: price}
}

// large is an order that compresses well.
func large() *ecommerce.Order {
	return &ecommerce.Order{Id: "2019-large", Items: []string{"Paper"}, Destination: "Austin, TX", Price: 5,
		Description: strings.Repeat("sheet ", 600)}
}

func sayHello(ctx context.Context, stubs stubs, r *record) error {
	reply, err := stubs.greeter.SayHello(ctx, &helloworld.HelloRequest{Name: "gRPC"}, r.metadata()...)
	if err == nil {
		r.answer(reply)
	}
	return err
}

func getOrder(id string) func(context.Context, stubs, *record) error {
	return func(ctx context.Context, stubs stubs, r *record) error {
		order, err := stubs.orders.GetOrder(ctx, &wrappers.StringValue{Value: id}, r.metadata()...)
		if err == nil {
			r.answer(order)
		}
		return err
	}
}

func addOrder(order *ecommerce.Order) func(context.Context, stubs, *record) error {
	return func(ctx context.Context, stubs stubs, r *record) error {
		answer, err := stubs.orders.AddOrder(ctx, order, r.metadata()...)
		if err == nil {
			r.answer(answer)
		}
		return err
	}
}

func searchOrders(text string) func(context.Context, stubs, *record) error {
	return func(ctx context.Context, stubs stubs, r *record) error {
		stream, err := stubs.orders.SearchOrders(ctx, &wrappers.StringValue{Value: text})
		if err != nil {
			return err
		}
		defer r.of(stream)
		for {
			order, err := stream.Recv()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			r.answer(order)
		}
	}
}

func updateOrders(orders ...*ecommerce.Order) func(context.Context, stubs, *record) error {
	return func(ctx context.Context, stubs stubs, r *record) error {
		stream, err := stubs.orders.UpdateOrders(ctx)
		if err != nil {
			return err
		}
		defer r.of(stream)
		for _, order := range orders {
			if stream.Send(order) != nil {
				break // why is what CloseAndRecv says
			}
		}
		answer, err := stream.CloseAndRecv()
		if err == nil {
			r.answer(answer)
		}
		return err
	}
}

func addProduct(ctx context.Context, stubs stubs, r *record) error {
	id, err := stubs.products.AddProduct(ctx, &ecommerce.Product{Name: "Apple iPhone 11", Price: 699.99,
		Description: "Meet Apple iPhone 11."})
	if err != nil {
		return err
	}
	r.answer(id)
	product, err := stubs.products.GetProduct(ctx, id, r.metadata()...)
	if err == nil {
		r.answer(product)
	}
	return err
}

// canceled cancels a stream that the server has opened.
func canceled(ctx context.Context, stubs stubs, r *record) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := stubs.orders.ProcessOrders(ctx)
	if err != nil {
		return err
	}
	if r.Header, err = stream.Header(); err != nil {
		return err
	}
	cancel()
	_, err = stream.Recv()
	return err
}

// overdue waits on a stream that nothing comes from until its deadline.
func overdue(ctx context.Context, stubs stubs, r *record) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	stream, err := stubs.orders.ProcessOrders(ctx)
	if err != nil {
		return err
	}
	_, err = stream.Recv()
	return err
}
