package certs_test

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"ordermanagement/certs"
)

// trusting is a client that trusts the authorities of a bundle, and shows a pair if there is one. It is crypto/tls's
// own, so that the server isn't tested with what this package makes of a client.
func trusting(t *testing.T, clock *clock, authority *certs.Authority, shows ...certs.Pair) *tls.Config {
	t.Helper()
	config := &tls.Config{RootCAs: pool(authority), ServerName: "localhost", Time: clock.Now}
	for _, pair := range shows {
		loaded, err := tls.X509KeyPair(pair.Certificate, pair.Key)
		must(t, err)
		// Whatever authorities the server names.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &loaded, nil }
	}
	return config
}

func TestServerClientAuth(t *testing.T) {
	clock := newClock()
	authority, stranger := newAuthority(t, clock), newAuthority(t, clock)
	short := forClient("short")
	short.Validity = time.Hour
	shown := map[string][]certs.Pair{
		"nothing":       nil,
		"good":          {issue(t, authority, forClient("caller"))},
		"stranger's":    {issue(t, stranger, forClient("caller"))},
		"expired":       {issue(t, authority, short)},
		"a server's":    {issue(t, authority, forServer("caller"))},
		"the authority": {pairOf(t, stranger)},
	}
	clock.Advance(2 * time.Hour)
	tests := map[certs.ClientAuth]map[string]string{ // who the server sees; refused if absent
		"":                       {"nothing": "nobody", "good": "nobody", "stranger's": "nobody", "expired": "nobody", "a server's": "nobody", "the authority": "nobody"},
		certs.ClientAuthOff:      {"nothing": "nobody", "good": "nobody", "stranger's": "nobody", "expired": "nobody", "a server's": "nobody", "the authority": "nobody"},
		certs.ClientAuthOptional: {"nothing": "nobody", "good": "caller"},
		certs.ClientAuthRequired: {"good": "caller"},
	}
	for mode, want := range tests {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			f := newFiles(t)
			f.writePair(t, issue(t, authority, forServer("server")))
			opts := certs.ServerOptions{CertFile: f.cert(), KeyFile: f.key(), ClientAuth: mode, MinVersion: tls.VersionTLS12, Now: clock.Now}
			if mode != "" && mode != certs.ClientAuthOff {
				f.writeCA(t, authority)
				opts.ClientCAFile = f.ca()
			}
			config, err := certs.ServerConfig(opts)
			must(t, err)
			address := listen(t, config)
			for name, pairs := range shown {
				client := trusting(t, clock, authority, pairs...)
				client.MaxVersion = version
				c, err := dial(t, address, client)
				switch seen, allowed := want[name]; {
				case allowed != (err == nil):
					t.Errorf("%q, %s, %s: allowed is %t, and got %v", mode, tls.VersionName(version), name, allowed, err)
				case allowed && c.greeting != seen+" resumed=false":
					t.Errorf("%q, %s, %s: the server saw %q, want %q", mode, tls.VersionName(version), name, c.greeting, seen)
				}
			}
		}
	}
}

func TestServerVersions(t *testing.T) {
	clock := newClock()
	f, authority := newFiles(t), newAuthority(t, clock)
	f.writePair(t, issue(t, authority, forServer("server")))
	cbc := []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
	tests := map[string]struct {
		lowest, offered uint16
		suites          []uint16
		accepted        bool
	}{
		"1.3 by default":          {0, tls.VersionTLS13, nil, true},
		"no 1.2 by default":       {0, tls.VersionTLS12, nil, false},
		"no 1.2 when 1.3 is said": {tls.VersionTLS13, tls.VersionTLS12, nil, false},
		"1.2 when said":           {tls.VersionTLS12, tls.VersionTLS12, nil, true},
		"1.3 when 1.2 is said":    {tls.VersionTLS12, tls.VersionTLS13, nil, true},
		"no 1.1":                  {tls.VersionTLS12, tls.VersionTLS11, nil, false},
		"no CBC":                  {tls.VersionTLS12, tls.VersionTLS12, cbc, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			config, err := certs.ServerConfig(certs.ServerOptions{CertFile: f.cert(), KeyFile: f.key(), MinVersion: test.lowest})
			must(t, err)
			client := trusting(t, clock, authority)
			client.MinVersion, client.MaxVersion, client.CipherSuites = tls.VersionTLS10, test.offered, test.suites
			c, err := dial(t, listen(t, config), client)
			if (err == nil) != test.accepted {
				t.Fatalf("accepted is %t, and got %v", test.accepted, err)
			}
			if err == nil && c.ConnectionState().Version != test.offered {
				t.Errorf("agreed on %s", tls.VersionName(c.ConnectionState().Version))
			}
		})
	}
}

