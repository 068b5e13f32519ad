package oauth

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"ordermanagement/internal/follow"
)

// Keys are the keys of an issuer, which change.
type Keys interface {
	// Current is the key set of now, the same pointer as long as the keys are the same; nil as long as none is known.
	Current() *KeySet
	// Refresh looks whether there are new keys, since one has been asked for that isn't there. It may have done so for
	// another caller just before, and then does nothing.
	Refresh(ctx context.Context) error
}

// StaticKeys are keys that don't change.
func StaticKeys(set *KeySet) Keys { return staticKeys{set} }

type staticKeys struct{ set *KeySet }

func (k staticKeys) Current() *KeySet              { return k.set }
func (k staticKeys) Refresh(context.Context) error { return nil }

// FileKeys are the keys of a file, a JWK set. It has to hold a key that can be used now; afterwards it is followed, and
// believed even if it becomes empty. A nil now means time.Now; the logger, told about changes, may be nil.
func FileKeys(file string, now func() time.Time, logger *slog.Logger) (Keys, error) {
	logger = loggerOr(logger)
	files, err := follow.New([]string{file}, func(contents [][]byte) (*KeySet, error) {
		set, err := ParseKeySet(contents[0])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		warnUnused(logger, set)
		return set, nil
	}, follow.Options{What: "JWT keys", Now: now, Logger: logger})
	if err != nil {
		return nil, fmt.Errorf("the keys of the JWT issuer: %w", err)
	}
	if set := files.Get(); set.Len() == 0 {
		return nil, fmt.Errorf("the keys of the JWT issuer: %s holds no key that can be used; put the issuer's public keys there %q", file, set.Unused())
	}
	return fileKeys{files}, nil
}

type fileKeys struct{ files *follow.Files[KeySet] }

func (k fileKeys) Current() *KeySet { return k.files.Get() }

// Refresh does nothing: the keys of now are at most a second old.
func (k fileKeys) Refresh(context.Context) error { return nil }

func warnUnused(logger *slog.Logger, set *KeySet) {
	if len(set.Unused()) > 0 {
		logger.Warn("keys of the JWT issuer can't be used; the others are", "unused", set.Unused())
	}
}

func loggerOr(logger *slog.Logger) *slog.Logger {
	if logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return logger
}
