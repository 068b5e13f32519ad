package devissuer

import (
	"context"
	"net/http"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Discovery says what there is (OpenID Connect Discovery 1.0, 3; RFC 8414, 2).
func (i *Issuer) Discovery(context.Context, *op.Request[struct{}]) (*op.Response, error) {
	issuer := i.options.Issuer
	secret := []oidc.AuthMethod{oidc.AuthMethodBasic, oidc.AuthMethodPost}
	anybody := append([]oidc.AuthMethod{oidc.AuthMethodNone}, secret...)
	return op.NewResponse(&oidc.DiscoveryConfiguration{
		Issuer:                                    issuer,
		AuthorizationEndpoint:                     issuer + pathAuthorize,
		TokenEndpoint:                             issuer + pathToken,
		IntrospectionEndpoint:                     issuer + pathIntrospect,
		RevocationEndpoint:                        issuer + pathRevoke,
		UserinfoEndpoint:                          issuer + pathUserinfo,
		JwksURI:                                   issuer + pathKeys,
		ScopesSupported:                           loginScopes(),
		ResponseTypesSupported:                    []string{string(oidc.ResponseTypeCode)},
		ResponseModesSupported:                    []string{string(oidc.ResponseModeQuery)},
		GrantTypesSupported:                       []oidc.GrantType{oidc.GrantTypeClientCredentials, oidc.GrantTypeCode, oidc.GrantTypeRefreshToken},
		SubjectTypesSupported:                     []string{"public"},
		IDTokenSigningAlgValuesSupported:          []string{i.key.public.Algorithm},
		TokenEndpointAuthMethodsSupported:         anybody,
		RevocationEndpointAuthMethodsSupported:    anybody,
		IntrospectionEndpointAuthMethodsSupported: secret,
		CodeChallengeMethodsSupported:             []oidc.CodeChallengeMethod{oidc.CodeChallengeMethodS256},
		ClaimsSupported:                           []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash"},
	}), nil
}

// Keys lists the public keys (RFC 7517).
func (i *Issuer) Keys(context.Context, *op.Request[struct{}]) (*op.Response, error) {
	return op.NewResponse(i.JWKS()), nil
}

// Introspect says whether an access token is valid, and what it says (RFC 7662). Only a client with a secret may ask. A
// refresh token is none: a service must not take it.
func (i *Issuer) Introspect(_ context.Context, r *op.Request[op.IntrospectionRequest]) (*op.Response, error) {
	c, err := i.verifyClient(r.Data.ClientCredentials)
	if err != nil {
		return nil, err
	}
	if c.secret == "" {
		return nil, invalidClient()
	}
	claims, ok := i.verify(r.Data.Token)
	if !ok {
		return op.NewResponse(new(oidc.IntrospectionResponse)), nil
	}
	return op.NewResponse(&oidc.IntrospectionResponse{
		Active: true, Scope: strings.Fields(claims.Scope), ClientID: claims.ClientID, TokenType: oidc.BearerToken,
		Expiration: oidc.FromTime(claims.Expiry.Time()), IssuedAt: oidc.FromTime(claims.IssuedAt.Time()),
		Subject: claims.Subject, Audience: oidc.Audience(claims.Audience), Issuer: claims.Issuer, JWTID: claims.ID,
		Claims: map[string]any{"tenant": claims.Tenant},
	}), nil
}

// Revocation makes a token of the client invalid: an access token, or a refresh token with all that came of its login
// (RFC 7009). Who verifies a JWT without asking here takes it until it expires. There is no error for a token that is not
// known: it is invalid already.
func (i *Issuer) Revocation(_ context.Context, r *op.ClientRequest[oidc.RevocationRequest]) (*op.Response, error) {
	token, client := r.Data.Token, r.Client.GetID()
	claims, isAccess := i.verify(token)
	i.memory.mu.Lock()
	defer i.memory.mu.Unlock()
	if isAccess {
		if claims.ClientID != client {
			return nil, oidc.ErrUnauthorizedClient().WithDescription("the token was issued to another client")
		}
		i.memory.opaque.drop(hashOf(token))
		i.memory.revoked.put(claims.ID, struct{}{})
		return op.NewResponse(nil), nil
	}
	if id, _, err := i.memory.sessionOf(token, client); err == nil {
		i.memory.end(id)
	}
	return op.NewResponse(nil), nil
}

// UserInfo says whose token it is (OpenID Connect Core 1.0, 5.3).
func (i *Issuer) UserInfo(_ context.Context, r *op.Request[oidc.UserInfoRequest]) (*op.Response, error) {
	claims, ok := i.verify(r.Data.AccessToken)
	if !ok {
		return nil, op.NewStatusError(oidc.ErrAccessDenied().WithDescription("the access token is not valid"), http.StatusUnauthorized)
	}
	if !strings.Contains(" "+claims.Scope+" ", " "+scopeOpenID+" ") {
		return nil, op.NewStatusError(oidc.ErrInvalidScope().WithDescription("the access token lacks the scope %s", scopeOpenID), http.StatusForbidden)
	}
	return op.NewResponse(&oidc.UserInfo{Subject: claims.Subject, Claims: map[string]any{"tenant": claims.Tenant}}), nil
}
