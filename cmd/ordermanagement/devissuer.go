package main

import (
	"context"
	"crypto"
	"encoding/json"
	"net"
	"net/netip"
	"path/filepath"

	"ordermanagement/gateway"
	"ordermanagement/internal/auth"
	"ordermanagement/internal/auth/oauth"
	"ordermanagement/internal/devissuer"
	"ordermanagement/openapi/docs"
)

// issuerFiles is what the issuer for development keeps in the data directory.
type issuerFiles struct {
	key    crypto.Signer
	client devissuer.Client
}

// newIssuer makes the issuer for development, or nil.
func (p *process) newIssuer(listener net.Listener, files *files) (*devissuer.Issuer, error) {
	s := p.settings
	if s.issuerSettings == nil || !s.Issuer.DevIssuer {
		return nil, nil
	}
	host, port := issuerHost(s.HTTP.HTTPListen, listener)
	var redirects []string
	for _, name := range []string{host, "localhost", "127.0.0.1", "::1"} {
		redirects = append(redirects, "https://"+net.JoinHostPort(name, port)+docs.PathOAuth2Redirect)
	}
	p.log.Info("issuing tokens for development", "issuer", "https://"+net.JoinHostPort(host, port)+gateway.PathIssuer, "client", filepath.Join(s.Data.DataDir, devissuer.ClientFile))
	known := &auth.Methods{Tokens: []auth.TokenVerifier{files.directory}}
	return devissuer.New(devissuer.Options{
		Issuer:   "https://" + net.JoinHostPort(host, port) + gateway.PathIssuer,
		Key:      files.issuer.key,
		TokenTTL: s.Issuer.DevIssuerTokenTTL,
		Client:   files.issuer.client,
		Authenticate: func(ctx context.Context, token string) (auth.Caller, error) {
			return known.Authenticate(ctx, auth.Credentials{Authorization: []string{"Bearer " + token}})
		},
		Audience:  s.JWT.JWTAudience,
		Redirects: redirects,
		Logger:    p.log,
	})
}

// issuerHost is the name and port under which the HTTPS listener is the issuer: as it was given, and localhost where that is
// every interface.
func issuerHost(given string, listener net.Listener) (host, port string) {
	host, _, _ = net.SplitHostPort(given) // has been checked
	_, port, _ = net.SplitHostPort(listener.Addr().String())
	if address, err := netip.ParseAddr(host); host == "" || err == nil && address.IsUnspecified() {
		host = "localhost"
	}
	return host, port
}

// verifierOf verifies the tokens of the issuer in the same process, which need not be asked for its keys.
func (p *process) verifierOf(issuer *devissuer.Issuer) (*oauth.JWT, error) {
	document, err := json.Marshal(issuer.JWKS())
	if err != nil {
		return nil, err
	}
	keys, err := oauth.ParseKeySet(document)
	if err != nil {
		return nil, err
	}
	return oauth.NewJWT(oauth.JWTOptions{
		Issuer: issuer.URL(), Audience: p.settings.JWT.JWTAudience, Skew: issuerSkew, Keys: oauth.StaticKeys(keys),
	})
}
