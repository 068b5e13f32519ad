package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"unicode"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"ordermanagement/internal/follow"
)

// authorizationKey is the metadata key of credentials.
const authorizationKey = "authorization"

// Credentials say who calls: they are the authorization of calls, sent once with each. They are an option of [New] for
// all calls of a connection, and through grpc.PerRPCCredentials for one call, where they take the place of the
// connection's. They refuse to travel without TLS: with [Plaintext], New fails; a call with credentials of its own on
// such a connection is UNAUTHENTICATED.
//
// Credentials that can't be used, such as a user name with a colon, make New fail and calls UNAUTHENTICATED, with an
// error that says why and holds no secret. They are safe for concurrent use, also by several connections.
type Credentials struct {
	// authorization makes the value to send. Its errors are statuses.
	authorization func(context.Context) (string, error)
	invalid       error // why they can't be used
}

var (
	_ Option                        = (*Credentials)(nil)
	_ credentials.PerRPCCredentials = (*Credentials)(nil)
)

func (c *Credentials) apply(s *settings) error {
	if s.credentials != nil {
		return errors.New("client: a connection has one caller, and two credentials were given; give a call its own with grpc.PerRPCCredentials")
	}
	s.credentials = c
	return c.invalid
}

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (c *Credentials) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	if c.invalid != nil {
		return nil, status.Error(codes.Unauthenticated, c.invalid.Error())
	}
	if md, _ := metadata.FromOutgoingContext(ctx); len(md.Get(authorizationKey)) > 0 {
		return nil, status.Error(codes.Unauthenticated, "client: the metadata of the call has an authorization beside its credentials; send one of them")
	}
	value, err := c.authorization(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]string{authorizationKey: value}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials.
func (*Credentials) RequireTransportSecurity() bool { return true }

// Token is a bearer token (RFC 6750) that doesn't change: an opaque one or a JWT.
func Token(token string) *Credentials {
	value, err := bearer(token)
	if err != nil {
		return unusable(err)
	}
	return fixed(value)
}

// Basic is a user name and a password (RFC 7617), in UTF-8.
func Basic(user, password string) *Credentials {
	switch {
	case strings.Contains(user, ":"):
		return unusable(errors.New("a user name has no colon (RFC 7617, 2)"))
	case strings.ContainsFunc(user+password, unicode.IsControl):
		return unusable(errors.New("user name and password have no control characters (RFC 7617, 2), such as the newline at the end of a file"))
	}
	return fixed("Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}

// TokenFile is a bearer token in a file, such as a JWT that Kubernetes projects into a pod: the file holds the token and
// nothing else but white space around it. It is read again when it changes, within a second. What it can't be read as
// then is told to the logger, which may be nil, and the token that was read before stays in use.
func TokenFile(file string, logger *slog.Logger) *Credentials {
	followed, err := follow.New([]string{file}, func(contents [][]byte) (*string, error) {
		value, err := bearer(strings.TrimSpace(string(contents[0])))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		return &value, nil
	}, follow.Options{What: "token", Logger: logger})
	if err != nil {
		return unusable(err)
	}
	return &Credentials{authorization: func(context.Context) (string, error) { return *followed.Get(), nil }}
}

func fixed(value string) *Credentials {
	return &Credentials{authorization: func(context.Context) (string, error) { return value, nil }}
}

func unusable(err error) *Credentials {
	return &Credentials{invalid: fmt.Errorf("client: the credentials can't be used: %w", err)}
}

func bearer(token string) (string, error) { return authorization("Bearer", token) }

// authorization is the value that shows a token. Its characters are wider than those of RFC 6750, 2.1: all that can
// stand in a header without breaking it apart.
func authorization(scheme, token string) (string, error) {
	odd := func(r rune) bool { return r <= ' ' || r > '~' }
	switch {
	case token == "":
		return "", errors.New("the token is empty")
	case strings.ContainsFunc(scheme+token, odd):
		return "", errors.New("the token has characters that none has (RFC 6750, 2.1), such as the newline at the end of a file")
	}
	return scheme + " " + token, nil
}
