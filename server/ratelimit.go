package server

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
	"ordermanagement/server/rpc"
)

// RateLimit is how many calls one caller may make of this process. The zero value means any number.
type RateLimit struct {
	PerSecond float64 // calls
	Burst     int     // calls that may come at once; as many as PerSecond, and at least one, if zero
}

// maxLimited is how many callers, and how many networks, are remembered, at some 300 bytes each. Beyond it the one that was
// seen longest ago begins anew, which takes more callers at a time than an attacker has for nothing.
const maxLimited = 16 << 10

// The metadata keys of the answers to a limited caller (draft-ietf-httpapi-ratelimit-headers-10), and the one that says when
// a refused call may come again (RFC 9110, 10.2.3).
const (
	rateLimitPolicyKey = "ratelimit-policy"
	rateLimitKey       = "ratelimit"
	retryAfterKey      = "retry-after"
)

// throttle holds back callers that call too often: a caller wherever it is, and whoever calls a public method without
// telling who it is by the network that it comes from. Callers without a scope are callers, so it runs before authorize.
//
// The service's health is not limited: who takes a replica out of use for a refusal would overload the others.
func throttle(limits *rateLimits) link {
	return link{name: "throttle", after: []string{"translate", "authenticate"}, run: func(ctx context.Context, c *call, next next) error {
		if c.method.service == healthMethods {
			return next(ctx)
		}
		allowance := limits.of(c)
		now := time.Now()
		if c.rehearsal && allowance.TokensAt(now) >= 1 {
			return next(ctx) // the call itself counts
		}
		taken := !c.rehearsal && allowance.AllowN(now, 1)
		left := allowance.TokensAt(now)
		allowance.describe(ctx, left)
		if !taken {
			return allowance.refuse(ctx, left)
		}
		c.allowance = allowance
		return next(ctx)
	}}
}

// rateLimits are the allowances of all callers.
type rateLimits struct {
	callers, networks policy

	mu       sync.Mutex
	byCaller *simplelru.LRU[callerKey, *allowance]
	// Those of whom nothing is known have memory of their own: there is no end of them, and they push no caller out.
	byNetwork *simplelru.LRU[netip.Prefix, *allowance]
}

type callerKey struct{ tenant, subject string }

// policy is a limit as callers are told of it.
type policy struct {
	RateLimit
	name     string
	field    string // the value of RateLimit-Policy
	left     string // the beginning of that of RateLimit
	refusals prometheus.Counter
}

// newRateLimits is nil where there is no limit.
func newRateLimits(limit RateLimit, registry prometheus.Registerer) (*rateLimits, error) {
	if limit.PerSecond == 0 {
		return nil, nil
	}
	if limit.Burst == 0 {
		limit.Burst = int(max(math.Ceil(limit.PerSecond), 1))
	}
	refusals := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rate_limit_refusals_total", Help: "Calls that were refused because too many have come, by what was limited: a caller or a network.",
	}, []string{"policy"})
	if err := registry.Register(refusals); err != nil {
		return nil, err
	}
	newPolicy := func(name string) policy {
		// Of a bucket that is full again after w seconds, q calls in any w seconds are never refused.
		field := fmt.Sprintf("%q;q=%d;w=%d", name, limit.Burst, seconds(float64(limit.Burst)/limit.PerSecond))
		return policy{RateLimit: limit, name: name, field: field, left: strconv.Quote(name) + ";r=", refusals: refusals.WithLabelValues(name)}
	}
	l := &rateLimits{callers: newPolicy("caller"), networks: newPolicy("network")}
	l.byCaller, _ = simplelru.NewLRU[callerKey, *allowance](maxLimited, nil) // fails for no size only
	l.byNetwork, _ = simplelru.NewLRU[netip.Prefix, *allowance](maxLimited, nil)
	return l, nil
}

// of is the allowance of who makes the call.
func (l *rateLimits) of(c *call) *allowance {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.Caller.Subject != "" {
		return allowanceOf(l.byCaller, callerKey{c.Caller.Tenant, c.Caller.Subject}, &l.callers)
	}
	return allowanceOf(l.byNetwork, c.origin.Network(), &l.networks)
}

func allowanceOf[K comparable](known *simplelru.LRU[K, *allowance], key K, p *policy) *allowance {
	return remembered(known, key, func() *allowance { return &allowance{rate.NewLimiter(rate.Limit(p.PerSecond), p.Burst), p} })
}

// remembered is what is known under a key, made afresh when it is not, or no longer.
func remembered[K comparable, V any](known *simplelru.LRU[K, V], key K, fresh func() V) V {
	found, ok := known.Get(key)
	if !ok {
		found = fresh()
		known.Add(key, found)
	}
	return found
}

// allowance is what one caller may do.
type allowance struct {
	*rate.Limiter
	policy *policy
}

// maxField is room for a value of RateLimit, in bytes.
const maxField = 64

// describe tells the caller what is left, and after how many seconds nothing will have been used.
func (a *allowance) describe(ctx context.Context, left float64) {
	field := append(make([]byte, 0, maxField), a.policy.left...)
	field = strconv.AppendInt(field, int64(max(left, 0)), 10)
	field = append(field, ";t="...)
	field = strconv.AppendInt(field, seconds((float64(a.policy.Burst)-left)/a.policy.PerSecond), 10)
	rpc.SetHeader(ctx, rateLimitPolicyKey, a.policy.field)
	rpc.SetHeader(ctx, rateLimitKey, string(field))
}

// refuse is the error of a call that there is nothing left for.
func (a *allowance) refuse(ctx context.Context, left float64) error {
	a.policy.refusals.Inc()
	delay := a.delay(1 - left)
	rpc.SetHeader(ctx, retryAfterKey, strconv.FormatInt(seconds(delay.Seconds()), 10))
	return a.exceeded(delay)
}

func (a *allowance) exceeded(delay time.Duration) error {
	return apierror.WithMetadata(apiv1.ErrorReason_RATE_LIMITED, "too many calls have come from this "+a.policy.name+"; try again later, and call less often",
		map[string]string{"policy": a.policy.name}, apierror.RetryAfter(delay)).Err()
}

// delay is how long it takes until so many calls more are allowed.
func (a *allowance) delay(calls float64) time.Duration {
	wait := calls / a.policy.PerSecond * float64(time.Second)
	return time.Duration(min(max(wait, float64(time.Millisecond)), float64(math.MaxInt64/2)))
}

// wait holds a message of a stream back until it is allowed: what the caller sends meanwhile stays on its side, by flow
// control. A message that would be held back for longer than a stream may be idle is refused at once.
func (a *allowance) wait(ctx context.Context, atMost time.Duration) error {
	now := time.Now()
	turn := a.ReserveN(now, 1)
	delay := turn.DelayFrom(now)
	if delay == 0 {
		return nil
	}
	if delay > atMost {
		turn.CancelAt(now)
		a.policy.refusals.Inc()
		return a.exceeded(delay)
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		turn.Cancel()
		return context.Cause(ctx)
	}
}

// seconds are whole ones, rounded up.
func seconds(s float64) int64 { return int64(math.Ceil(max(s, 0))) }
