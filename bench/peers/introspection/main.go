// Command introspection says of opaque tokens who their callers are (RFC 7662), of those that begin as active ones do. It
// is no contestant, but what one of them asks.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"net/http"
	"strings"

	"ordermanagement/bench/callers"
	"ordermanagement/bench/peers/internal/peer"
)

type answer struct {
	Active bool `json:"active"`
	*callers.Claims
}

func main() {
	flags := peer.Register()
	flag.Parse()
	listener, config, err := flags.Listen()
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{TLSConfig: config, Handler: http.HandlerFunc(introspect)}
	log.Fatal(server.ServeTLS(listener, "", ""))
}

func introspect(w http.ResponseWriter, r *http.Request) {
	if id, secret, _ := r.BasicAuth(); id != callers.ClientID || secret != callers.ClientSecret {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var a answer
	if strings.HasPrefix(r.PostFormValue("token"), callers.ActivePrefix) {
		claims := callers.NewClaims()
		a = answer{Active: true, Claims: &claims}
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(a); err != nil {
		log.Print(err)
	}
}
