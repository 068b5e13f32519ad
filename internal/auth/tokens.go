package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// A token file has one line a token, "NAME:sha256:HEX": its name, which the callers file knows, and the SHA-256 of the
// token. A name may have several tokens. One whose caller was taken out of the callers file is not let in. A plain hash is enough for tokens of 256 random bits, which nobody can guess;
// empty lines and lines that begin with # are skipped.

// tokenBytes is how random a token is.
const tokenBytes = 32

// MaxTokenBytes is how long a bearer token may be. JWTs with many claims fit; headers are bounded too.
const MaxTokenBytes = 8 << 10

// tokens are callers by the hashes of their tokens.
type tokens map[[sha256.Size]byte]Caller

func parseTokens(data []byte, callers map[string]Caller) (known tokens, strangers []string, err error) {
	known = tokens{}
	seen := map[[sha256.Size]byte]bool{}
	for number, line := range entryLines(data) {
		name, hash, err := parseTokenLine(line)
		if err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", number, err)
		}
		if seen[hash] {
			return nil, nil, fmt.Errorf("line %d: the same token stands on an earlier line", number)
		}
		seen[hash] = true
		if caller, ok := callers[name]; ok {
			known[hash] = caller
		} else {
			strangers = append(strangers, "token:"+name)
		}
	}
	return known, strangers, nil
}

func parseTokenLine(line string) (name string, hash [sha256.Size]byte, err error) {
	parts := strings.Split(line, ":")
	if len(parts) != 3 || parts[1] != "sha256" {
		return "", hash, errors.New("is not NAME:sha256:HEX")
	}
	if !credentialName.MatchString(parts[0]) {
		return "", hash, errors.New("the name must be " + nameRule)
	}
	sum, err := hex.DecodeString(parts[2])
	if err != nil || len(sum) != sha256.Size {
		return "", hash, errors.New("the hash must be 64 hexadecimal digits")
	}
	return parts[0], [sha256.Size]byte(sum), nil
}

// NewToken makes a token, or a password, of 256 random bits.
func NewToken() string {
	var random [tokenBytes]byte
	rand.Read(random[:]) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(random[:])
}

// IsToken says whether a text can be a bearer token: a b64token (RFC 6750, 2.1) of at most [MaxTokenBytes].
func IsToken(text string) bool {
	body := strings.TrimRight(text, "=")
	if body == "" || len(text) > MaxTokenBytes {
		return false
	}
	for i := range len(body) {
		if !inToken[body[i]] {
			return false
		}
	}
	return true
}

// inToken are the characters of a b64token.
var inToken = func() (set [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/") {
		set[c] = true
	}
	return set
}()

// TokenLine is the line of a token file for a token.
func TokenLine(name, token string) (string, error) {
	if !credentialName.MatchString(name) {
		return "", errors.New("the name of a token must be " + nameRule)
	}
	sum := sha256.Sum256([]byte(token))
	return name + ":sha256:" + hex.EncodeToString(sum[:]), nil
}

// AddToken is a token file with one more line, which [TokenLine] has made.
func AddToken(file []byte, line string) []byte { return withLine(file, line) }

// verify finds the caller of a token. Looking up the hash, and not the token, takes the same time whatever part of a
// token is right.
func (t tokens) verify(token string) (Caller, error) {
	caller, ok := t[sha256.Sum256([]byte(token))]
	if !ok {
		return Caller{}, ErrNotMine
	}
	return caller, nil
}
