package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"ordermanagement/internal/follow"
)

// newPairSource follows a certificate and its key. One without the other, as in the middle of a rotation, isn't used.
func newPairSource(certFile, keyFile string, usage x509.ExtKeyUsage, now func() time.Time,
	logger *slog.Logger) (*follow.Files[tls.Certificate], error) {
	parse := func(contents [][]byte) (*tls.Certificate, error) {
		pair, err := parsePair(certFile, keyFile, contents[0], contents[1])
		if err != nil {
			return nil, err
		}
		if err := checkTime(pair.Leaf, now()); err != nil {
			return nil, fmt.Errorf("%s: the certificate %w", certFile, err)
		}
		if err := checkUsage(pair.Leaf, usage); err != nil {
			return nil, fmt.Errorf("%s: %w", certFile, err)
		}
		return pair, nil
	}
	return follow.New([]string{certFile, keyFile}, parse, follow.Options{What: "TLS: certificate", Now: now, Logger: logger})
}

// newBundleSource follows a file of trusted certificates.
func newBundleSource(file string, now func() time.Time, logger *slog.Logger) (*follow.Files[x509.CertPool], error) {
	parse := func(contents [][]byte) (*x509.CertPool, error) {
		pool, err := parseBundle(contents[0])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		return pool, nil
	}
	return follow.New([]string{file}, parse, follow.Options{What: "TLS: CA bundle", Now: now, Logger: logger})
}

// checkUsage refuses a certificate that every peer would refuse. One without extended usages may be used for all.
func checkUsage(certificate *x509.Certificate, usage x509.ExtKeyUsage) error {
	if len(certificate.ExtKeyUsage)+len(certificate.UnknownExtKeyUsage) == 0 ||
		slices.Contains(certificate.ExtKeyUsage, usage) ||
		slices.Contains(certificate.ExtKeyUsage, x509.ExtKeyUsageAny) {
		return nil
	}
	role := "server"
	if usage == x509.ExtKeyUsageClientAuth {
		role = "client"
	}
	return fmt.Errorf("the certificate is not for a TLS %s (its extended key usage)", role)
}

func loggerOr(logger *slog.Logger) *slog.Logger {
	if logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return logger
}
