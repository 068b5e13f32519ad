package oauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/go-json-experiment/json"
	"golang.org/x/sync/singleflight"

	"ordermanagement/internal/auth"
	"ordermanagement/internal/follow"
	"ordermanagement/internal/keyed"
)

const (
	// DefaultIntrospectionTimeout bounds asking about a token, waiting for one's turn included.
	DefaultIntrospectionTimeout = 2 * time.Second
	// DefaultIntrospectionCache is how long it is believed at most that a token is active; revoking it takes that long.
	DefaultIntrospectionCache = time.Minute
	// DefaultIntrospections is how many tokens are asked about at the same time.
	DefaultIntrospections = 32
	// refusedCache is how long it is believed that a token is not taken.
	refusedCache = 10 * time.Second
	// seenFor is how long it is remembered that a token was active, from the last time on.
	seenFor = 24 * time.Hour
)

// IntrospectionOptions say who is asked about tokens. Zero numbers and durations stand for the defaults.
type IntrospectionOptions struct {
	URL string // the introspection endpoint
	Peer
	// ClientFile holds "ID:SECRET", by which this service is known to the endpoint. It is followed.
	ClientFile string

	Issuer   string // what the claim iss has to be, if there is one; may be empty
	Audience string // one that the claim aud has to name, if there is one; may be empty: aud doesn't matter then
	Skew     time.Duration
	Claims   Claims

	Timeout      time.Duration
	CacheTime    time.Duration
	Concurrency  int
	CacheEntries int              // of the tokens that are taken, and as many that are not
	Now          func() time.Time // time.Now if nil
	Logger       *slog.Logger     // told when the endpoint begins and ceases to fail; may be nil
}

// Introspection knows callers by asking the issuer about tokens (RFC 7662). It decides about every token, so it is the last
// one to be asked. A token that couldn't be asked about is refused as [auth.Unavailable].
type Introspection struct {
	options  IntrospectionOptions
	endpoint *endpoint
	client   *follow.Files[client]

	hasher  *keyed.Hasher
	taken   *cache[auth.Caller]
	refused *cache[*auth.Refusal]
	flights singleflight.Group
	turns   *turns
	failing atomic.Bool
	// seen are the tokens that were active lately, longer than that is believed: they have turns of their own.
	seen *cache[struct{}]
}

var _ auth.TokenVerifier = (*Introspection)(nil)

// NewIntrospection makes a verifier; what is wrong with the options is an error.
func NewIntrospection(options IntrospectionOptions) (*Introspection, error) {
	if min(options.Skew, options.Timeout, options.CacheTime) < 0 || min(options.Concurrency, options.CacheEntries) < 0 {
		return nil, errors.New("the limits of token introspection can't be negative")
	}
	options.Skew = cmp.Or(options.Skew, DefaultSkew)
	options.Timeout = cmp.Or(options.Timeout, DefaultIntrospectionTimeout)
	options.CacheTime = cmp.Or(options.CacheTime, DefaultIntrospectionCache)
	options.Concurrency = cmp.Or(options.Concurrency, DefaultIntrospections)
	options.CacheEntries = cmp.Or(options.CacheEntries, DefaultCacheEntries)
	options.Logger = loggerOr(options.Logger)
	if options.Now == nil {
		options.Now = time.Now
	}
	i := &Introspection{hasher: keyed.New(), turns: newTurns(options.Concurrency)}
	var err error
	if options.Claims, err = options.Claims.complete(); err != nil {
		return nil, err
	}
	i.options = options
	if i.endpoint, err = newEndpoint(options.URL, options.Peer, options.Concurrency, options.Logger); err != nil {
		return nil, fmt.Errorf("token introspection: %w", err)
	}
	i.client, err = follow.New([]string{options.ClientFile}, parseClient,
		follow.Options{What: "client of the token introspection", Now: options.Now, Logger: options.Logger})
	if err != nil {
		return nil, fmt.Errorf("the client file of token introspection: %w", err)
	}
	if i.taken, err = newCache[auth.Caller](options.CacheEntries); err != nil {
		return nil, err
	}
	if i.seen, err = newCache[struct{}](options.CacheEntries); err != nil {
		return nil, err
	}
	if i.refused, err = newCache[*auth.Refusal](options.CacheEntries); err != nil {
		return nil, err
	}
	return i, nil
}

// Close closes connections that nobody uses. Requests that run end within their timeout.
func (i *Introspection) Close() { i.endpoint.close() }

type client struct{ id, secret string }

func parseClient(contents [][]byte) (*client, error) {
	id, secret, ok := strings.Cut(strings.TrimSpace(string(contents[0])), ":")
	if !ok || id == "" || secret == "" || strings.ContainsAny(secret, "\r\n") {
		return nil, errors.New("doesn't hold one line ID:SECRET")
	}
	return &client{id, secret}, nil
}

