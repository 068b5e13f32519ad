// Package greeter greets: the first thing to call when trying out a connection.
package greeter

import (
	"context"

	"ordermanagement/gen/helloworld"
)

// Greeter implements helloworld.Greeter.
type Greeter struct {
	helloworld.UnimplementedGreeterServer
}

// SayHello answers "Hello NAME".
func (*Greeter) SayHello(_ context.Context, request *helloworld.HelloRequest) (*helloworld.HelloReply, error) {
	return &helloworld.HelloReply{Message: "Hello " + request.GetName()}, nil
}