func TestServerProtocols(t *testing.T) {
	clock := newClock()
	f, authority := newFiles(t), newAuthority(t, clock)
	f.writePair(t, issue(t, authority, forServer("server")))
	tests := []struct {
		offered []string
		want    string // no connection if empty
	}{{nil, "h2"}, {[]string{"http/1.1"}, "http/1.1"}, {[]string{"other"}, ""}}
	for _, test := range tests {
		config, err := certs.ServerConfig(certs.ServerOptions{CertFile: f.cert(), KeyFile: f.key(), NextProtos: test.offered})
		must(t, err)
		client := trusting(t, clock, authority)
		client.NextProtos = []string{"h2", "http/1.1"}
		c, err := dial(t, listen(t, config), client)
		if (err == nil) != (test.want != "") || err == nil && c.ConnectionState().NegotiatedProtocol != test.want {
			t.Errorf("server %q: %v", test.offered, err)
		}
	}
}

func TestServerConfigRefuses(t *testing.T) {
	clock := newClock()
	f, authority := newFiles(t), newAuthority(t, clock)
	f.writePair(t, issue(t, authority, forServer("server")))
	f.writeCA(t, authority)
	client := issue(t, authority, forClient("client"))
	must(t, client.Write(f.path("client.crt"), f.path("client.key")))
	late := forServer("late")
	late.Validity = time.Hour
	must(t, issue(t, authority, late).Write(f.path("late.crt"), f.path("late.key")))
	clock.Advance(2 * time.Hour)
	cut := read(t, f.ca())
	write(t, f.path("cut.crt"), append(cut, cut[:len(cut)/2]...))
	write(t, f.path("withkey.crt"), append(cut, client.Key...))
	write(t, f.path("text.crt"), []byte("none"))

	tests := map[string]struct {
		change func(*certs.ServerOptions)
		says   []string
	}{
		"no files":            {func(o *certs.ServerOptions) { o.CertFile = "" }, []string{"certificate file"}},
		"absent certificate":  {func(o *certs.ServerOptions) { o.CertFile = f.path("absent.crt") }, []string{"absent.crt"}},
		"absent key":          {func(o *certs.ServerOptions) { o.KeyFile = f.path("absent.key") }, []string{"absent.key"}},
		"another's key":       {func(o *certs.ServerOptions) { o.KeyFile = f.path("client.key") }, []string{"client.key: not the private key of", "tls.crt"}},
		"a client's pair":     {func(o *certs.ServerOptions) { o.CertFile, o.KeyFile = f.path("client.crt"), f.path("client.key") }, []string{"client.crt", "not for a TLS server"}},
		"expired":             {func(o *certs.ServerOptions) { o.CertFile, o.KeyFile = f.path("late.crt"), f.path("late.key") }, []string{"late.crt", "expired at"}},
		"chain cut short":     {func(o *certs.ServerOptions) { o.CertFile = f.path("cut.crt") }, []string{"cut.crt", "damaged or incomplete"}},
		"absent CA":           {func(o *certs.ServerOptions) { o.ClientCAFile = f.path("absent.crt") }, []string{"absent.crt"}},
		"no CA":               {func(o *certs.ServerOptions) { o.ClientCAFile = "" }, []string{"required", "no client CA file"}},
		"CA cut short":        {func(o *certs.ServerOptions) { o.ClientCAFile = f.path("cut.crt") }, []string{"cut.crt", "damaged or incomplete"}},
		"CA with a key":       {func(o *certs.ServerOptions) { o.ClientCAFile = f.path("withkey.crt") }, []string{"withkey.crt", "PRIVATE KEY"}},
		"CA without PEM":      {func(o *certs.ServerOptions) { o.ClientCAFile = f.path("text.crt") }, []string{"text.crt", "no PEM"}},
		"CA that isn't used":  {func(o *certs.ServerOptions) { o.ClientAuth = certs.ClientAuthOff }, []string{"ca.crt would not be used"}},
		"unknown client auth": {func(o *certs.ServerOptions) { o.ClientAuth = "maybe" }, []string{`"maybe"`, "off, optional or required"}},
		"TLS 1.1":             {func(o *certs.ServerOptions) { o.MinVersion = tls.VersionTLS11 }, []string{"TLS 1.1", "TLS 1.3 or TLS 1.2"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			opts := certs.ServerOptions{CertFile: f.cert(), KeyFile: f.key(), ClientCAFile: f.ca(),
				ClientAuth: certs.ClientAuthRequired, Now: clock.Now}
			_, err := certs.ServerConfig(opts)
			must(t, err)
			test.change(&opts)
			_, err = certs.ServerConfig(opts)
			refused(t, err, test.says...)
			if strings.Contains(err.Error(), "BEGIN") {
				t.Errorf("the error shows what is in a file: %v", err)
			}
		})
	}
}
