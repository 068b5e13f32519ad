package callers_test

import (
	"crypto/tls"
	"encoding/pem"
	"net/http"
	"net/url"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"ordermanagement/certs"
	"ordermanagement/e2e/corpus"
)

// unverifiable are certificates that the service's TLS doesn't take.
func (w *world) unverifiable(t *testing.T) map[string]*tls.Certificate {
	t.Helper()
	foreign, err := certs.NewAuthority(certs.AuthorityOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ours, err := certs.LoadAuthority(w.path("ca.crt"), w.path("ca.key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	other := func(request certs.LeafRequest) *tls.Certificate {
		request.CommonName = "writer"
		pair, err := ours.Issue(request)
		if err != nil {
			t.Fatal(err)
		}
		certificate, err := tls.X509KeyPair(pair.Certificate, pair.Key)
		if err != nil {
			t.Fatal(err)
		}
		return &certificate
	}
	return map[string]*tls.Certificate{
		"of another authority": issue(t, foreign, "writer"),
		"expired":              other(certs.LeafRequest{Client: true, Validity: time.Nanosecond}),
		"of a server":          other(certs.LeafRequest{Server: true, DNSNames: []string{"writer.example.com"}}),
	}
}

// forwarded is how gateways tell the certificate of a caller.
func forwarded(certificate *tls.Certificate) string {
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
	return `Cert="` + url.QueryEscape(string(block)) + `";Subject="CN=writer";URI=spiffe://example.com/writer`
}

// forgeries are what a caller may say to be taken for somebody else, by names of metadata.
func (w *world) forgeries(t *testing.T) map[string]string {
	told := forwarded(w.certificate(t, "writer"))
	return map[string]string{
		"x-forwarded-client-cert": told, "x-om-subject": "user:writer", "x-om-tenant": "default", "x-tenant": "default", "x-tenant-id": "default",
		"x-subject": "user:writer", "x-user": "writer", "x-remote-user": "writer", "remote-user": "writer", "x-forwarded-user": "writer",
		"x-client-cert": told, "x-ssl-client-cert": told, "x-ssl-client-s-dn": "CN=writer", "x-auth-request-user": "writer", "x-scope": "orders.read",
		"x-forwarded-for": "127.0.0.1", "forwarded": "for=127.0.0.1", "cookie": "token=token-of-the-writer", "proxy-authorization": "Bearer token-of-the-writer",
		"grpcgateway-authorization": "Bearer token-of-the-writer", "grpc-metadata-authorization": "Bearer token-of-the-writer",
		"authorization-bin": "QmVhcmVyIHRva2VuLW9mLXRoZS13cml0ZXI",
	}
}

// TestForged shows that nothing which a caller says makes it somebody else: neither one that shows no credential, nor one
// whose certificate is nobody's, nor a gateway's certificate by itself.
func TestForged(t *testing.T) {
	w := newWorld(t)
	lies := w.forgeries(t)
	gateway, err := tls.LoadX509KeyPair(w.path("gateway.crt"), w.path("gateway.key"))
	if err != nil {
		t.Fatal(err)
	}
	liars := map[string]struct {
		certificate *tls.Certificate
		want        string
	}{
		"no certificate":       {nil, "CREDENTIALS_MISSING"},
		"a stranger's":         {w.certificate(t, "stranger"), "CREDENTIALS_INVALID"},
		"the gateway's itself": {&gateway, "CREDENTIALS_MISSING"},
	}
	for _, way := range w.ways(t) {
		for who, liar := range liars {
			for key, value := range lies {
				if who == "the gateway's itself" && way.name == "gRPC" && key == "x-forwarded-client-cert" {
					continue // it is what the gateway is trusted for
				}
				want := liar.want
				if who == "the gateway's itself" && way.name != "gRPC" {
					want = "CREDENTIALS_INVALID" // to the HTTP listener it is a caller like any other, and nobody
				}
				t.Run(way.name+"/"+who+"/"+key, func(t *testing.T) {
					transport := way.open(t, liar.certificate)
					defer transport.Close()
					got, err := call(t.Context(), transport, methods[0].name, methods[0].request, map[string]corpus.Values{key: {value}})
					if err != nil {
						t.Fatal(err)
					}
					if got.code != codes.Unauthenticated || got.reason != want {
						t.Errorf("got %+v, want %s", got, want)
					}
				})
			}
		}
	}
}

// TestForgedHeaders does the same with HTTP's own names of headers.
func TestForgedHeaders(t *testing.T) {
	w := newWorld(t)
	lies := w.forgeries(t)
	for name, service := range w.fronts(t) {
		for who, certificate := range map[string]*tls.Certificate{"no certificate": nil, "a stranger's": w.certificate(t, "stranger")} {
			transport := &http.Transport{TLSClientConfig: w.tls(t, certificate)}
			defer transport.CloseIdleConnections()
			for key, value := range lies {
				t.Run(name+"/"+who+"/"+key, func(t *testing.T) {
					request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, service.URL("/v2/orders"), nil)
					if err != nil {
						t.Fatal(err)
					}
					request.Header.Set(key, value)
					answer, err := transport.RoundTrip(request)
					if err != nil {
						t.Fatal(err)
					}
					defer answer.Body.Close()
					if answer.StatusCode != http.StatusUnauthorized {
						t.Errorf("got %s, want 401", answer.Status)
					}
				})
			}
		}
	}
}
