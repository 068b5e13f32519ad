package server

import (
	"context"
	"crypto/x509"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"ordermanagement/internal/auth"
	"ordermanagement/internal/xfcc"
)

const (
	authorizationKey = "authorization"
	forwardedForKey  = "x-forwarded-for"
	originKey        = "x-om-origin" // what a gateway tells that believes a proxy in front of it
)

// trust says of a verified client certificate whether it is that of a gateway, which tells whose calls it forwards. The
// gateway of the same process always does.
type trust func(*x509.Certificate) bool

// credentials collects what a call carries about its caller. What a gateway tells is believed of gateways only; a
// gateway's own certificate stands for nobody.
func (t trust) credentials(ctx context.Context, c *call) (found auth.Credentials, err error) {
	found = auth.Credentials{
		Authorization: metadata.ValueFromIncomingContext(ctx, authorizationKey),
		ForwardedFor:  metadata.ValueFromIncomingContext(ctx, forwardedForKey),
	}
	defer func() { c.origin = found.Origin }()
	p, known := peer.FromContext(ctx)
	if known {
		found.Origin.Peer = p.Addr
	}
	shown := shownCertificate(p)
	if !c.inProcess && (shown == nil || t == nil || !t(shown)) {
		found.Certificate = shown
		if len(metadata.ValueFromIncomingContext(ctx, xfcc.Header)) > 0 {
			found.NotBelieved = "no credential but " + xfcc.Header + ", which is believed of --trusted-gateways only, that show their certificate: see --client-ca"
		}
		return found, nil
	}
	if len(found.ForwardedFor) == 1 {
		c.forwarded = found.ForwardedFor[0]
		found.Origin.Told = c.forwarded
	}
	if told := metadata.ValueFromIncomingContext(ctx, originKey); len(told) == 1 {
		found.Origin.Told = told[0]
	}
	told := metadata.ValueFromIncomingContext(ctx, xfcc.Header)
	if len(told) == 0 || len(found.Authorization) > 0 { // which counts before a certificate
		return found, nil
	}
	if found.Certificate, err = xfcc.Parse(told); err != nil {
		return found, auth.Refuse(auth.KindCertificate, auth.Malformed, "what the gateway tells of the client certificate: "+err.Error())
	}
	return found, nil
}

// shownCertificate is the one that the peer has shown on this connection, and that TLS has verified; nil if there is none.
func shownCertificate(p *peer.Peer) *x509.Certificate {
	if p == nil {
		return nil
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 {
		return nil
	}
	return info.State.VerifiedChains[0][0]
}
