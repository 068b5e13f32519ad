package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"

	"ordermanagement/internal/atomicfile"
	"ordermanagement/internal/follow"
)

// Algorithm is the kind of a new key.
type Algorithm string

const (
	ECDSAP256 Algorithm = "ecdsa-p256" // the default
	RSA3072   Algorithm = "rsa-3072"   // for peers that know no elliptic curves

	rsaBits = 3072 // 128 bits of strength, as P-256 has (NIST SP 800-57)

	typeCertificate = "CERTIFICATE"
	typeKey         = "PRIVATE KEY"
)

// Pair is a certificate and its private key, each as PEM.
type Pair struct {
	Certificate []byte
	Key         []byte
}

// Write creates both files, the certificate with mode 0644 and the key with 0600. An existing file is an error that
// is fs.ErrExist, and stays as it is.
func (p Pair) Write(certFile, keyFile string) error {
	if err := atomicfile.MustNotExist(certFile); err != nil {
		return err
	}
	if err := atomicfile.Create(keyFile, p.Key, keyMode); err != nil {
		return err
	}
	return atomicfile.Create(certFile, p.Certificate, certificateMode)
}

// Replace is Write over files that may exist. Each is replaced at once, the two are not: a reader in between sees a
// key that doesn't belong to the certificate. The configurations of this package wait for the second.
func (p Pair) Replace(certFile, keyFile string) error {
	if err := atomicfile.Replace(keyFile, p.Key, keyMode); err != nil {
		return err
	}
	return atomicfile.Replace(certFile, p.Certificate, certificateMode)
}

func newPair(certificate *x509.Certificate, key crypto.Signer) (Pair, error) {
	keyPEM, err := encodeKey(key)
	if err != nil {
		return Pair{}, err
	}
	return Pair{
		Certificate: pem.EncodeToMemory(&pem.Block{Type: typeCertificate, Bytes: certificate.Raw}),
		Key:         keyPEM,
	}, nil
}

func encodeKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding the private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: typeKey, Bytes: der}), nil
}

func keyOrNew(key crypto.Signer, algorithm Algorithm) (crypto.Signer, error) {
	if key != nil {
		return key, nil
	}
	switch algorithm {
	case "", ECDSAP256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RSA3072:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	}
	return nil, fmt.Errorf("unknown key algorithm %q: use %s or %s", algorithm, ECDSAP256, RSA3072)
}

// keyIdentifier is method 1 of RFC 7093: 160 bits of the SHA-256 of the public key.
func keyIdentifier(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("encoding the public key: %w", err)
	}
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		PublicKey asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, fmt.Errorf("encoding the public key: %w", err)
	}
	sum := sha256.Sum256(info.PublicKey.RightAlign())
	return sum[:20], nil
}

// parseBlocks splits PEM. Unlike pem.Decode it doesn't skip a block that is damaged or cut short.
func parseBlocks(data []byte) ([]*pem.Block, error) {
	begun := bytes.Count(data, []byte("-----BEGIN "))
	var blocks []*pem.Block
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		blocks = append(blocks, block)
	}
	switch {
	case begun == 0:
		return nil, errors.New("no PEM data")
	case len(blocks) != begun:
		return nil, errors.New("a PEM block is damaged or incomplete")
	}
	return blocks, nil
}

// parseBundle reads trusted certificates. A block of another kind, a private key above all, has no place there.
func parseBundle(data []byte) (*x509.CertPool, error) {
	blocks, err := parseBlocks(data)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for i, block := range blocks {
		if block.Type != typeCertificate {
			return nil, fmt.Errorf("PEM block %d is a %s, not a %s", i+1, block.Type, typeCertificate)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("PEM block %d: %w", i+1, err)
		}
		pool.AddCert(certificate)
	}
	return pool, nil
}

// parsePair reads a certificate, with its chain if there is one, and the key that belongs to it. Its errors name the
// file at fault.
func parsePair(certFile, keyFile string, certPEM, keyPEM []byte) (*tls.Certificate, error) {
	blocks, err := parseBlocks(certPEM)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", certFile, err)
	}
	found := false
	for i, block := range blocks {
		if block.Type != typeCertificate {
			continue // the key may be in the same file
		}
		found = true
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return nil, fmt.Errorf("%s: PEM block %d: %w", certFile, i+1, err)
		}
	}
	if !found {
		return nil, fmt.Errorf("%s: no certificate in it", certFile)
	}
	if _, err := parseBlocks(keyPEM); err != nil {
		return nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	// Certificates are in order, so what is wrong from here on is the key, or that it belongs to another.
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("%s: not the private key of %s: %w", keyFile, certFile, err)
	}
	return &pair, nil
}

func loadPair(certFile, keyFile string) (*tls.Certificate, error) {
	certPEM, err := follow.Read(certFile)
	if err != nil {
		return nil, err
	}
	keyPEM, err := follow.Read(keyFile)
	if err != nil {
		return nil, err
	}
	return parsePair(certFile, keyFile, certPEM, keyPEM)
}

// loadKey reads a private key that this package wrote.
func loadKey(file string) (crypto.Signer, error) {
	data, err := follow.Read(file)
	if err != nil {
		return nil, err
	}
	blocks, err := parseBlocks(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(blocks) != 1 || blocks[0].Type != typeKey {
		return nil, fmt.Errorf("%s: not one %s block", file, typeKey)
	}
	key, err := x509.ParsePKCS8PrivateKey(blocks[0].Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%s: a key of type %T can't sign", file, key)
	}
	return signer, nil
}
