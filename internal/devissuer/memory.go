package devissuer

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"ordermanagement/internal/auth"
	"ordermanagement/internal/keyed"
)

// How much is kept. Requests that wait for somebody to log in are not: they travel, sealed, with the login page.
const (
	maxCodes    = 1000 // each made by somebody who has logged in
	maxSessions = 1000
	maxOpaque   = 10_000 // tokens
	maxRevoked  = 10_000 // tokens and sessions
	maxPeers    = 4096   // whose attempts to log in are counted

	codeTTL    = time.Minute // RFC 6749, 4.1.2: ten minutes at most
	sessionTTL = 24 * time.Hour
)

// memory is all that the issuer remembers.
type memory struct {
	mu       sync.Mutex
	codes    *table[hash, *code]
	sessions *table[string, *session]
	opaque   *table[hash, accessClaims]
	// revoked are the ids of JWTs, and the sessions of which none is valid any more.
	revoked *table[string, struct{}]
	refresh *keyed.Hasher // of refresh tokens
}

// hash stands for a secret in a key, so that looking it up takes the same time whatever part of it is right.
type hash = [sha256.Size]byte

func hashOf(secret string) hash { return sha256.Sum256([]byte(secret)) }

// code is an authorization code.
type code struct {
	request authRequest
	login   login
	session string // that it opens; of all tokens that come of it
	used    bool
}

// login is who has logged in.
type login struct {
	caller auth.Caller
	// token is what it has logged in with. It is asked about again with each refresh: who is not let in any more gets
	// nothing here either.
	token string
	at    time.Time
}

func newMemory(now func() time.Time, tokenTTL time.Duration) *memory {
	return &memory{
		codes:    newTable[hash, *code](maxCodes, codeTTL, now),
		sessions: newTable[string, *session](maxSessions, sessionTTL, now),
		opaque:   newTable[hash, accessClaims](maxOpaque, tokenTTL, now),
		revoked:  newTable[string, struct{}](maxRevoked, tokenTTL, now),
		refresh:  keyed.New(),
	}
}

// table keeps a number of values for a while. When it is full the oldest goes.
type table[K comparable, V any] struct {
	entries *simplelru.LRU[K, entry[V]] // the oldest first: looking one up doesn't make it younger
	ttl     time.Duration
	now     func() time.Time
}

type entry[V any] struct {
	value   V
	expires time.Time
}

func newTable[K comparable, V any](most int, ttl time.Duration, now func() time.Time) *table[K, V] {
	entries, err := simplelru.NewLRU[K, entry[V]](most, nil)
	if err != nil {
		panic(err) // most is not positive
	}
	return &table[K, V]{entries, ttl, now}
}

func (t *table[K, V]) put(key K, value V) {
	now := t.now()
	for {
		_, oldest, ok := t.entries.GetOldest()
		if !ok || now.Before(oldest.expires) {
			break
		}
		t.entries.RemoveOldest()
	}
	t.entries.Add(key, entry[V]{value, now.Add(t.ttl)})
}

func (t *table[K, V]) get(key K) (V, bool) {
	found, ok := t.entries.Peek(key)
	if !ok || !t.now().Before(found.expires) {
		var none V
		return none, false
	}
	return found.value, true
}

func (t *table[K, V]) drop(key K) { t.entries.Remove(key) }
