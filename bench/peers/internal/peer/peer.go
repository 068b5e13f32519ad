// Package peer is what the small peer programs share: their flags, and the files behind them.
package peer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"net"
	"os"

	"google.golang.org/protobuf/proto"

	ordermanagementv2 "ordermanagement/gen/ordermanagement/v2"
)

// Flags are the flags of a peer program.
type Flags struct {
	listen, cert, key, ca, order *string
}

// Register defines the flags; flag.Parse sets them.
func Register() Flags {
	return Flags{
		listen: flag.String("listen", "", "address to listen on, HOST:PORT"),
		cert:   flag.String("cert", "", "certificate of the listener, PEM"),
		key:    flag.String("key", "", "its private key, PEM"),
		ca:     flag.String("ca", "", "authority of the server to call, PEM"),
		order:  flag.String("order", "", "file with the order to answer, as protobuf or as the body of an answer"),
	}
}

// Listen opens the listener. Like the service's, its TLS is 1.3.
func (f Flags) Listen() (net.Listener, *tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(*f.cert, *f.key)
	if err != nil {
		return nil, nil, err
	}
	listener, err := net.Listen("tcp", *f.listen)
	if err != nil {
		return nil, nil, err
	}
	return listener, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}, nil
}

// Trust is the configuration of a TLS client that trusts the authority.
func (f Flags) Trust() (*tls.Config, error) {
	pem, err := os.ReadFile(*f.ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", *f.ca)
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}, nil
}

// Body is the order's file as it is.
func (f Flags) Body() ([]byte, error) { return os.ReadFile(*f.order) }

// Service answers GetOrder with the order's file, from memory.
func (f Flags) Service() (ordermanagementv2.OrderServiceServer, error) {
	data, err := f.Body()
	if err != nil {
		return nil, err
	}
	order := new(ordermanagementv2.Order)
	if err := proto.Unmarshal(data, order); err != nil {
		return nil, fmt.Errorf("%s: %w", *f.order, err)
	}
	return service{order: order}, nil
}

type service struct {
	ordermanagementv2.UnimplementedOrderServiceServer
	order *ordermanagementv2.Order
}

// GetOrder does not look at the name: there is one order.
func (s service) GetOrder(context.Context, *ordermanagementv2.GetOrderRequest) (*ordermanagementv2.Order, error) {
	return s.order, nil
}
