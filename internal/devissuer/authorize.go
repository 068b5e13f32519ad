package devissuer

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"ordermanagement/internal/auth"
)

const (
	loginTime = 10 * time.Minute // to log in
	maxState  = 1024             // bytes of state and of nonce
)

// challengeS256 is a code challenge that was made with S256: 32 bytes in base64url (RFC 7636, 4.2).
var challengeS256 = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// authRequest is a request for authorization that waits for somebody to log in. It is not kept, but travels, sealed, with
// the login page: whoever asks for as many pages as it likes takes no memory.
type authRequest struct {
	Client    string    `json:"client"`
	Redirect  string    `json:"redirect"`
	State     string    `json:"state"`
	Nonce     string    `json:"nonce"`
	Challenge string    `json:"challenge"`
	Scopes    []string  `json:"scopes"`
	Expires   time.Time `json:"expires"`
}

// newSealer makes a key that lives as long as the process.
func newSealer() op.Crypto {
	var key [32]byte
	rand.Read(key[:]) // never fails (crypto/rand)
	return op.NewAES256GCMCrypto(key, "")
}

func (i *Issuer) seal(request *authRequest) (string, error) {
	text, err := json.Marshal(request)
	if err != nil {
		return "", err
	}
	return i.sealer.Encrypt(string(text))
}

// unseal opens a request, if it is one of ours that has not expired.
func (i *Issuer) unseal(sealed string) (*authRequest, bool) {
	text, err := i.sealer.Decrypt(sealed)
	if err != nil {
		return nil, false
	}
	var request authRequest
	if json.Unmarshal([]byte(text), &request) != nil || !i.options.Now().Before(request.Expires) {
		return nil, false
	}
	return &request, true
}

// VerifyAuthRequest finds the client of an authorization request. Its errors are shown to the person, who is not sent
// back: whether the redirect is the client's is not known yet.
func (i *Issuer) VerifyAuthRequest(_ context.Context, r *op.Request[oidc.AuthRequest]) (*op.ClientRequest[oidc.AuthRequest], error) {
	c, ok := i.clients[r.Data.ClientID]
	if !ok {
		return nil, oidc.ErrInvalidRequest().WithDescription("there is no client of this id")
	}
	if !slices.ContainsFunc(r.Data.Scopes, func(scope string) bool { return scope != "" }) {
		r.Data.Scopes = auth.AllScopes() // which the library would ask for
	}
	return &op.ClientRequest[oidc.AuthRequest]{Request: r, Client: c}, nil
}

// Authorize sends a person to the login page (RFC 6749, 4.1.1). By now the redirect is known to be the client's, which is
// told of errors there.
func (i *Issuer) Authorize(_ context.Context, r *op.ClientRequest[oidc.AuthRequest]) (*op.Redirect, error) {
	request := r.Data
	scopes, err := scopesOf(request.Scopes, loginScopes(), auth.AllScopes())
	switch {
	case err != nil:
		return nil, err
	case request.RequestParam != "":
		return nil, oidc.ErrRequestNotSupported()
	case request.ResponseMode != "" && request.ResponseMode != oidc.ResponseModeQuery:
		return nil, oidc.ErrInvalidRequest().WithDescription("the response_mode is query")
	case slices.Contains(request.Prompt, oidc.PromptNone):
		return nil, oidc.ErrLoginRequired() // always: nobody stays logged in
	case request.CodeChallengeMethod != oidc.CodeChallengeMethodS256 || !challengeS256.MatchString(request.CodeChallenge):
		return nil, oidc.ErrInvalidRequest().WithDescription("a code_challenge with code_challenge_method=S256 is required (RFC 7636)")
	case len(request.State) > maxState || len(request.Nonce) > maxState:
		return nil, oidc.ErrInvalidRequest().WithDescription("state and nonce can have %d bytes each", maxState)
	}
	sealed, err := i.seal(&authRequest{
		Client: request.ClientID, Redirect: request.RedirectURI, State: request.State, Nonce: request.Nonce,
		Challenge: request.CodeChallenge, Scopes: scopes, Expires: i.options.Now().Add(loginTime),
	})
	if err != nil {
		return nil, oidc.ErrServerError().WithParent(err)
	}
	return op.NewRedirect(i.base + pathLogin + "?" + url.Values{"request": {sealed}}.Encode()), nil
}
