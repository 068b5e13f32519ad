package oauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"ordermanagement/internal/auth"
)

const (
	// MaxKeys is how many keys a set may have.
	MaxKeys = 100
	// MinRSABits is the size below which an RSA key is not used (RFC 7518, 3.3).
	MinRSABits = 2048
)

// KeySet is a set of public keys that verify signatures. It doesn't change.
type KeySet struct {
	keys    []key
	unused  []string          // why keys that are for signatures are not used
	content [sha256.Size]byte // of the keys; their order doesn't matter
}

// key is what verifies signatures: id and algorithm may be empty.
type key struct {
	id        string
	algorithm string
	public    crypto.PublicKey
	print     []byte
}

// ParseKeySet reads a JWK set (RFC 7517, 5). Keys that are not for signatures are left out, and so are those that can't be
// used: of an unknown type, symmetric, private, or RSA and too short. The others of the set still count, since nobody would
// be vouched for otherwise; [KeySet.Unused] tells. A set may be empty: its owner has withdrawn all keys.
func ParseKeySet(document []byte) (*KeySet, error) {
	var raw struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(document, &raw); err != nil {
		return nil, fmt.Errorf("not a JWK set: %w", err)
	}
	switch {
	case raw.Keys == nil:
		return nil, errors.New(`not a JWK set: there is no member "keys" that is a list`)
	case len(raw.Keys) > MaxKeys:
		return nil, fmt.Errorf("a JWK set of %d keys; at most %d are taken", len(raw.Keys), MaxKeys)
	}
	set := &KeySet{}
	for i, document := range raw.Keys {
		parsed, err := parseKey(document)
		switch {
		case errors.Is(err, errOtherUse):
		case err != nil:
			set.unused = append(set.unused, fmt.Sprintf("keys[%d]: %v", i, err))
		default:
			set.keys = append(set.keys, parsed)
		}
	}
	set.content = sum(set.keys)
	return set, nil
}

var errOtherUse = errors.New("not for signatures")

func parseKey(document jsontext.Value) (key, error) {
	var member struct {
		Use        string   `json:"use"`
		Operations []string `json:"key_ops"`
	}
	if err := json.Unmarshal(document, &member); err != nil {
		return key{}, errors.New("not a JWK")
	}
	if member.Use != "" && member.Use != "sig" || member.Operations != nil && !slices.Contains(member.Operations, "verify") {
		return key{}, errOtherUse
	}
	var parsed jose.JSONWebKey
	if err := parsed.UnmarshalJSON(document); err != nil {
		return key{}, err
	}
	if !parsed.IsPublic() {
		return key{}, errors.New("not a public key; the set of an issuer must hold no other")
	}
	if public, ok := parsed.Key.(*rsa.PublicKey); ok && public.N.BitLen() < MinRSABits {
		return key{}, fmt.Errorf("an RSA key of %d bits; at least %d are needed", public.N.BitLen(), MinRSABits)
	}
	print, err := parsed.Thumbprint(crypto.SHA256)
	return key{id: parsed.KeyID, algorithm: parsed.Algorithm, public: parsed.Key, print: print}, err
}

// sum is the same for two sets of the same keys.
func sum(keys []key) [sha256.Size]byte {
	lines := make([]string, len(keys))
	for i, k := range keys {
		lines[i] = fmt.Sprintf("%q %q %x", k.id, k.algorithm, k.print)
	}
	slices.Sort(lines)
	return sha256.Sum256([]byte(strings.Join(lines, "\n")))
}

// Len is how many keys can be used.
func (s *KeySet) Len() int { return len(s.keys) }

// Unused says of each key that is for signatures and can't be used why.
func (s *KeySet) Unused() []string { return s.unused }

// ids names the keys for the log.
func (s *KeySet) ids() []string {
	ids := make([]string, len(s.keys))
	for i, k := range s.keys {
		ids[i] = k.id
	}
	return ids
}

// find finds the keys that may have signed a token: those with its key id or, if it has none, the only one that fits.
func (s *KeySet) find(algorithm, id string) (fitting []crypto.PublicKey, err error) {
	named := 0
	for _, k := range s.keys {
		if id != "" && k.id != id {
			continue
		}
		named++
		if k.fits(algorithm) {
			fitting = append(fitting, k.public)
		}
	}
	switch {
	case id == "" && len(fitting) != 1:
		return nil, auth.Refuse(auth.KindJWT, auth.UnknownKey, fmt.Sprintf("names no key, and %d keys fit", len(fitting)))
	case named == 0:
		return nil, auth.Refuse(auth.KindJWT, auth.UnknownKey, fmt.Sprintf("there is no key with the id %.64q", id))
	case len(fitting) == 0:
		return nil, auth.Refuse(auth.KindJWT, auth.BadAlgorithm, "the key is not one for "+algorithm)
	}
	return fitting, nil
}

// fits says whether the key is one for the algorithm (RFC 7518, 3.1; RFC 8037, 3.1): otherwise a caller could choose what
// the key is taken for.
func (k key) fits(algorithm string) bool {
	if k.algorithm != "" && k.algorithm != algorithm {
		return false
	}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(algorithm, "RS") || strings.HasPrefix(algorithm, "PS")
	case *ecdsa.PublicKey:
		return algorithm == map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[public.Params().BitSize]
	case ed25519.PublicKey:
		return algorithm == string(jose.EdDSA)
	}
	return false
}
