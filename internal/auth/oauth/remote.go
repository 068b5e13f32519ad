package oauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// DefaultInterval is how often keys are fetched.
	DefaultInterval = 5 * time.Minute
	// DefaultRefreshInterval is how often keys are fetched at most because a token names one that isn't known.
	DefaultRefreshInterval = 10 * time.Second
	// DefaultRetryDelay is when keys are fetched again that couldn't be; it doubles each time, up to the interval.
	DefaultRetryDelay = time.Second
	// DefaultFetchTimeout bounds fetching keys.
	DefaultFetchTimeout = 5 * time.Second
	// maxRefreshWait is how long a caller waits for the key of its token.
	maxRefreshWait = 2 * time.Second
)

// RemoteOptions say where the keys of an issuer are. Zero durations stand for the defaults.
type RemoteOptions struct {
	// URL is the address of the JWK set; or Issuer is the issuer's, whose metadata say where the set is (OpenID Connect
	// Discovery 1.0, 4).
	URL, Issuer string
	Peer

	Interval        time.Duration
	RefreshInterval time.Duration
	RetryDelay      time.Duration
	Timeout         time.Duration

	Logger     *slog.Logger          // told about changes; may be nil
	Registerer prometheus.Registerer // of the count of fetches; may be nil
}

// RemoteKeys are the keys of an issuer that publishes them. [RemoteKeys.Run] fetches them, and nothing else does. Keys that
// are known stay so when they can't be fetched again; those that are no longer in the set are gone.
type RemoteKeys struct {
	options  RemoteOptions
	metadata *endpoint // nil if the address of the set is known
	set      *endpoint // nil before the metadata were read
	fetches  *prometheus.CounterVec

	current atomic.Pointer[KeySet]
	wake    chan struct{} // tells Run not to wait

	mu      sync.Mutex
	pending chan struct{} // closed when the fetch that is wanted or runs is over; nil if there is none
	fetched time.Time     // when the last one was over; zero before the first
	failure error         // of the last one
}

var _ Keys = (*RemoteKeys)(nil)

// NewRemoteKeys makes keys that are not known before [RemoteKeys.Run] has fetched them; what is wrong with the options is
// an error.
func NewRemoteKeys(options RemoteOptions) (*RemoteKeys, error) {
	if (options.URL == "") == (options.Issuer == "") {
		return nil, errors.New("the keys of a JWT issuer need the address of the JWK set or of the issuer, one of them")
	}
	if strings.ContainsAny(options.Issuer, "?#") {
		return nil, errors.New("the address of a JWT issuer can't have a query or a fragment (OpenID Connect Discovery 1.0, 2)")
	}
	if min(options.Interval, options.RefreshInterval, options.RetryDelay, options.Timeout) < 0 {
		return nil, errors.New("the intervals in which the keys of a JWT issuer are fetched can't be negative")
	}
	options.Interval = cmp.Or(options.Interval, DefaultInterval)
	options.RefreshInterval = cmp.Or(options.RefreshInterval, DefaultRefreshInterval)
	options.RetryDelay = cmp.Or(options.RetryDelay, DefaultRetryDelay)
	options.Timeout = cmp.Or(options.Timeout, DefaultFetchTimeout)
	options.Logger = loggerOr(options.Logger)
	r := &RemoteKeys{options: options, wake: make(chan struct{}, 1), fetches: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "auth_key_set_fetches_total", Help: "Attempts to fetch the keys of the JWT issuer, by result.",
	}, []string{"result"})}
	var err error
	if options.URL != "" {
		r.set, err = newEndpoint(options.URL, options.Peer, 0, options.Logger)
	} else {
		r.metadata, err = newEndpoint(strings.TrimSuffix(options.Issuer, "/")+"/.well-known/openid-configuration", options.Peer, 0, options.Logger)
	}
	if err != nil {
		return nil, fmt.Errorf("the keys of the JWT issuer: %w", err)
	}
	for _, result := range []string{"success", "failure"} {
		r.fetches.WithLabelValues(result)
	}
	if options.Registerer != nil {
		if err := options.Registerer.Register(r.fetches); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Current is the key set that was fetched last; nil before the first.
func (r *RemoteKeys) Current() *KeySet { return r.current.Load() }

// Ready says why nobody can be verified yet; it is nil once keys are known.
func (r *RemoteKeys) Ready(context.Context) error {
	if set := r.current.Load(); set != nil && set.Len() > 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.failure != nil:
		return fmt.Errorf("the keys of the JWT issuer can't be fetched: %w", r.failure)
	case r.fetched.IsZero():
		return errors.New("the keys of the JWT issuer are being fetched")
	default:
		return errors.New("the JWT issuer publishes no key that can be used")
	}
}

