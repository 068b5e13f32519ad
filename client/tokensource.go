package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// tokenTimeout is how long a token endpoint may take to answer, where the call's own deadline is later.
const tokenTimeout = 30 * time.Second

// TokenSource shows the token of a source, which is asked for a new one ten seconds before the last one expires. A source
// knows no context, so the call that asks it waits as long as it takes: bound the time of its HTTP client.
//
// Calls fail while the source does: UNAVAILABLE when its token endpoint can't be reached or has failed itself,
// UNAUTHENTICATED otherwise.
func TokenSource(source oauth2.TokenSource) *Credentials {
	return renewed(func(context.Context) (*oauth2.Token, error) { return source.Token() })
}

// ClientCredentials gets tokens from an authorization server with the program's own id and secret (RFC 6749, 4.4), one
// until it expires, as [TokenSource] does. The request ends with the call that needs it.
//
// The token endpoint's URL has to be https, and a redirect is not followed: the secret goes there and nowhere else. The
// HTTP client is the one to ask with, such as one that trusts an authority of its own; nil means http.DefaultClient. The
// configuration must not be changed afterwards.
func ClientCredentials(config *clientcredentials.Config, httpClient *http.Client) *Credentials {
	if endpoint, err := url.Parse(config.TokenURL); err != nil || endpoint.Scheme != "https" || endpoint.Host == "" {
		return unusable(errors.New("the URL of the token endpoint is not https://HOST/PATH (RFC 6749, 3.2)"))
	}
	if httpClient == nil {
		httpClient = http.DefaultClient
	}
	asking := *httpClient
	asking.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return renewed(func(ctx context.Context) (*oauth2.Token, error) {
		ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
		defer cancel()
		return config.Token(context.WithValue(ctx, oauth2.HTTPClient, &asking))
	})
}

// renewed shows tokens that are fetched.
func renewed(fetch func(context.Context) (*oauth2.Token, error)) *Credentials {
	tokens := &reused{fetch: fetch, turn: semaphore.NewWeighted(1)}
	return &Credentials{authorization: func(ctx context.Context) (string, error) {
		value, err := tokens.get(ctx)
		if err != nil {
			return "", withoutToken(ctx, err)
		}
		return value, nil
	}}
}

// reused keeps a token until it expires. It is what oauth2.ReuseTokenSource is, for calls with contexts: a call that
// waits for another one's fetch ends when its own time is up.
type reused struct {
	fetch func(context.Context) (*oauth2.Token, error)
	turn  *semaphore.Weighted // of one, held to look at what follows
	token *oauth2.Token
	value string // that shows it
}

func (r *reused) get(ctx context.Context) (string, error) {
	if err := r.turn.Acquire(ctx, 1); err != nil {
		return "", err
	}
	defer r.turn.Release(1)
	if r.token.Valid() {
		return r.value, nil
	}
	token, err := r.fetch(ctx)
	if err != nil {
		return "", err
	}
	if token == nil {
		return "", errors.New("the token source gave none")
	}
	value, err := authorization(token.Type(), token.AccessToken)
	if err != nil {
		return "", err
	}
	r.token, r.value = token, value
	return value, nil
}

// withoutToken is the status of a call for which there is no token. Of what a token endpoint has answered only the status
// and the error code are told: its text may repeat what was sent.
func withoutToken(ctx context.Context, err error) error {
	const what = "client: no token for the call: "
	if ctx.Err() != nil {
		return status.Error(status.FromContextError(ctx.Err()).Code(), what+ctx.Err().Error())
	}
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil {
		code := codes.Unauthenticated
		if answered := refused.Response.StatusCode; answered >= http.StatusInternalServerError || answered == http.StatusTooManyRequests {
			code = codes.Unavailable
		}
		return status.Error(code, fmt.Sprintf("%sthe token endpoint answered %d %q (RFC 6749, 5.2)", what, refused.Response.StatusCode, refused.ErrorCode))
	}
	var unreached *url.Error
	if errors.As(err, &unreached) {
		return status.Error(codes.Unavailable, what+"the token endpoint can't be reached: "+unreached.Err.Error())
	}
	return status.Error(codes.Unauthenticated, what+err.Error())
}
