package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"strings"
	"time"
)

// ClientOptions says what [ClientConfig] builds. The zero value trusts the system's authorities and shows no
// certificate.
type ClientOptions struct {
	// CAFile holds the authorities to trust, PEM. If it is empty the system's are trusted; those don't reload.
	CAFile string
	// CertFile and KeyFile are the client's own certificate and key, PEM; both or none.
	CertFile, KeyFile string
	// ServerName is the host name or IP address that the server's certificate has to name. If it is empty it's the
	// host that is dialled. With a CAFile it is required for dialling IP addresses: see [ClientConfig].
	ServerName string
	MinVersion uint16           // tls.VersionTLS13 if zero; tls.VersionTLS12 is the other one allowed
	Now        func() time.Time // time.Now if nil
	Logger     *slog.Logger     // told about reloads; may be nil
}

// ClientConfig builds the configuration of a TLS client. It fails when a file can't be used: the error names it.
// Files are followed as [ServerConfig] does.
//
// The configuration may be cloned, and its clones be given another ServerName, as tls.Dial, net/http and gRPC do. The
// exception is an IP address: crypto/tls doesn't tell a verification which one was dialled, so with a CAFile a
// connection to an address fails unless that address is the ServerName of the options.
func ClientConfig(opts ClientOptions) (*tls.Config, error) {
	config, err := baseConfig(opts.MinVersion, opts.Now)
	if err != nil {
		return nil, err
	}
	config.ServerName = opts.ServerName
	logger := loggerOr(opts.Logger)

	if (opts.CertFile == "") != (opts.KeyFile == "") {
		return nil, errors.New("a TLS client's certificate file and key file go together: give both or none")
	}
	if opts.CertFile != "" {
		pair, err := newPairSource(opts.CertFile, opts.KeyFile, x509.ExtKeyUsageClientAuth, config.Time, logger)
		if err != nil {
			return nil, err
		}
		// Shown whatever authorities the server says it knows: being refused can be explained, being taken for
		// nobody can't.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return pair.Get(), nil
		}
	}

	if opts.CAFile == "" {
		return config, nil // crypto/tls verifies
	}
	roots, err := newBundleSource(opts.CAFile, config.Time, logger)
	if err != nil {
		return nil, err
	}
	// RootCAs can't change, so the verification of crypto/tls is switched off and done here, whole, with the roots of
	// now. VerifyConnection is called on every handshake, resumed ones included, and nothing is sent before it
	// returns.
	config.InsecureSkipVerify = true
	config.VerifyConnection = func(state tls.ConnectionState) error {
		name, err := verifiedName(state.ServerName, opts.ServerName)
		if err == nil {
			err = verifyServer(state.PeerCertificates, name, roots.Get(), config.Time())
		}
		if err != nil {
			return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
		}
		return nil
	}
	return config, nil
}

// verifiedName is the name that the server's certificate has to have; there is always one.
//
// A ConnectionState has the name that was sent to the server. Addresses are never sent (RFC 6066, 3), and the name is
// empty then. Verifying with an empty name would accept any host, so only the address in the options can stand in for
// it: a host name there means that a clone of the configuration dials something else.
func verifiedName(sent, configured string) (string, error) {
	if sent != "" {
		return sent, nil
	}
	if net.ParseIP(strings.Trim(configured, "[]")) != nil {
		return configured, nil
	}
	return "", errors.New("the server's certificate can't be verified: to connect to an IP address with a CA file, " +
		"set the address as the server name")
}

// verifyServer does what crypto/tls does when it verifies: chain, time, usage and name.
func verifyServer(shown []*x509.Certificate, name string, roots *x509.CertPool, now time.Time) error {
	if len(shown) == 0 {
		return errors.New("the server showed no certificate")
	}
	intermediates := x509.NewCertPool()
	for _, certificate := range shown[1:] {
		intermediates.AddCert(certificate)
	}
	_, err := shown[0].Verify(x509.VerifyOptions{
		DNSName:       name,
		Roots:         roots,
		Intermediates: intermediates,
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return err
}
