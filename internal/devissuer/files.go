package devissuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"ordermanagement/internal/atomicfile"
	"ordermanagement/internal/auth"
)

// The files of an issuer in a data directory. Both are for their owner only, and never replaced.
const (
	KeyFile    = "issuer.key" // PKCS #8, PEM
	ClientFile = "client"     // one line, ID:SECRET
)

const (
	defaultClient             = "dev-client"
	fileMode      fs.FileMode = 0o600
	minRSABits                = 2048
)

// clientLine is a client in its file: what curl -u takes, without anything that forms or shells make something else of.
var clientLine = regexp.MustCompile(`^([A-Za-z0-9._~-]{1,63}):([A-Za-z0-9._~-]{16,256})$`)

// EnsureFiles reads the key and the client of a data directory, and makes those that are missing. The caller keeps other
// processes from doing the same.
func EnsureFiles(dir string) (crypto.Signer, Client, error) {
	key, err := ensure(filepath.Join(dir, KeyFile), ParseKey, newKey)
	if err != nil {
		return nil, Client{}, err
	}
	client, err := ensure(filepath.Join(dir, ClientFile), ParseClient, newClient)
	return key, client, err
}

// ensure reads a file, and makes it when it is missing.
func ensure[T any](path string, parse func([]byte) (T, error), make func() ([]byte, error)) (value T, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if data, err = make(); err == nil {
			err = atomicfile.Create(path, data, fileMode)
		}
	}
	if err != nil {
		return value, fmt.Errorf("development issuer: %w", err)
	}
	if value, err = parse(data); err != nil {
		return value, fmt.Errorf("development issuer: %s %w; restore it, or remove it to have a new one made", path, err)
	}
	return value, nil
}

// ParseKey reads a key that signs tokens: PEM with a PKCS #8, SEC 1 or PKCS #1 private key, ECDSA on P-256 or RSA of at
// least 2048 bits.
func ParseKey(data []byte) (crypto.Signer, error) {
	block, rest := pem.Decode(data)
	if block == nil || len(strings.TrimSpace(string(rest))) > 0 {
		return nil, errors.New("does not hold one private key in PEM")
	}
	key, err := parseDER(block.Bytes)
	if err != nil {
		return nil, err
	}
	if _, err := newSigningKey(key); err != nil {
		return nil, errors.New("does not hold an ECDSA key on P-256 or an RSA key of at least 2048 bits")
	}
	return key, nil
}

func parseDER(der []byte) (crypto.Signer, error) {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		if signer, ok := key.(crypto.Signer); ok {
			return signer, nil
		}
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	return nil, errors.New("does not hold a private key that can be read")
}

// newKey makes a key on P-256.
func newKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// ParseClient reads the line of a client.
func ParseClient(data []byte) (Client, error) {
	match := clientLine.FindStringSubmatch(strings.TrimSpace(string(data)))
	if match == nil {
		return Client{}, errors.New("does not hold one line ID:SECRET, the secret of at least 16 letters, digits, '.', '_', '~' or '-'")
	}
	return Client{ID: match[1], Secret: match[2]}, nil
}

func newClient() ([]byte, error) {
	return []byte(defaultClient + ":" + auth.NewToken() + "\n"), nil
}
