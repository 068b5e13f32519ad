package order

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"
)

// Service is the use cases over a store. It is safe for concurrent use.
type Service struct {
	store  Store
	now    func() time.Time
	random io.Reader
}

// NewService makes the use cases over the store.
func NewService(store Store) *Service {
	return &Service{store: store, now: time.Now, random: rand.Reader}
}

// time is now, as precise as stores keep it.
func (s *Service) time() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// newID makes an id that sorts by time, so that new rows lie beside each other.
func (s *Service) newID(at time.Time) (string, error) {
	id, err := ulid.New(ulid.Timestamp(at), s.random)
	if err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	return id.String(), nil
}

// Crockford's alphabet (https://www.crockford.com/base32.html) has no letters that are taken for digits.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// newNumber makes an order number for people, e.g. "261122-01Q7ZC-9K2M4T": the day, and 60 bits of which the first 27
// are the millisecond of the day, so that numbers sort by time and their index grows at its end.
func (s *Service) newNumber(at time.Time) (string, error) {
	var random [8]byte
	if _, err := io.ReadFull(s.random, random[:]); err != nil {
		return "", fmt.Errorf("make an order number: %w", err)
	}
	const randomBits = 33
	bits := uint64(at.Sub(at.Truncate(24*time.Hour)).Milliseconds())<<randomBits |
		binary.BigEndian.Uint64(random[:])&(1<<randomBits-1)
	var text [12]byte
	for i := len(text) - 1; i >= 0; i-- {
		text[i] = crockford[bits&31]
		bits >>= 5
	}
	return at.Format("060102") + "-" + string(text[:6]) + "-" + string(text[6:]), nil
}

// etagBytes is how much of the hash an entity tag shows: 96 bits, which no caller hits by chance.
const etagBytes = 12

// Etag is the entity tag of a version of a resource: a strong one, with its quotes (RFC 9110, 8.8.3). It is a hash, so
// that a tag of one tenant or of one life of an id means nothing for another.
func (st *Stamp) Etag(tenant, name string) string {
	var space [128]byte
	text := append(append(append(space[:0], tenant...), 0), name...)
	text = strconv.AppendInt(append(text, 0), st.CreateTime.UnixMicro(), 10)
	text = strconv.AppendInt(append(text, 0), st.Version, 10)
	hash := sha256.Sum256(text)
	return `"` + base64.RawURLEncoding.EncodeToString(hash[:etagBytes]) + `"`
}
