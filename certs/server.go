package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"ordermanagement/internal/follow"
)

// ClientAuth says what a server wants of its callers' certificates.
type ClientAuth string

const (
	ClientAuthOff      ClientAuth = "off"      // none is asked for; the empty value means the same
	ClientAuthOptional ClientAuth = "optional" // a caller may show one; one that isn't trusted is refused
	ClientAuthRequired ClientAuth = "required" // callers without one are refused
)

// ServerOptions says what [ServerConfig] builds.
type ServerOptions struct {
	CertFile     string           // certificate and chain, PEM
	KeyFile      string           // its private key, PEM; may be the same file
	ClientCAFile string           // who signs callers' certificates, PEM; with ClientAuth, and only then
	ClientAuth   ClientAuth       // ClientAuthOff if empty
	MinVersion   uint16           // tls.VersionTLS13 if zero; tls.VersionTLS12 is the other one allowed
	NextProtos   []string         // offered by ALPN, in this order; "h2", "http/1.1" if empty
	Now          func() time.Time // time.Now if nil
	Logger       *slog.Logger     // told about reloads; may be nil
}

// ServerConfig builds the configuration of a TLS listener. It fails when a file can't be used: the error names it.
//
// Afterwards the files are looked at on handshakes, at most once a second. When they change, new connections use what
// they hold; when that can't be used, the last good state stays and the log says so, once per change. Connections
// that exist are not touched.
//
// What a connection uses comes from GetConfigForClient. Who wants other protocols names them in the options:
// changing NextProtos of the result has no effect.
func ServerConfig(opts ServerOptions) (*tls.Config, error) {
	base, err := baseConfig(opts.MinVersion, opts.Now)
	if err != nil {
		return nil, err
	}
	base.NextProtos = opts.NextProtos
	if len(base.NextProtos) == 0 {
		base.NextProtos = []string{"h2", "http/1.1"}
	}
	if base.ClientAuth, err = opts.clientAuth(); err != nil {
		return nil, err
	}
	if opts.CertFile == "" || opts.KeyFile == "" {
		return nil, errors.New("a TLS server needs a certificate file and a key file")
	}
	logger := loggerOr(opts.Logger)
	pair, err := newPairSource(opts.CertFile, opts.KeyFile, x509.ExtKeyUsageServerAuth, base.Time, logger)
	if err != nil {
		return nil, err
	}
	var clients *follow.Files[x509.CertPool]
	if base.ClientAuth != tls.NoClientCert {
		if clients, err = newBundleSource(opts.ClientCAFile, base.Time, logger); err != nil {
			return nil, err
		}
	}

	// Sessions: a ticket carries the certificate its client once showed. On resumption crypto/tls looks whether that
	// chain still ends in ClientCAs, and is in time, and else does a whole handshake, which verifies all. It looks in
	// the configuration that GetConfigForClient returns, so a CA that was taken out of the bundle ends its clients'
	// sessions too. The ticket keys are those of the outer configuration (ours sets none), which crypto/tls rotates
	// daily; so they outlast a reload, and clients that are still trusted go on resuming.
	config := base.Clone()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		current := base.Clone()
		current.Certificates = []tls.Certificate{*pair.Get()}
		if clients != nil {
			current.ClientCAs = clients.Get()
		}
		return current, nil
	}
	return config, nil
}

func (o ServerOptions) clientAuth() (tls.ClientAuthType, error) {
	mode := tls.NoClientCert
	switch o.ClientAuth {
	case "", ClientAuthOff:
		if o.ClientCAFile != "" {
			return 0, fmt.Errorf("%s would not be used: client certificates are off; make them %s or %s, or take "+
				"the client CA file out", o.ClientCAFile, ClientAuthOptional, ClientAuthRequired)
		}
		return mode, nil
	case ClientAuthOptional:
		mode = tls.VerifyClientCertIfGiven
	case ClientAuthRequired:
		mode = tls.RequireAndVerifyClientCert
	default:
		return 0, fmt.Errorf("unknown client authentication %q: use %s, %s or %s", o.ClientAuth,
			ClientAuthOff, ClientAuthOptional, ClientAuthRequired)
	}
	if o.ClientCAFile == "" {
		return 0, fmt.Errorf("client certificates are %s, but there is no client CA file to verify them with",
			o.ClientAuth)
	}
	return mode, nil
}

// baseConfig is what both sides have in common.
func baseConfig(minVersion uint16, now func() time.Time) (*tls.Config, error) {
	config := &tls.Config{MinVersion: minVersion, Time: clockOr(now)}
	switch minVersion {
	case 0:
		config.MinVersion = tls.VersionTLS13
	case tls.VersionTLS13:
	case tls.VersionTLS12:
		// Forward secret and authenticated suites only (RFC 9325, 4.2). Those of TLS 1.3 are not configurable.
		config.CipherSuites = []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		}
	default:
		return nil, fmt.Errorf("%s can't be the lowest TLS version: use TLS 1.3 or TLS 1.2",
			tls.VersionName(minVersion))
	}
	return config, nil
}
