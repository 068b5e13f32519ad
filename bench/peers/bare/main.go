// Command bare is a gRPC server that does nothing but answer GetOrder with an order from memory: grpc-go with its
// default settings, TLS, and no interceptor. It is the floor under every gRPC service in Go.
package main

import (
	"flag"
	"log"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	ordermanagementv2 "ordermanagement/gen/ordermanagement/v2"

	"ordermanagement/bench/peers/internal/peer"
)

func main() {
	flags := peer.Register()
	flag.Parse()
	service, err := flags.Service()
	if err != nil {
		log.Fatal(err)
	}
	listener, config, err := flags.Listen()
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(config)))
	ordermanagementv2.RegisterOrderServiceServer(server, service)
	log.Fatal(server.Serve(listener))
}