// Run fetches the keys, again and again, until the context ends; it returns nil then.
func (r *RemoteKeys) Run(ctx context.Context) error {
	for delay := r.options.RetryDelay; ; {
		wait := r.options.Interval
		if r.fetch(ctx) == nil {
			delay = r.options.RetryDelay
		} else {
			wait = min(wait, delay)
			delay = min(2*delay, r.options.Interval)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		case <-r.wake:
			timer.Stop()
		}
	}
}

// Refresh has the keys fetched and waits, not longer than its context and 2 s, unless they were fetched a moment ago: a
// flood of tokens with invented key ids costs the issuer one request in each [RemoteOptions].RefreshInterval. All callers
// wait for the same fetch.
func (r *RemoteKeys) Refresh(ctx context.Context) error {
	r.mu.Lock()
	if r.pending == nil {
		if time.Since(r.fetched) < r.options.RefreshInterval {
			defer r.mu.Unlock()
			return r.failure
		}
		r.pending = make(chan struct{})
		r.wake <- struct{}{} // has room, since nothing was pending
	}
	pending := r.pending
	r.mu.Unlock()

	timer := time.NewTimer(maxRefreshWait)
	defer timer.Stop()
	select {
	case <-pending:
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.failure
	case <-timer.C:
		return errors.New("the keys of the JWT issuer are still being fetched")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fetch fetches the keys once. Run alone calls it.
func (r *RemoteKeys) fetch(ctx context.Context) error {
	r.mu.Lock()
	if r.pending == nil {
		r.pending = make(chan struct{})
	}
	r.mu.Unlock()

	limited, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	set, err := r.download(limited)
	if err == nil {
		r.use(set)
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() == nil {
		r.report(err)
	}
	r.fetched, r.failure = time.Now(), err
	close(r.pending)
	r.pending = nil
	select {
	case <-r.wake: // whoever asked has been waiting for this one
	default:
	}
	return err
}

// use makes a set the current one if its keys are others: what was verified with the same keys stays verified.
func (r *RemoteKeys) use(set *KeySet) {
	if current := r.current.Load(); current != nil && current.content == set.content {
		return
	}
	r.current.Store(set)
	r.options.Logger.Info("keys of the JWT issuer changed", "keys", set.ids())
	warnUnused(r.options.Logger, set)
}

// report counts a fetch, and logs it if the one before ended otherwise. It is called with the lock held.
func (r *RemoteKeys) report(err error) {
	if err == nil {
		r.fetches.WithLabelValues("success").Inc()
		if r.failure != nil {
			r.options.Logger.Info("keys of the JWT issuer can be fetched again")
		}
		return
	}
	r.fetches.WithLabelValues("failure").Inc()
	if r.failure == nil {
		r.options.Logger.Warn("keys of the JWT issuer can't be fetched; what is known stays in use", "error", err)
	}
}

func (r *RemoteKeys) download(ctx context.Context) (*KeySet, error) {
	if r.metadata != nil {
		if err := r.discover(ctx); err != nil {
			return nil, err
		}
	}
	document, err := r.set.get(ctx)
	if err != nil {
		return nil, err
	}
	set, err := ParseKeySet(document)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.set.url, err)
	}
	return set, nil
}

// discover finds out where the set is. The metadata have to be of this very issuer (OpenID Connect Discovery 1.0, 4.3).
func (r *RemoteKeys) discover(ctx context.Context) error {
	document, err := r.metadata.get(ctx)
	if err != nil {
		return err
	}
	metadata, err := parseObject(document)
	if err != nil {
		return fmt.Errorf("%s is %w", r.metadata.url, err)
	}
	if issuer, ok := metadata.text("issuer"); !ok || issuer != r.options.Issuer {
		return fmt.Errorf("%s is of the issuer %.200q; the one that is set is %q, and they have to be the same", r.metadata.url, issuer, r.options.Issuer)
	}
	address, ok := metadata.text("jwks_uri")
	if !ok || address == "" {
		return fmt.Errorf("%s has no jwks_uri", r.metadata.url)
	}
	if r.set != nil && r.set.url == address {
		return nil
	}
	set, err := newEndpoint(address, r.options.Peer, 0, r.options.Logger)
	if err != nil {
		return fmt.Errorf("%s: jwks_uri: %w", r.metadata.url, err)
	}
	r.set = set
	return nil
}
