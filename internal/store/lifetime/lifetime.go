// Package lifetime lets a store close while calls run: it waits for those, and new ones find it closed.
package lifetime

import (
	"sync"
	"sync/atomic"
)

// Lifetime is that of one store, open at first.
type Lifetime struct {
	calls  sync.RWMutex // held for reading by every call that runs
	closed atomic.Bool
}

// Enter says whether the store is open, and keeps it so until Leave.
func (l *Lifetime) Enter() bool {
	if l.closed.Load() {
		return false
	}
	l.calls.RLock()
	if l.closed.Load() {
		l.calls.RUnlock()
		return false
	}
	return true
}

// Leave ends a call for which Enter has said true.
func (l *Lifetime) Leave() { l.calls.RUnlock() }

// Closed says whether Close was called.
func (l *Lifetime) Closed() bool { return l.closed.Load() }

// Close waits for the calls that run and then calls release. Closing again does nothing.
func (l *Lifetime) Close(release func() error) error {
	if l.closed.Swap(true) {
		return nil
	}
	l.calls.Lock()
	defer l.calls.Unlock()
	return release()
}
