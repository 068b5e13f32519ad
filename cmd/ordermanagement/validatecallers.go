package main

import (
	"net/url"
	"time"

	"ordermanagement/internal/auth"
	"ordermanagement/internal/devissuer"
)

const (
	minClockSkew          = time.Millisecond
	maxClockSkew          = 10 * time.Minute
	defaultIssuerTTL      = 15 * time.Minute // as the flag says
	maxTokenTTL           = devissuer.MaxTokenTTL
	minTokenTTL           = time.Second
	issuerSkew            = time.Millisecond // the issuer for development has the same clock: its tokens end when they say
	maxIntrospection      = 30 * time.Second
	maxIntrospectionCache = time.Hour
)

// checkCallers checks how callers are known.
func (s *serverSettings) checkCallers(p *problems) {
	j, o := &s.JWT, &s.OAuth
	if s.Auth.Auth == off {
		for flag, value := range map[string]string{"jwt-issuer": j.JWTIssuer, "introspection-url": o.IntrospectionURL, "htpasswd-file": s.Auth.HtpasswdFile} {
			if value != "" {
				p.report(flag, "would not be used with --auth=off; take one of them out")
			}
		}
	}
	checkURL(p, "jwt-issuer", j.JWTIssuer)
	checkURL(p, "jwt-jwks-url", j.JWTJWKSURL)
	checkURL(p, "introspection-url", o.IntrospectionURL)
	if j.JWTIssuer == "" && j.JWTJWKSFile+j.JWTJWKSURL != "" {
		p.report("jwt-issuer", "is missing: --jwt-jwks-file and --jwt-jwks-url hold the keys of an issuer")
	}
	if j.JWTJWKSFile != "" && j.JWTJWKSURL != "" {
		p.report("jwt-jwks-file", "--jwt-jwks-file and --jwt-jwks-url both name the issuer's keys; give one of them")
	}
	if j.JWTAudience == "" {
		p.report("jwt-audience", "is empty; a token for somebody else must not be taken")
	}
	checkRange(p, "jwt-clock-skew", j.JWTClockSkew, minClockSkew, maxClockSkew)
	if (o.IntrospectionURL == "") != (o.IntrospectionClient == "") {
		p.report("introspection-client", "--introspection-url and --introspection-client go together; give both or none")
	}
	checkRange(p, "introspection-timeout", o.IntrospectionTimeout, time.Millisecond, maxIntrospection)
	checkRange(p, "introspection-cache", o.IntrospectionCache, time.Millisecond, maxIntrospectionCache)
	if o.OAuthCA != "" && j.JWTIssuer == "" && o.IntrospectionURL == "" {
		p.report("oauth-ca", "would not be used without --jwt-issuer or --introspection-url; take it out")
	}
	if o.OAuthTenant != "" && !auth.ValidTenant(o.OAuthTenant) {
		p.report("oauth-tenant", "%q can't be a tenant; use 1 to 63 lower-case letters, digits and '-'", o.OAuthTenant)
	}
	if o.SubjectClaim == "" {
		p.report("subject-claim", "is empty; name the claim that says who the caller is")
	}
	if o.ScopeClaim == "" {
		p.report("scope-claim", "is empty; name the claim that says what the caller may do")
	}
	if o.TenantClaim == "" && o.OAuthTenant == "" {
		p.report("tenant-claim", "is empty; name the claim that says whose resources the caller sees, or give all of them one --oauth-tenant")
	}
}

// checkURL takes https, and http on this machine: what comes from these addresses decides who callers are.
func checkURL(p *problems, flag, text string) {
	if text == "" {
		return
	}
	parsed, err := url.Parse(text)
	secure := err == nil && (parsed.Scheme == "https" || parsed.Scheme == "http" && isLoopback(parsed.Hostname()))
	if !secure || parsed.Host == "" || parsed.User != nil || parsed.Fragment != "" {
		p.report(flag, "%q is not a URL such as https://login.example.com", text)
	}
}

// checkIssuer checks the issuer for development.
func (s *settings) checkIssuer(p *problems) {
	i := &s.issuerSettings.Issuer
	checkRange(p, "dev-issuer-token-ttl", i.DevIssuerTokenTTL, minTokenTTL, maxTokenTTL)
	if !i.DevIssuer && i.DevIssuerTokenTTL != defaultIssuerTTL {
		p.report("dev-issuer-token-ttl", "would not be used without --dev-issuer; take it out, or add that")
	}
	if i.DevIssuer && (!s.tls() || s.Auth.Auth == off) {
		p.report("dev-issuer", "needs TLS and authentication; take --tls=off and --auth=off out")
	}
}
