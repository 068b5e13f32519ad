// Package v1 translates the legacy contract to the domain and back. One value answers under both names of a service:
// the messages of `ecommerce` are those of `ordermanagement.v1`, so the handlers are the same.
package v1

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"ordermanagement/internal/order"
	"ordermanagement/server/rpc"
)

// Settings is what v1 is made of.
type Settings struct {
	Orders   *order.Service
	Currency string // of v1's prices (ISO 4217)
	Location string // what answers carry as the header "location"
	// Check applies the field rules that the contract states for a message.
	Check func(proto.Message) error
}

// V1 is what the services of v1 share.
type V1 struct {
	Settings
}

// New checks the settings.
func New(s Settings) (*V1, error) {
	if _, ok := order.Digits(s.Currency); !ok {
		return nil, &order.Error{Reason: order.InvalidField, Message: "v1's currency " + s.Currency + " is not one of ISO 4217"}
	}
	return &V1{s}, nil
}

// mark sets the headers that every answer of v1 carries; more may be added until it is sent.
func (v *V1) mark(ctx context.Context) {
	rpc.SetHeader(ctx, "timestamp", timestamp())
	rpc.SetHeader(ctx, "location", v.Location)
}

// openStream sends the headers of a stream, so that a client that waits for them need not send anything first.
func (v *V1) openStream(stream grpc.ServerStream) error {
	v.mark(stream.Context())
	return stream.SendHeader(nil)
}

// closeStream sets the trailer of a stream when it ends.
func (v *V1) closeStream(stream grpc.ServerStream) {
	stream.SetTrailer(metadata.Pairs("timestamp", timestamp()))
}

func timestamp() string { return time.Now().Format(time.StampNano) }
