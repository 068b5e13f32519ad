package main

import (
	"context"
	"errors"
	"io"

	"github.com/golang/protobuf/ptypes/wrappers"
)

// processOrders sends ids, pauses until so many shipments have come back for them while the stream stays open, sends
// the rest and closes its side. It reads all the time.
func processOrders(ids []string, shipments int, rest ...string) func(context.Context, stubs, *record) error {
	return func(ctx context.Context, stubs stubs, r *record) error {
		stream, err := stubs.orders.ProcessOrders(ctx)
		if err != nil {
			return err
		}
		send := func(ids []string) {
			for _, id := range ids {
				if stream.Send(&wrappers.StringValue{Value: id}) != nil {
					return // why is what Recv says
				}
			}
		}

		arrived, ended := make(chan struct{}, len(ids)+len(rest)), make(chan error, 1)
		go func() {
			for {
				shipment, err := stream.Recv()
				if err == io.EOF {
					err = nil
				} else if err == nil {
					r.answer(shipment)
					arrived <- struct{}{}
					continue
				}
				r.of(stream)
				ended <- err
				return
			}
		}()

		send(ids)
		for i := 0; i < shipments; i++ {
			select {
			case <-arrived:
			case err := <-ended:
				if err == nil {
					err = errors.New("the stream ended before the client closed its side")
				}
				return err
			}
		}
		send(rest)
		stream.CloseSend()
		return <-ended
	}
}
