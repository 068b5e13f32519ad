package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ordermanagement/internal/auth"
	"ordermanagement/internal/auth/oauth"
	"ordermanagement/internal/devissuer"
	"ordermanagement/internal/follow"
	"ordermanagement/internal/lifecycle"
)

// callers is how callers are known: an Authenticator, and what it has running.
type callers struct {
	auth.Authenticator
	gateway func(*x509.Certificate) bool // whether a certificate is a gateway's, whose word is taken
	keys    *oauth.RemoteKeys            // nil if there are none
}

// addCallers puts together all the ways in which callers make themselves known.
func (p *process) addCallers(files *files, issuer *devissuer.Issuer) (*callers, error) {
	s, c := p.settings, &callers{}
	var err error
	if c.gateway, err = auth.MatchCertificate(s.Auth.TrustedGateways); err != nil {
		return nil, fmt.Errorf("--trusted-gateways: %w", err)
	}
	if s.Auth.Auth == off {
		c.Authenticator = auth.Anonymous{}
		return c, nil
	}
	if err := p.followCallers(files.directory); err != nil {
		return nil, err
	}
	methods := &auth.Methods{Tokens: []auth.TokenVerifier{files.directory}, Passwords: files.directory}
	if s.TLS.ClientCA != "" {
		methods.Certificates = files.directory
	} else if s.gatewaySettings == nil && s.tls() {
		p.log.Info("without --client-ca no gateway is known: who calls through one counts, for limits, as calling from it")
	}
	c.Authenticator = methods
	if issuer != nil {
		verifier, err := p.verifierOf(issuer)
		if err != nil {
			return nil, err
		}
		methods.Tokens = append([]auth.TokenVerifier{verifier}, methods.Tokens...)
	}
	claims := oauth.Claims{Subject: s.OAuth.SubjectClaim, Tenant: s.OAuth.TenantClaim, Scopes: s.OAuth.ScopeClaim, FixedTenant: s.OAuth.OAuthTenant}
	if s.OAuth.OAuthTenant != "" {
		claims.Tenant = ""
	}
	if s.JWT.JWTIssuer != "" {
		verifier, err := p.addJWT(c, claims)
		if err != nil {
			return nil, err
		}
		methods.Tokens = append([]auth.TokenVerifier{verifier}, methods.Tokens...)
	}
	if s.OAuth.IntrospectionURL != "" {
		inquiry, err := oauth.NewIntrospection(oauth.IntrospectionOptions{
			URL: s.OAuth.IntrospectionURL, Peer: peerOf(s, s.OAuth.IntrospectionURL), ClientFile: s.OAuth.IntrospectionClient,
			Issuer: s.JWT.JWTIssuer, Audience: s.JWT.JWTAudience, Skew: s.JWT.JWTClockSkew, Claims: claims, Timeout: s.OAuth.IntrospectionTimeout, CacheTime: s.OAuth.IntrospectionCache, Logger: p.log,
		})
		if err != nil {
			return nil, fmt.Errorf("--introspection-url: %w", err)
		}
		methods.Tokens = append(methods.Tokens, inquiry)
		p.cleanups.Push(lifecycle.Cleanup{Name: "asking about tokens", Limit: closeTimeout, Stop: func(context.Context) error {
			inquiry.Close()
			return nil
		}})
	}
	return c, nil
}

// followCallers looks at the callers' files even if nobody calls, so that who edits them finds in the log what came of it.
func (p *process) followCallers(directory *auth.Directory) error {
	rejected := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "callers_files_rejected", Help: "1 while something in the callers' files is wrong, and what they said before stays in use.",
	})
	p.addRun("following the callers' files", func(ctx context.Context) error {
		ticker := time.NewTicker(follow.Interval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
			}
			rejected.Set(map[bool]float64{false: 1}[directory.Refresh()])
		}
	})
	return p.registry.Register(rejected)
}

// addJWT verifies the tokens of --jwt-issuer.
func (p *process) addJWT(c *callers, claims oauth.Claims) (*oauth.JWT, error) {
	s := p.settings
	var keys oauth.Keys
	var err error
	if file := s.JWT.JWTJWKSFile; file != "" {
		if keys, err = oauth.FileKeys(file, nil, p.log); err != nil {
			return nil, fmt.Errorf("--jwt-jwks-file: %w", err)
		}
	} else {
		options := oauth.RemoteOptions{URL: s.JWT.JWTJWKSURL, Logger: p.log, Registerer: p.registry}
		if options.URL == "" {
			options.Issuer = s.JWT.JWTIssuer
		}
		options.Peer = peerOf(s, options.URL+options.Issuer)
		if c.keys, err = oauth.NewRemoteKeys(options); err != nil {
			return nil, fmt.Errorf("--jwt-issuer, --jwt-jwks-url: %w", err)
		}
		keys = c.keys
		p.addRun("the keys of "+s.JWT.JWTIssuer, c.keys.Run)
	}
	verifier, err := oauth.NewJWT(oauth.JWTOptions{
		Issuer: s.JWT.JWTIssuer, Audience: s.JWT.JWTAudience, Algorithms: s.JWT.JWTAlgorithms, Skew: s.JWT.JWTClockSkew, Claims: claims, Keys: keys,
	})
	if err != nil {
		return nil, fmt.Errorf("--jwt-issuer: %w", err)
	}
	return verifier, nil
}

// peerOf is how a server of others is reached. Plaintext is for what runs on this machine.
func peerOf(s *settings, address string) oauth.Peer {
	parsed, err := url.Parse(address)
	return oauth.Peer{CAFile: s.OAuth.OAuthCA, AllowLoopbackHTTP: err == nil && isLoopback(parsed.Hostname())}
}

// ready says which callers can't be known yet.
func (c *callers) ready(ctx context.Context) error {
	if c.keys == nil {
		return nil
	}
	return c.keys.Ready(ctx)
}
