package certs_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"ordermanagement/certs"
)

func pool(authority *certs.Authority) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(authority.Certificate())
	return pool
}

// serveRaw serves a pair as it is, whatever ServerConfig would say about it.
func serveRaw(t *testing.T, pair certs.Pair) (address string) {
	t.Helper()
	loaded, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	must(t, err)
	return listen(t, &tls.Config{Certificates: []tls.Certificate{loaded}})
}

// Every case is tried with the client of this package and with crypto/tls's own verification, which it has to equal.
func TestClientVerifies(t *testing.T) {
	clock := newClock()
	authority, stranger := newAuthority(t, clock), newAuthority(t, clock)
	other := certs.LeafRequest{CommonName: "localhost", Server: true, DNSNames: []string{"other.test"}, IPs: []net.IP{net.IPv4(127, 0, 0, 2)}}
	named := certs.LeafRequest{CommonName: "127.0.0.1", Server: true, DNSNames: []string{"localhost"}}
	addressed := certs.LeafRequest{CommonName: "localhost", Server: true, IPs: []net.IP{net.IPv4(127, 0, 0, 1)}}
	wrongUse := forServer("localhost")
	wrongUse.Server, wrongUse.Client = false, true
	short := forServer("localhost")
	short.Validity = time.Hour
	both := forServer("localhost")
	both.Client = true
	expired := issue(t, authority, short)
	clock.Advance(2 * time.Hour)
	now := clock.Now()
	clock.Advance(48 * time.Hour)
	future := issue(t, authority, forServer("localhost"))
	clock.Advance(now.Sub(clock.Now()))

	tests := map[string]struct {
		pair certs.Pair
		good []string // names it is accepted for
	}{
		"good":                   {issue(t, authority, forServer("x")), []string{"localhost", "127.0.0.1"}},
		"for both uses":          {issue(t, authority, both), []string{"localhost", "127.0.0.1"}},
		"name only":              {issue(t, authority, named), []string{"localhost"}},
		"address only":           {issue(t, authority, addressed), []string{"127.0.0.1"}},
		"other names":            {issue(t, authority, other), []string{"127.0.0.2"}},
		"wrong CA":               {issue(t, stranger, forServer("x")), nil},
		"expired":                {expired, nil},
		"not yet valid":          {future, nil},
		"wrong use":              {issue(t, authority, wrongUse), nil},
		"the CA's own":           {pairOf(t, authority), nil},
		"a stranger's CA itself": {pairOf(t, stranger), nil},
	}
	hosts := map[string]string{ // and what they mean
		"localhost": "localhost", "localhost.": "localhost", "LOCALHOST": "localhost", "nowhere.test": "nowhere.test",
		"127.0.0.1": "127.0.0.1", "[127.0.0.1]": "127.0.0.1", "127.0.0.2": "127.0.0.2", "::1": "::1",
	}
	f := newFiles(t)
	f.writeCA(t, authority)
	for name, test := range tests {
		address := serveRaw(t, test.pair)
		for host, means := range hosts {
			accepted := slices.Contains(test.good, means)
			reference := &tls.Config{RootCAs: pool(authority), ServerName: host, Time: clock.Now}
			if _, err := dial(t, address, reference); (err == nil) != accepted {
				t.Fatalf("%s as %s: the reference says %v", name, host, err)
			}
			config, err := certs.ClientConfig(certs.ClientOptions{CAFile: f.ca(), ServerName: host, Now: clock.Now})
			must(t, err)
			_, err = dial(t, address, config)
			if invalid := (*tls.CertificateVerificationError)(nil); (err == nil) != accepted || err != nil && !errors.As(err, &invalid) {
				t.Errorf("%s as %s: accepted should be %t, got %v", name, host, accepted, err)
			}
			// The name set afterwards, as tls.Dial, net/http and gRPC set it. An address can't be verified then.
			config, err = certs.ClientConfig(certs.ClientOptions{CAFile: f.ca(), Now: clock.Now})
			must(t, err)
			config = config.Clone()
			config.ServerName = host
			accepted = accepted && net.ParseIP(means) == nil
			if _, err = dial(t, address, config); (err == nil) != accepted {
				t.Errorf("%s as %s, set on a clone: accepted should be %t, got %v", name, host, accepted, err)
			}
		}
	}
}

