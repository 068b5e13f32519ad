package order

import (
	"bytes"
	"fmt"
	"sync/atomic"
)

// Key is a stand-in for the key of a request, in a message that [NewUnique] takes: keys are that long, and so is their
// base64 form, so that all requests are of one size.
const Key = "shop-2026-00000000000000"

// keyDigits is how many of the last characters of a key count.
const keyDigits = 14

// Unique makes the requests of one client, which differ in their keys. Keys ascend over all clients of a counter, as the
// numbers of a shop's orders do.
type Unique struct {
	counter *atomic.Int64
	message []byte
	at      int
	encode  func(to, key []byte)
	key     [len(Key)]byte
}

// NewUnique makes requests of a message that has [Key], in the given encoding, in one place. The encoding of a key
// depends on nothing else.
func NewUnique(counter *atomic.Int64, message []byte, encoding func(key []byte) []byte) (*Unique, error) {
	stand := encoding([]byte(Key))
	if n := bytes.Count(message, stand); n != 1 {
		return nil, fmt.Errorf("the message has its key %d times", n)
	}
	u := &Unique{counter: counter, message: bytes.Clone(message), at: bytes.Index(message, stand)}
	u.encode = func(to, key []byte) { copy(to, encoding(key)) }
	copy(u.key[:], Key)
	return u, nil
}

// Next is the next request. It is valid until the next call.
func (u *Unique) Next() []byte {
	n := u.counter.Add(1)
	for i := len(u.key) - 1; i >= len(u.key)-keyDigits; i-- {
		u.key[i] = '0' + byte(n%10)
		n /= 10
	}
	u.encode(u.message[u.at:], u.key[:])
	return u.message
}

// Key is that of the last request. It is valid until the next call.
func (u *Unique) Key() []byte { return u.key[:] }
