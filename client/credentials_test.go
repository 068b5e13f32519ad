package client_test

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"ordermanagement/client"
)

// secret is part of every credential of these tests, and of no error.
const secret = "a-secret-of-the-tests"

func write(t *testing.T, text string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "token")
	must(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// kinds are credentials of each kind, and what they send.
func kinds(t *testing.T, endpoint *endpoint) map[string]struct {
	credentials *client.Credentials
	sends       string
} {
	return map[string]struct {
		credentials *client.Credentials
		sends       string
	}{
		"token":              {client.Token(secret), "Bearer " + secret},
		"password":           {client.Basic("ann", "with:colon, é: "+secret), "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:with:colon, é: "+secret))},
		"token source":       {client.TokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: secret})), "Bearer " + secret},
		"client credentials": {client.ClientCredentials(endpoint.config(), endpoint.Client()), "Bearer " + secret + "-1"},
		"token file":         {client.TokenFile(write(t, secret+"\n"), nil), "Bearer " + secret},
	}
}

// Each kind arrives once, whether it is the connection's or the call's, and the call's takes the place of the connection's.
func TestCredentialsArriveOnce(t *testing.T) {
	g, endpoint := secureGreeter(t, ""), newEndpoint(t)
	other := client.Token("other")
	calls := map[string]func(context.Context, *grpc.ClientConn, ...grpc.CallOption) (string, error){"unary": hello, "stream": helloStream}
	for name, kind := range kinds(t, endpoint) {
		for _, test := range []struct {
			where      string
			connection []client.Option
			call       []grpc.CallOption
		}{
			{"connection", []client.Option{kind.credentials}, nil},
			{"call", nil, []grpc.CallOption{grpc.PerRPCCredentials(kind.credentials)}},
			{"call over another of the connection", []client.Option{other}, []grpc.CallOption{grpc.PerRPCCredentials(kind.credentials)}},
		} {
			connection := dial(t, g, append(test.connection, g.trusted())...)
			for call, do := range calls {
				t.Run(name+"/"+test.where+"/"+call, func(t *testing.T) {
					got, err := do(t.Context(), connection, test.call...)
					if err != nil || got != kind.sends {
						t.Errorf("got %q, %v; want %q", got, err, kind.sends)
					}
				})
			}
			if test.connection != nil && test.call != nil {
				if got, err := hello(t.Context(), connection); err != nil || got != "Bearer other" {
					t.Errorf("%s: the connection's own, after another call's: %q, %v", name, got, err)
				}
			}
		}
	}
	if endpoint.requests.Load() != 1 {
		t.Errorf("%d tokens were fetched", endpoint.requests.Load())
	}
}

func TestCredentialsRefusePlaintext(t *testing.T) {
	g, endpoint := plaintextGreeter(t), newEndpoint(t)
	connection := dial(t, g, client.Plaintext())
	for name, kind := range kinds(t, endpoint) {
		t.Run(name, func(t *testing.T) {
			for _, options := range [][]client.Option{{client.Plaintext(), kind.credentials}, {kind.credentials, client.Plaintext()}} {
				if _, err := client.New(g.address, options...); err == nil || !strings.Contains(err.Error(), "TLS only") {
					t.Errorf("for the connection: %v", err)
				}
			}
			if _, err := hello(t.Context(), connection, grpc.PerRPCCredentials(kind.credentials)); status.Code(err) != codes.Unauthenticated ||
				!strings.Contains(err.Error(), "insecure connection") {
				t.Errorf("for a call: %v", err)
			}
		})
	}
	if len(g.seen()) != 0 || endpoint.requests.Load() != 0 {
		t.Errorf("calls %v arrived, %d tokens were fetched", g.seen(), endpoint.requests.Load())
	}
}

func TestOneCaller(t *testing.T) {
	g := secureGreeter(t, "")
	if _, err := client.New(g.address, client.Token("a"), client.Basic("b", "c")); err == nil || !strings.Contains(err.Error(), "two credentials") {
		t.Errorf("two of a connection: %v", err)
	}
	connection := dial(t, g, g.trusted(), client.Token(secret))
	ctx := metadata.AppendToOutgoingContext(t.Context(), "Authorization", "Bearer other")
	if _, err := hello(ctx, connection); status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), "beside its credentials") {
		t.Errorf("credentials and metadata: %v", err)
	}
	if len(g.seen()) != 0 {
		t.Errorf("calls arrived: %v", g.seen())
	}
}

func TestUnusableCredentials(t *testing.T) {
	g := secureGreeter(t, "")
	connection := dial(t, g, g.trusted())
	for name, test := range map[string]struct {
		credentials *client.Credentials
		says        string
	}{
		"no token":              {client.Token(""), "empty"},
		"token with a newline":  {client.Token(secret + "\n"), "newline"},
		"two tokens":            {client.Token(secret + " " + secret), "characters"},
		"token beyond ASCII":    {client.Token(secret + "é"), "characters"},
		"user with a colon":     {client.Basic("a:b", secret), "colon"},
		"password with newline": {client.Basic("ann", secret+"\n"), "control characters"},
		"no file":               {client.TokenFile(filepath.Join(t.TempDir(), "none"), nil), "none"},
		"empty file":            {client.TokenFile(write(t, " \n"), nil), "empty"},
		"file of two lines":     {client.TokenFile(write(t, secret+"\n"+secret), nil), "characters"},
		"endpoint without TLS":  {client.ClientCredentials(&clientcredentials.Config{ClientSecret: secret, TokenURL: "http://localhost/token"}, nil), "https"},
		"endpoint without host": {client.ClientCredentials(&clientcredentials.Config{ClientSecret: secret, TokenURL: "https:token"}, nil), "https"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.New(g.address, g.trusted(), test.credentials)
			if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), secret) {
				t.Errorf("for a connection: %v, want an error with %q", err, test.says)
			}
			_, err = hello(t.Context(), connection, grpc.PerRPCCredentials(test.credentials))
			if status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), secret) {
				t.Errorf("for a call: %v, want an error with %q", err, test.says)
			}
		})
	}
	if len(g.seen()) != 0 {
		t.Errorf("calls arrived: %v", g.seen())
	}
}
