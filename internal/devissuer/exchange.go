package devissuer

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"ordermanagement/internal/auth"
)

// ClientCredentialsExchange gives the client a token of its own (RFC 6749, 4.4).
func (i *Issuer) ClientCredentialsExchange(_ context.Context, r *op.ClientRequest[oidc.ClientCredentialsRequest]) (*op.Response, error) {
	scopes, err := scopesOf(r.Data.Scope, auth.AllScopes(), auth.AllScopes())
	if err != nil {
		return nil, err
	}
	c := i.clients[r.Client.GetID()]
	response, err := i.respond(grant{client: c, subject: c.subject, tenant: auth.DefaultTenant, scopes: scopes})
	if err != nil {
		return nil, err
	}
	return op.NewResponse(response), nil
}

// CodeExchange gives tokens for an authorization code (RFC 6749, 4.1.3), once. A second use ends what came of the first:
// one of the two has stolen it.
func (i *Issuer) CodeExchange(_ context.Context, r *op.ClientRequest[oidc.AccessTokenRequest]) (*op.Response, error) {
	code, err := i.redeem(r.Data.Code)
	if err != nil {
		return nil, err
	}
	request := &code.request
	if r.Client.GetID() != request.Client {
		return nil, oidc.ErrInvalidGrant().WithDescription("the code was issued to another client")
	}
	if r.Data.RedirectURI != request.Redirect {
		return nil, oidc.ErrInvalidGrant().WithDescription("redirect_uri is not the one that the code was sent to")
	}
	challenge := &oidc.CodeChallenge{Challenge: request.Challenge, Method: oidc.CodeChallengeMethodS256}
	if err := op.AuthorizeCodeChallenge(r.Data.CodeVerifier, challenge); err != nil {
		return nil, err
	}
	g := i.grantOf(code.login, request.Client, request.Scopes, code.session)
	response, err := i.respond(g)
	if err != nil {
		return nil, err
	}
	if slices.Contains(request.Scopes, scopeOpenID) {
		if response.IDToken, err = i.idToken(g, response.AccessToken, request.Nonce, code.login.at); err != nil {
			return nil, oidc.ErrServerError().WithParent(err)
		}
	}
	if slices.Contains(request.Scopes, scopeOffline) {
		s := &session{client: request.Client, scopes: request.Scopes, login: code.login}
		i.memory.mu.Lock()
		defer i.memory.mu.Unlock()
		if _, ended := i.memory.revoked.get(code.session); !ended { // by a second use of the code meanwhile
			response.RefreshToken = i.memory.refreshToken(code.session, s)
			i.memory.sessions.put(code.session, s)
		}
	}
	return op.NewResponse(response), nil
}

// redeem takes a code.
func (i *Issuer) redeem(text string) (*code, error) {
	i.memory.mu.Lock()
	defer i.memory.mu.Unlock()
	found, ok := i.memory.codes.get(hashOf(text))
	if !ok {
		return nil, oidc.ErrInvalidGrant().WithDescription("there is no such code, or it has expired")
	}
	if found.used {
		i.memory.end(found.session)
		return nil, oidc.ErrInvalidGrant().WithDescription("the code was used before; the tokens that came of it are revoked")
	}
	found.used = true
	return found, nil
}

// grantOf is what a login gives a client: of the scopes those that the caller has.
func (i *Issuer) grantOf(l login, client string, scopes []string, session string) grant {
	return grant{
		client: i.clients[client], subject: l.caller.Subject, tenant: l.caller.Tenant,
		scopes: permitted(scopes, l.caller), session: session,
	}
}

// permitted are the scopes that a caller may give away. Those that are about the login itself are everybody's.
func permitted(scopes []string, caller auth.Caller) []string {
	return slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool {
		return scope != scopeOpenID && scope != scopeOffline && !caller.Has(scope)
	})
}

// RefreshToken gives new tokens for a refresh token (RFC 6749, 6), which is then used up. A second use ends the session:
// one of the two has stolen it (RFC 9700, 4.14.2).
func (i *Issuer) RefreshToken(ctx context.Context, r *op.ClientRequest[oidc.RefreshTokenRequest]) (*op.Response, error) {
	id, found, err := i.continued(r.Data.RefreshToken, r.Client.GetID())
	if err != nil {
		return nil, err
	}
	scopes, err := scopesOf(r.Data.Scopes, found.scopes, found.scopes)
	if err != nil {
		return nil, err
	}
	caller, err := i.authenticate(ctx, found.login.token)
	if err != nil || caller.Subject != found.login.caller.Subject || caller.Tenant != found.login.caller.Tenant {
		return nil, i.noLongerLetIn(ctx, id, err)
	}
	found.login.caller = caller
	g := i.grantOf(found.login, found.client, scopes, id)
	response, err := i.respond(g)
	if err != nil {
		return nil, err
	}
	if response.RefreshToken, err = i.rotate(r.Data.RefreshToken, found.client); err != nil {
		return nil, err
	}
	if slices.Contains(scopes, scopeOpenID) {
		if response.IDToken, err = i.idToken(g, response.AccessToken, "", found.login.at); err != nil {
			return nil, oidc.ErrServerError().WithParent(err)
		}
	}
	return op.NewResponse(response), nil
}

// continued answers a copy of the session of which a refresh token is the current one.
func (i *Issuer) continued(token, client string) (id string, s session, err error) {
	i.memory.mu.Lock()
	defer i.memory.mu.Unlock()
	id, found, err := i.memory.sessionOf(token, client)
	if err != nil {
		return "", session{}, err
	}
	return id, *found, nil
}

// rotate uses a refresh token up, and answers the next.
func (i *Issuer) rotate(token, client string) (string, error) {
	i.memory.mu.Lock()
	defer i.memory.mu.Unlock()
	id, s, err := i.memory.sessionOf(token, client)
	if err != nil {
		return "", err
	}
	s.turn++
	return i.memory.refreshToken(id, s), nil
}

// noLongerLetIn is the error of a refresh whose caller the service does not let in any more, or can't tell now.
func (i *Issuer) noLongerLetIn(ctx context.Context, session string, cause error) error {
	if errors.Is(cause, auth.ErrUnavailable) || errors.Is(cause, auth.ErrThrottled) {
		return op.NewStatusError(oidc.ErrServerError().WithDescription("who has logged in can't be verified now; try again"), http.StatusServiceUnavailable)
	}
	var refusal *auth.Refusal
	if cause != nil && !errors.As(cause, &refusal) {
		return oidc.ErrServerError().WithParent(cause)
	}
	i.options.Logger.WarnContext(ctx, "the development issuer ends a session: its login is not let in any more", slog.Any("cause", cause))
	i.memory.mu.Lock()
	defer i.memory.mu.Unlock()
	i.memory.end(session)
	return oidc.ErrInvalidGrant().WithDescription("the service does not let in any more what the login was made with")
}
