// Command etcd is one etcd member with the defaults of its embed package: every Put is appended to a write-ahead log and
// synced before it is answered, those that wait together share a sync. Clients come over TLS, none has to authenticate.
//
// gRPC and the JSON gateway have listeners of their own (--listen-client-http-urls), as etcd advises: on a shared one
// gRPC would go through net/http, which is slower.
//
// It is a module of its own, so that etcd runs with the versions of its dependencies that it was released with.
package main

import (
	"context"
	"flag"
	"log"
	"net/url"
	"os/signal"
	"syscall"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
)

func main() {
	var (
		grpc  = flag.String("grpc", "", "address for gRPC, HOST:PORT")
		http  = flag.String("http", "", "address for the JSON gateway, HOST:PORT")
		peers = flag.String("peers", "", "address for other members, of which there are none, HOST:PORT")
		data  = flag.String("data", "", "data directory")
		cert  = flag.String("cert", "", "certificate of the listeners, PEM")
		key   = flag.String("key", "", "its private key, PEM")
	)
	flag.Parse()

	config := embed.NewConfig()
	config.Dir = *data
	config.LogLevel = "warn"
	config.ClientTLSInfo = transport.TLSInfo{CertFile: *cert, KeyFile: *key}
	config.ListenClientUrls = []url.URL{{Scheme: "https", Host: *grpc}}
	config.AdvertiseClientUrls = config.ListenClientUrls
	config.ListenClientHttpUrls = []url.URL{{Scheme: "https", Host: *http}}
	config.ListenPeerUrls = []url.URL{{Scheme: "http", Host: *peers}}
	config.AdvertisePeerUrls = config.ListenPeerUrls
	config.InitialCluster = config.InitialClusterFromName(config.Name)

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	member, err := embed.StartEtcd(config)
	if err != nil {
		log.Fatal(err)
	}
	defer member.Close()
	select {
	case <-ctx.Done():
	case err := <-member.Err():
		log.Fatal(err)
	}
}
