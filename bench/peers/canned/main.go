// Command canned is an HTTPS server that answers every request with the same bytes: net/http with its default settings
// and a handler that does nothing else. No HTTP service in Go on net/http can be faster.
package main

import (
	"flag"
	"log"
	"net/http"

	"ordermanagement/bench/peers/internal/peer"
)

func main() {
	flags := peer.Register()
	flag.Parse()
	body, err := flags.Body()
	if err != nil {
		log.Fatal(err)
	}
	listener, config, err := flags.Listen()
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{TLSConfig: config, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(body) // an error here is the client's, which counts it
	})}
	log.Fatal(server.ServeTLS(listener, "", ""))
}
