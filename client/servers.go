package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/health" // watches the health of servers
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
)

// listScheme is the scheme of a connection's own resolver for a list of servers.
const listScheme = "servers"

// balanced is the service config (https://github.com/grpc/grpc/blob/master/doc/service_config.md) of several servers.
const balanced = `{"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ""}}`

// Balanced spreads calls over all addresses of the target by turns and leaves those out whose server says, by the health
// service, that it doesn't serve, or is going to stop. It is what lists of servers get. Give it for names, as in
// dns:///orders.example.com:50051, whose addresses are the servers' own; not for the address of a proxy, which chooses by
// itself.
func Balanced() Option { return Dial(grpc.WithDefaultServiceConfig(balanced)) }

// CheckTarget says what is wrong with a target that is a list of servers.
func CheckTarget(target string) error {
	_, err := servers(target)
	return err
}

// servers are the addresses of a target that is a list, HOST:PORT,HOST:PORT; nil if it isn't one.
func servers(target string) ([]string, error) {
	if !strings.Contains(target, ",") || strings.Contains(target, "/") {
		return nil, nil
	}
	list := strings.Split(target, ",")
	seen := make(map[string]bool, len(list))
	for i, address := range list {
		list[i] = strings.TrimSpace(address)
		host, port, err := net.SplitHostPort(list[i])
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if err != nil || host == "" {
			return nil, fmt.Errorf("%q is no server: list servers as HOST:PORT,HOST:PORT", address)
		}
		if seen[list[i]] {
			return nil, fmt.Errorf("the server %s is in the list twice", list[i])
		}
		seen[list[i]] = true
	}
	return list, nil
}

// resolve makes the resolver of a list. Each server has to show a certificate for its own host, unless all have the name.
func resolve(list []string, name string) resolver.Builder {
	var state resolver.State
	for _, address := range list {
		state.Addresses = append(state.Addresses, resolver.Address{Addr: address, ServerName: cmp.Or(name, address)})
	}
	names := manual.NewBuilderWithScheme(listScheme)
	names.InitialState(state)
	return names
}

// perServer are the credentials for each server of a list: crypto/tls does not tell a verification which IP address was
// dialled, so each needs its own. It never changes.
type perServer struct {
	credentials.TransportCredentials                                             // what they have in common
	servers                          map[string]credentials.TransportCredentials // by resolver.Address.ServerName
}

func (p perServer) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	server := p.servers[authority]
	if server == nil {
		return nil, nil, errors.New("client: a list of servers can't be combined with another authority")
	}
	return server.ClientHandshake(ctx, authority, conn)
}

func (p perServer) Clone() credentials.TransportCredentials { return p }