// There is no combination of names with which a server's certificate is accepted for no name at all.
func TestClientNeedsAName(t *testing.T) {
	clock := newClock()
	f, authority := newFiles(t), newAuthority(t, clock)
	f.writeCA(t, authority)
	other := certs.LeafRequest{Server: true, DNSNames: []string{"other.test"}, IPs: []net.IP{net.IPv4(127, 0, 0, 2)}}
	address := serveRaw(t, issue(t, authority, other))
	tests := map[string]struct {
		configured, cloned string
		says               string // accepted if empty
	}{
		"the right name":                     {"other.test", "other.test", ""},
		"the clone's name counts":            {"localhost", "other.test", ""},
		"the clone's name is wrong":          {"other.test", "localhost", "not localhost"},
		"the address counts, whatever dials": {"127.0.0.2", "127.0.0.1", ""},
		"no name":                            {"", "", "set the address as the server name"},
		"only dots":                          {"", "...", "set the address as the server name"},
		"an address for a name":              {"other.test", "127.0.0.2", "set the address as the server name"},
		"a bracketed address for a name":     {"other.test", "[::1]", "set the address as the server name"},
		"an address with a zone for a name":  {"other.test", "fe80::1%lo", "set the address as the server name"},
		"nothing for a name":                 {"other.test", "", "set the address as the server name"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			config, err := certs.ClientConfig(certs.ClientOptions{CAFile: f.ca(), ServerName: test.configured, Now: clock.Now})
			must(t, err)
			config = config.Clone()
			config.ServerName = test.cloned
			raw, err := net.Dial("tcp", address)
			must(t, err)
			defer raw.Close()
			err = tls.Client(raw, config).Handshake()
			if test.says == "" {
				must(t, err)
			} else {
				refused(t, err, test.says)
			}
		})
	}
}

func TestClientUsesTheSystemsRoots(t *testing.T) {
	f := newFiles(t)
	config, err := certs.ClientConfig(certs.ClientOptions{})
	must(t, err)
	f.writePair(t, issue(t, newAuthority(t, newClock()), forServer("x")))
	server, err := certs.ServerConfig(certs.ServerOptions{CertFile: f.cert(), KeyFile: f.key()})
	must(t, err)
	_, err = dial(t, listen(t, server), config)
	if unknown := (x509.UnknownAuthorityError{}); !errors.As(err, &unknown) {
		t.Errorf("a development certificate is met with %v", err)
	}
}

func TestClientVerifiesChains(t *testing.T) {
	f := newFiles(t)
	newCA := func(name string, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true,
			BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
		if parent == nil {
			parent, signer = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
		must(t, err)
		certificate, err := x509.ParseCertificate(der)
		must(t, err)
		return certificate, key
	}
	encode := func(c *x509.Certificate) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	root, rootKey := newCA("root", nil, nil)
	middle, middleKey := newCA("middle", root, rootKey)
	der, err := x509.MarshalPKCS8PrivateKey(middleKey)
	must(t, err)
	f.writePair(t, certs.Pair{Certificate: encode(middle), Key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})})
	authority, err := certs.LoadAuthority(f.cert(), f.key(), nil)
	must(t, err)
	leaf := issue(t, authority, forServer("server"))
	write(t, f.ca(), encode(root))
	config, err := certs.ClientConfig(certs.ClientOptions{CAFile: f.ca()})
	must(t, err)
	config.ServerName = "localhost"

	_, err = dial(t, serveRaw(t, leaf), config)
	refused(t, err, "unknown authority")
	leaf.Certificate = append(leaf.Certificate, encode(middle)...)
	f.writePair(t, leaf)
	server, err := certs.ServerConfig(certs.ServerOptions{CertFile: f.cert(), KeyFile: f.key()})
	must(t, err)
	_, err = dial(t, listen(t, server), config)
	must(t, err)
}

