package auth

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// A token file has one line a token, "NAME:sha256:HEX": its name and the SHA-256 of the token. A plain hash is enough
// for tokens of 256 random bits, which nobody can guess; empty lines and lines that begin with # are skipped.

// tokenBytes is how random a token is.
const tokenBytes = 32

// tokenName is what a token may be called.
var tokenName = regexp.MustCompile(`^[A-Za-z0-9._@-]{1,63}$`)

// Tokens knows callers by opaque bearer tokens.
type Tokens struct {
	callers map[[sha256.Size]byte]Caller
}

// LoadTokens reads a token file and the callers file that says who the names are.
func LoadTokens(tokensFile, callersFile string) (*Tokens, error) {
	data, err := os.ReadFile(tokensFile)
	if err != nil {
		return nil, fmt.Errorf("read the token file: %w", err)
	}
	callers, err := loadCallers(callersFile)
	if err != nil {
		return nil, err
	}
	tokens, err := parseTokens(data, callers)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tokensFile, err)
	}
	return tokens, nil
}

func parseTokens(data []byte, callers map[string]Caller) (*Tokens, error) {
	t := &Tokens{callers: make(map[[sha256.Size]byte]Caller)}
	scanner := bufio.NewScanner(bytes.NewReader(data))
	for number := 1; scanner.Scan(); number++ {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, hash, err := parseTokenLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		caller, ok := callers[name]
		if !ok {
			return nil, fmt.Errorf("line %d: no caller has the token %q; add it to the callers file", number, name)
		}
		if _, ok := t.callers[hash]; ok {
			return nil, fmt.Errorf("line %d: the same token stands on an earlier line", number)
		}
		t.callers[hash] = caller
	}
	return t, scanner.Err()
}

func parseTokenLine(line string) (name string, hash [sha256.Size]byte, err error) {
	parts := strings.Split(line, ":")
	if len(parts) != 3 || parts[1] != "sha256" {
		return "", hash, errors.New("is not NAME:sha256:HEX")
	}
	if !tokenName.MatchString(parts[0]) {
		return "", hash, errors.New("the name must be 1 to 63 letters, digits, '.', '_', '@' or '-'")
	}
	sum, err := hex.DecodeString(parts[2])
	if err != nil || len(sum) != sha256.Size {
		return "", hash, errors.New("the hash must be 64 hexadecimal digits")
	}
	return parts[0], [sha256.Size]byte(sum), nil
}

// NewToken makes a token of 256 random bits.
func NewToken() string {
	var random [tokenBytes]byte
	rand.Read(random[:]) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(random[:])
}

// TokenLine is the line of a token file for a token.
func TokenLine(name, token string) (string, error) {
	if !tokenName.MatchString(name) {
		return "", errors.New("the name of a token must be 1 to 63 letters, digits, '.', '_', '@' or '-'")
	}
	sum := sha256.Sum256([]byte(token))
	return name + ":sha256:" + hex.EncodeToString(sum[:]), nil
}

// VerifyToken finds the caller of a token. Looking up the hash, and not the token, takes the same time whatever part of a
// token is right.
func (t *Tokens) VerifyToken(_ context.Context, token string) (Caller, error) {
	caller, ok := t.callers[sha256.Sum256([]byte(token))]
	if !ok {
		return Caller{}, ErrNotMine
	}
	return caller, nil
}
