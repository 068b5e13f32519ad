package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io/ioutil"

	"golang.org/x/oauth2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/oauth"
)

// security is how the client connects, and who it says that it is, in each way that clients of 2019 have.
type security struct {
	plaintext            bool
	ca, serverName       string
	certificate, key     string
	token, oauth2, basic string
}

func (s *security) flags(flags *flag.FlagSet) {
	flags.BoolVar(&s.plaintext, "plaintext", false, "connect without TLS")
	flags.StringVar(&s.ca, "ca", "", "the file of the authority to trust; needed unless -plaintext")
	flags.StringVar(&s.serverName, "server-name", "", "the name in the server's certificate, if it isn't the host of -address")
	flags.StringVar(&s.certificate, "cert", "", "the file of a client certificate")
	flags.StringVar(&s.key, "key", "", "the file of its key")
	flags.StringVar(&s.token, "token", "", "a bearer token to show with every call")
	flags.StringVar(&s.oauth2, "oauth2", "", "a token to show with every call through golang.org/x/oauth2")
	flags.StringVar(&s.basic, "basic", "", "a USER:PASSWORD to show with every call")
}

func (s *security) dialOptions() ([]grpc.DialOption, error) {
	if s.plaintext {
		if *s != (security{plaintext: true}) {
			return nil, errors.New("everything else about security needs TLS")
		}
		return []grpc.DialOption{grpc.WithInsecure()}, nil
	}
	transport, err := s.transport()
	if err != nil {
		return nil, err
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(transport)}
	if s.token != "" {
		options = append(options, grpc.WithPerRPCCredentials(authorization("Bearer "+s.token)))
	}
	if s.oauth2 != "" {
		options = append(options, grpc.WithPerRPCCredentials(oauth.NewOauthAccess(&oauth2.Token{AccessToken: s.oauth2})))
	}
	if s.basic != "" {
		options = append(options, grpc.WithPerRPCCredentials(authorization("Basic "+base64.StdEncoding.EncodeToString([]byte(s.basic)))))
	}
	return options, nil
}

// transport is TLS of one side, or of both if there is a client certificate.
func (s *security) transport() (credentials.TransportCredentials, error) {
	if s.certificate == "" {
		return credentials.NewClientTLSFromFile(s.ca, s.serverName)
	}
	certificate, err := tls.LoadX509KeyPair(s.certificate, s.key)
	if err != nil {
		return nil, err
	}
	authority, err := ioutil.ReadFile(s.ca)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s holds no certificate", s.ca)
	}
	return credentials.NewTLS(&tls.Config{ServerName: s.serverName, Certificates: []tls.Certificate{certificate}, RootCAs: pool}), nil
}

// authorization is the value of that name, sent with every call.
type authorization string

func (a authorization) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": string(a)}, nil
}

func (authorization) RequireTransportSecurity() bool { return true }