// VerifyToken finds the caller of a token by what the issuer says of it. Those who show the same token at the same time
// wait for one answer.
func (i *Introspection) VerifyToken(ctx context.Context, token string, origin auth.Origin) (auth.Caller, error) {
	if len(token) > MaxToken {
		return auth.Caller{}, tooLong()
	}
	d := i.hasher.Of(token)
	if caller, ok, err := i.remembered(d); ok {
		return caller, err
	}
	answer, err, _ := i.flights.Do(string(d[:]), func() (any, error) {
		if caller, ok, err := i.remembered(d); ok {
			return caller, err // another flight has just ended
		}
		// Others wait for the answer too: it must not depend on who asked first.
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), i.options.Timeout)
		defer cancel()
		return i.introspect(limited, token, d, origin)
	})
	return answer.(auth.Caller), err
}

func (i *Introspection) remembered(d keyed.Digest) (caller auth.Caller, ok bool, err error) {
	now := i.options.Now()
	if caller, ok := i.taken.get(d, now); ok {
		return caller, true, nil
	}
	if refusal, ok := i.refused.get(d, now); ok {
		return auth.Caller{}, true, refusal
	}
	return auth.Caller{}, false, nil
}

// introspect asks about a token and remembers what was found out. That nothing was isn't remembered.
func (i *Introspection) introspect(ctx context.Context, token string, d keyed.Digest, origin auth.Origin) (auth.Caller, error) {
	_, known := i.seen.get(d, i.options.Now())
	release, err := i.turns.take(ctx, known, origin)
	if err != nil {
		return auth.Caller{}, auth.Refuse(auth.KindIntrospect, auth.Unavailable, err.Error())
	}
	claims, err := i.ask(ctx, token)
	release()
	now := i.options.Now()
	var caller auth.Caller
	var expiry time.Time
	if err == nil {
		caller, expiry, err = i.accept(claims, now)
	}
	refusal := (*auth.Refusal)(nil)
	switch {
	case err == nil:
		i.report(nil)
		until := now.Add(i.options.CacheTime)
		if !expiry.IsZero() && expiry.Before(until) {
			until = expiry
		}
		i.taken.put(d, caller, now, until)
		i.seen.put(d, struct{}{}, now, now.Add(seenFor))
		return caller, nil
	case errors.As(err, &refusal):
		i.report(nil)
		i.refused.put(d, refusal, now, now.Add(refusedCache))
		return auth.Caller{}, refusal
	default:
		i.report(err)
		return auth.Caller{}, auth.Refuse(auth.KindIntrospect, auth.Unavailable, err.Error())
	}
}

// report logs it when the endpoint begins or ceases to fail.
func (i *Introspection) report(err error) {
	switch failing := err != nil; {
	case i.failing.Swap(failing) == failing:
	case failing:
		i.options.Logger.Warn("tokens can't be introspected, their callers are refused", "error", err)
	default:
		i.options.Logger.Info("tokens can be introspected again")
	}
}

// ask answers what the endpoint says of a token. Every error means that it has said nothing.
func (i *Introspection) ask(ctx context.Context, token string) (object, error) {
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, i.endpoint.url, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := i.client.Get()
	request.SetBasicAuth(url.QueryEscape(client.id), url.QueryEscape(client.secret)) // RFC 6749, 2.3.1
	answer, err := i.endpoint.do(request)
	if err != nil {
		return nil, err
	}
	claims, err := parseObject(answer)
	if err != nil {
		return nil, fmt.Errorf("the answer of %s is %w", i.endpoint.url, err)
	}
	return claims, nil
}

// accept makes a caller of what the endpoint says (RFC 7662, 2.2). An error that is a refusal is an answer; any other means
// that the answer isn't one. The expiry may be zero.
func (i *Introspection) accept(claims object, now time.Time) (caller auth.Caller, expiry time.Time, err error) {
	var active bool
	if !claims.has("active") || json.Unmarshal(claims["active"], &active) != nil {
		return auth.Caller{}, time.Time{}, fmt.Errorf("the answer of %s doesn't say whether the token is active", i.endpoint.url)
	}
	if !active {
		return auth.Caller{}, time.Time{}, auth.Refuse(auth.KindIntrospect, auth.Inactive, "says the issuer")
	}
	registered, err := claims.registered()
	if err != nil {
		return auth.Caller{}, time.Time{}, fmt.Errorf("the answer of %s: %w", i.endpoint.url, err)
	}
	expected := jwt.Expected{Time: now}
	if claims.has("iss") {
		expected.Issuer = i.options.Issuer
	}
	if i.options.Audience != "" && claims.has("aud") { // a member of the answer that is optional
		expected.AnyAudience = jwt.Audience{i.options.Audience}
	}
	if kind, ok := claims.text("token_type"); !ok || kind != "" && !strings.EqualFold(kind, "Bearer") && !strings.EqualFold(kind, "access_token") {
		return auth.Caller{}, time.Time{}, auth.Refuse(auth.KindIntrospect, auth.Malformed, fmt.Sprintf("is no bearer token but a %.32q", kind))
	}
	if err := check(auth.KindIntrospect, registered, expected, i.options.Skew); err != nil {
		return auth.Caller{}, time.Time{}, err
	}
	caller, err = i.options.Claims.caller(auth.KindIntrospect, claims)
	return caller, registered.Expiry.Time(), err
}