func TestClientReloads(t *testing.T) {
	r := startReloading(t, certs.ClientAuthRequired)
	c := newFiles(t)
	c.writePair(t, issue(t, r.authority, forClient("first")))
	c.writeCA(t, r.authority)
	config, err := certs.ClientConfig(certs.ClientOptions{CAFile: c.ca(), CertFile: c.cert(), KeyFile: c.key(),
		ServerName: "127.0.0.1", Now: r.clock.Now, Logger: r.log.Logger()})
	must(t, err)
	config.ClientSessionCache = tls.NewLRUClientSessionCache(8) // resumed sessions are verified too
	greeted := func(want string) *call {
		t.Helper()
		call, err := dial(t, r.address, config)
		must(t, err)
		if call.greeting != want {
			t.Errorf("the server says %q, want %q", call.greeting, want)
		}
		return call
	}
	open := greeted("first resumed=false")
	greeted("first resumed=true")
	config.ClientSessionCache = nil

	second := issue(t, r.authority, forClient("second"))
	write(t, c.cert(), second.Certificate)
	r.clock.Advance(time.Second)
	greeted("first resumed=false")
	if got := r.log.Lines("level=WARN", c.cert()); got != 1 {
		t.Errorf("%d warnings, want 1", got)
	}
	write(t, c.key(), second.Key)
	r.clock.Advance(time.Second)
	greeted("second resumed=false")

	config.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	greeted("second resumed=false")
	greeted("second resumed=true")
	c.writeCA(t, newAuthority(t, r.clock))
	r.clock.Advance(time.Second)
	_, err = dial(t, r.address, config)
	refused(t, err, "unknown authority")
	write(t, c.ca(), nil)
	r.clock.Advance(time.Second)
	_, err = dial(t, r.address, config)
	refused(t, err, "unknown authority")
	c.writeCA(t, r.authority)
	r.clock.Advance(time.Second)
	greeted("second resumed=false") // crypto/tls forgets a session that failed
	open.echo(t, "a connection lives on")
}

func TestClientConfigRefuses(t *testing.T) {
	f, authority := newFiles(t), newAuthority(t, newClock())
	f.writePair(t, issue(t, authority, forServer("server")))
	f.writeCA(t, authority)
	tests := map[string]struct {
		opts certs.ClientOptions
		says string
	}{
		"absent CA":        {certs.ClientOptions{CAFile: f.path("absent.crt")}, "absent.crt"},
		"a key as CA":      {certs.ClientOptions{CAFile: f.key()}, "PRIVATE KEY"},
		"cert without key": {certs.ClientOptions{CertFile: f.cert()}, "both or none"},
		"key without cert": {certs.ClientOptions{KeyFile: f.key()}, "both or none"},
		"a server's pair":  {certs.ClientOptions{CertFile: f.cert(), KeyFile: f.key()}, "not for a TLS client"},
		"TLS 1.0":          {certs.ClientOptions{CAFile: f.ca(), MinVersion: tls.VersionTLS10}, "TLS 1.0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := certs.ClientConfig(test.opts)
			refused(t, err, test.says)
		})
	}
}

func TestClientVersions(t *testing.T) {
	clock := newClock()
	f, authority := newFiles(t), newAuthority(t, clock)
	f.writeCA(t, authority)
	pair := issue(t, authority, forServer("x"))
	loaded, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	must(t, err)
	address := listen(t, &tls.Config{Certificates: []tls.Certificate{loaded}, MaxVersion: tls.VersionTLS12})
	for lowest, accepted := range map[uint16]bool{0: false, tls.VersionTLS13: false, tls.VersionTLS12: true} {
		config, err := certs.ClientConfig(certs.ClientOptions{CAFile: f.ca(), ServerName: "localhost", MinVersion: lowest})
		must(t, err)
		if _, err := dial(t, address, config); (err == nil) != accepted {
			t.Errorf("lowest %s: accepted is %t, and got %v", tls.VersionName(lowest), accepted, err)
		}
	}
}

// The configurations as net/http uses them, with HTTP/2.
func TestHTTP(t *testing.T) {
	dir := t.TempDir()
	d, _ := ensure(t, dir, certs.DevelopmentOptions{})
	serverConfig, err := certs.ServerConfig(certs.ServerOptions{CertFile: d.ServerCertFile, KeyFile: d.ServerKeyFile,
		ClientCAFile: d.CAFile, ClientAuth: certs.ClientAuthOptional})
	must(t, err)
	clientConfig, err := certs.ClientConfig(certs.ClientOptions{CAFile: d.CAFile, CertFile: d.GatewayCertFile, KeyFile: d.GatewayKeyFile})
	must(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := &http.Server{TLSConfig: serverConfig, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Caller", r.TLS.VerifiedChains[0][0].URIs[0].String())
	})}
	var group sync.WaitGroup
	group.Go(func() { server.ServeTLS(listener, "", "") })
	defer group.Wait()
	defer server.Close()
	transport := &http.Transport{TLSClientConfig: clientConfig, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	must(t, err)
	answer, err := (&http.Client{Transport: transport}).Get("https://localhost:" + port)
	must(t, err)
	answer.Body.Close()
	if answer.ProtoMajor != 2 || answer.Header.Get("Caller") != certs.GatewayURI {
		t.Errorf("%s, caller %q", answer.Proto, answer.Header.Get("Caller"))
	}
}
