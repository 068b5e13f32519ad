// Command stockgateway is a grpc-gateway as its documentation shows it: the generated handlers on a mux with default
// options, before a gRPC server that it calls over TLS, served by net/http over TLS.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	ordermanagementv2 "ordermanagement/gen/ordermanagement/v2"

	"ordermanagement/bench/peers/internal/peer"
)

func main() {
	flags := peer.Register()
	server := flag.String("server", "", "gRPC server to call, HOST:PORT")
	flag.Parse()
	listener, config, err := flags.Listen()
	if err != nil {
		log.Fatal(err)
	}
	trust, err := flags.Trust()
	if err != nil {
		log.Fatal(err)
	}
	mux := runtime.NewServeMux()
	options := []grpc.DialOption{grpc.WithTransportCredentials(credentials.NewTLS(trust))}
	if err := ordermanagementv2.RegisterOrderServiceHandlerFromEndpoint(context.Background(), mux, *server, options); err != nil {
		log.Fatal(err)
	}
	gateway := &http.Server{Handler: mux, TLSConfig: config}
	log.Fatal(gateway.ServeTLS(listener, "", ""))
}
