package order

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// KeyRetention is how long the outcome of a write is kept under its idempotency key.
const KeyRetention = 48 * time.Hour

// How often a write begins anew after another caller changed the same resource, and how long it waits at the most before
// the next attempt.
const (
	maxAttempts = 20
	maxBackoff  = 50 * time.Millisecond
)

// Actor is who acts: the caller's subject, and the tenant whose resources it sees.
type Actor struct {
	Tenant  string
	Subject string
}

// Write is what every write says beside its input.
type Write struct {
	Actor
	Method string // the full name of the method, for the history and for the scope of the key
	// Key makes the write safe to repeat when it is not empty; Fingerprint is then a hash of the request.
	Key         string
	Fingerprint [sha256.Size]byte
	// Etag is the entity tag the resource must have, or empty.
	Etag string
	// IfMatch are the entity tags of which the resource must have one (RFC 9110, 13.1.1): nil for no condition, "*" for
	// any.
	IfMatch []string
}

// Result is what a write has made, and whether an earlier call made it under the same key.
type Result[T any] struct {
	Value    T
	Replayed bool
}

// builder builds the change of a write that happens at the time; no change when there is nothing to change.
type builder[T any] func(ctx context.Context, now time.Time) (T, *Change, error)

// writeOne runs a write that makes one resource.
func writeOne[T any](ctx context.Context, s *Service, w Write, reader Reader[T], build builder[*T]) (Result[*T], error) {
	return write(ctx, s, w, build, func(ctx context.Context, made []Ref) (*T, error) {
		if len(made) != 1 {
			return nil, fmt.Errorf("outcome under a key made %d resources, not 1", len(made))
		}
		return reader.GetAt(ctx, w.Tenant, made[0].ID, made[0].Version)
	})
}

// write is the one way in which a use case changes anything: it builds the change and applies it. When another caller
// changed the same resources in between it builds anew; when the key has an outcome already it answers that with replay.
func write[T any](ctx context.Context, s *Service, w Write, build builder[T], replay func(context.Context, []Ref) (T, error)) (Result[T], error) {
	var none Result[T]
	for attempt := 1; ; attempt++ {
		now := s.time()
		value, change, err := build(ctx, now)
		if err == nil && change == nil {
			return Result[T]{Value: value}, nil // there was nothing to change
		}
		if err == nil {
			w.stamp(change, now)
			err = s.store.Apply(ctx, change)
		}
		if err == nil {
			return Result[T]{Value: value}, nil
		}
		// A repeated write fails where the first one has succeeded: its outcome comes before its error.
		if w.Key != "" {
			outcome, lookup := s.store.Outcome(ctx, w.Tenant, w.keyHash(), now.Add(-KeyRetention))
			switch {
			case lookup == nil && outcome.Fingerprint != w.Fingerprint:
				return none, &Error{Reason: IdempotencyKeyReused, Message: "the idempotency key was used for another request; use a new key"}
			case lookup == nil:
				value, err := replay(ctx, outcome.Made)
				return Result[T]{Value: value, Replayed: true}, err
			case !errors.Is(lookup, ErrNotFound):
				return none, lookup
			}
		}
		var conflict *ConflictError
		if !errors.As(err, &conflict) {
			return none, err
		}
		if refusal := conflict.refusal(); refusal != nil {
			return none, refusal
		}
		if attempt == maxAttempts {
			return none, &Error{Reason: ConcurrentChange, Message: "other callers kept changing the same resource; nothing was changed, try again"}
		}
		if err := sleep(ctx, rand.N(min(maxBackoff, time.Millisecond<<min(attempt, 10)))); err != nil {
			return none, err
		}
	}
}

// refusal is what a conflict means to the caller; nil when the write may succeed when it begins anew.
func (e *ConflictError) refusal() error {
	switch e.Conflict {
	case ConflictExists:
		switch e.Kind {
		case KindOrder:
			return alreadyExists(OrderName(e.ID))
		case KindProduct:
			return alreadyExists(ProductName(e.ID))
		}
	case ConflictUnique:
		switch e.Field {
		case "external_id":
			return &Error{Reason: ExternalIDTaken, Message: "another order has this external_id", Violations: []Violation{{"external_id", "is taken"}}}
		case "sku":
			return &Error{Reason: SKUTaken, Message: "another product has this sku", Violations: []Violation{{"sku", "is taken"}}}
		}
	}
	return nil
}

// stamp writes who, when and by which method into every version that the change makes.
func (w *Write) stamp(change *Change, now time.Time) {
	change.Tenant = w.Tenant
	mark := func(st *Stamp) {
		st.Version++
		if st.Version == 1 {
			st.CreateTime, st.UpdateTime = now, now
		} else {
			// A clock that was set back must not make an order older than it was.
			st.UpdateTime = latest(now, st.UpdateTime)
		}
		st.Subject, st.Method = w.Subject, w.Method
	}
	for _, o := range change.Orders {
		mark(&o.Stamp)
	}
	for _, p := range change.Products {
		mark(&p.Stamp)
	}
	for _, sh := range change.Shipments {
		mark(&sh.Stamp)
	}
	if w.Key != "" {
		change.Key = &Key{Hash: w.keyHash(), Fingerprint: w.Fingerprint, Time: now, NotSince: now.Add(-KeyRetention)}
	}
}

// keyHash scopes the key by caller and method; the store scopes it by tenant.
func (w *Write) keyHash() [sha256.Size]byte {
	return sha256.Sum256([]byte(w.Subject + "\x00" + w.Method + "\x00" + w.Key))
}

// checkEtag refuses when the resource is not in the version that the caller has seen.
func (w *Write) checkEtag(name string, stamp *Stamp) error {
	current := stamp.Etag(w.Tenant, name)
	if w.IfMatch != nil && !slices.Contains(w.IfMatch, "*") && !slices.Contains(w.IfMatch, current) {
		return &Error{Reason: IfMatchFailed, Message: "If-Match does not hold the current entity tag of " + name + "; read it again", Resource: name}
	}
	// AIP-154 wants the quotes in the field too; clients forget them.
	if w.Etag != "" && strings.Trim(w.Etag, `"`) != strings.Trim(current, `"`) {
		return &Error{Reason: EtagMismatch, Message: "etag is not the current one of " + name + "; read it again", Resource: name}
	}
	return nil
}

// found is the change of a write that changes nothing and answers a version that is there: none, but for its outcome when
// it has a key.
func (w *Write) found(ref Ref) *Change {
	if w.Key == "" {
		return nil
	}
	return &Change{Found: []Ref{ref}}
}

// checkNew refuses a condition on a resource that is to be made: it has no entity tag that could match (RFC 9110, 13.1.1).
func (w *Write) checkNew() error {
	if w.IfMatch == nil {
		return nil
	}
	return &Error{Reason: IfMatchFailed, Message: "If-Match can't hold for a resource that does not exist yet; leave it out"}
}

// checkMany refuses a condition on a write to several resources: it can't say which of them it is about.
func (w *Write) checkMany() error {
	if w.IfMatch == nil {
		return nil
	}
	return &Error{Reason: InvalidField, Message: "If-Match can't be used for several orders; leave it out", Violations: []Violation{{"If-Match", "can't be used here"}}}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
