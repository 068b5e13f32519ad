// Command vanguard is connectrpc.com/vanguard, which transcodes REST to gRPC in front of a grpc-go server in the same
// process, served by net/http over TLS: as its documentation shows it for gRPC servers, with default settings.
package main

import (
	"flag"
	"log"
	"net/http"

	"connectrpc.com/vanguard/vanguardgrpc"
	"google.golang.org/grpc"

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
	server := grpc.NewServer()
	ordermanagementv2.RegisterOrderServiceServer(server, service)
	transcoder, err := vanguardgrpc.NewTranscoder(server)
	if err != nil {
		log.Fatal(err)
	}
	front := &http.Server{Handler: transcoder, TLSConfig: config}
	log.Fatal(front.ServeTLS(listener, "", ""))
}
