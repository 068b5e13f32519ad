// Package keyed makes digests that stand for secrets where something is kept about them, so that the secrets themselves
// are not.
package keyed

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"hash"
	"sync"
)

// Digest stands for a secret.
type Digest [sha256.Size]byte

// Hasher makes digests: HMAC-SHA-256 (RFC 2104) with a key that is random and nobody else's, so that nobody can choose
// secrets for the digests that they have.
type Hasher struct{ states sync.Pool }

type state struct {
	mac  hash.Hash
	text []byte // hash.Hash takes bytes; copying into these allocates nothing
}

// New makes a hasher with a key of its own.
func New() *Hasher {
	var key [sha256.Size]byte
	rand.Read(key[:]) // never fails (crypto/rand)
	return &Hasher{states: sync.Pool{New: func() any {
		return &state{mac: hmac.New(sha256.New, key[:])}
	}}}
}

// Of is the digest of a text of several parts. Where one ends and the next begins is for the caller to make clear.
func (h *Hasher) Of(parts ...string) (d Digest) {
	s := h.states.Get().(*state)
	s.text = s.text[:0]
	for _, part := range parts {
		s.text = append(s.text, part...)
	}
	s.mac.Write(s.text)
	clear(s.text)
	s.text = s.mac.Sum(s.text[:0])
	d = Digest(s.text)
	s.mac.Reset()
	h.states.Put(s)
	return d
}
