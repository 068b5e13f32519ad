package certs

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"
)

const (
	// DefaultAuthorityName is the common name of an authority that is given none.
	DefaultAuthorityName = "OrderManagement development CA"
	// DefaultAuthorityValidity is how long an authority lives that is given no validity.
	DefaultAuthorityValidity = 10 * 365 * 24 * time.Hour

	// clockSkew dates certificates back, for peers whose clocks are behind the issuer's.
	clockSkew = 5 * time.Minute
	// serialBits of randomness make serial numbers unique without a register (RFC 5280, 4.1.2.2, allows 159).
	serialBits = 128
)

// AuthorityOptions says what [NewAuthority] makes. The zero value is good.
type AuthorityOptions struct {
	Name      string           // common name; DefaultAuthorityName if empty
	Algorithm Algorithm        // of the key; ECDSAP256 if empty
	Key       crypto.Signer    // an existing key instead of a new one
	Validity  time.Duration    // DefaultAuthorityValidity if zero
	Now       func() time.Time // time.Now if nil
}

// Authority is a certificate authority that signs leaf certificates and nothing else. Its methods may be called
// concurrently.
type Authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
	now         func() time.Time
}

// NewAuthority makes a self-signed authority. Nothing is written: see [Authority.Pair].
func NewAuthority(opts AuthorityOptions) (*Authority, error) {
	if opts.Name == "" {
		opts.Name = DefaultAuthorityName
	}
	validity, err := validityOr(opts.Validity, DefaultAuthorityValidity)
	if err != nil {
		return nil, err
	}
	if err := checkCommonName(opts.Name); err != nil {
		return nil, err
	}
	key, err := keyOrNew(opts.Key, opts.Algorithm)
	if err != nil {
		return nil, err
	}
	now := clockOr(opts.Now)
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: opts.Name},
		NotBefore:             now().Add(-clockSkew),
		NotAfter:              now().Add(validity),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true, // it signs leaves, never another authority
	}
	certificate, err := sign(template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &Authority{certificate: certificate, key: key, now: now}, nil
}

// LoadAuthority reads an authority from its two files. The certificate is expected to be a root: what it issues comes
// without a chain. A nil now means time.Now. An authority that has expired loads, but issues nothing.
func LoadAuthority(certFile, keyFile string, now func() time.Time) (*Authority, error) {
	pair, err := loadPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	certificate := pair.Leaf
	if !certificate.BasicConstraintsValid || !certificate.IsCA || certificate.KeyUsage&x509.KeyUsageCertSign == 0 {
		return nil, fmt.Errorf("%s: not the certificate of an authority: it may not sign certificates", certFile)
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%s: a key of type %T can't sign", keyFile, pair.PrivateKey)
	}
	return &Authority{certificate: certificate, key: key, now: clockOr(now)}, nil
}

// Certificate is the authority's own certificate. It must not be changed.
func (a *Authority) Certificate() *x509.Certificate { return a.certificate }

// Pair is the authority's own certificate and key.
func (a *Authority) Pair() (Pair, error) { return newPair(a.certificate, a.key) }

// sign makes a certificate: it adds to the template what every certificate of ours has.
func sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), serialBits))
	if err != nil {
		return nil, fmt.Errorf("making a serial number: %w", err)
	}
	// The number has to be positive.
	template.SerialNumber = serial.Add(serial, big.NewInt(1))
	// The authority's identifier is what leaves name as their authority key identifier; crypto/x509 copies it.
	if template.SubjectKeyId, err = keyIdentifier(public); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("signing the certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

func validityOr(validity, standard time.Duration) (time.Duration, error) {
	switch {
	case validity < 0:
		return 0, fmt.Errorf("a validity of %s is negative", validity)
	case validity == 0:
		return standard, nil
	}
	return validity, nil
}

func clockOr(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}
