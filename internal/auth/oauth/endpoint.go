package oauth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"ordermanagement/certs"
)

const (
	// maxAnswer is the size up to which an answer of another server is read, in bytes. It is far more than MaxKeys need.
	maxAnswer = 512 << 10
	// maxAnswerHeader bounds the header of an answer, in bytes.
	maxAnswerHeader = 64 << 10
	// connectTimeout bounds connecting, and the TLS handshake after that. The whole request has a limit of its own.
	connectTimeout = 5 * time.Second
	// idleTimeout is how long a connection is kept that nobody uses.
	idleTimeout = 90 * time.Second

	userAgent = "ordermanagement"
)

// Peer says how the server of an issuer is reached.
type Peer struct {
	// CAFile holds the authorities to trust instead of the system's, PEM. It is followed.
	CAFile string
	// AllowLoopbackHTTP lets an address be http://, if it is one of this machine. Everything else has to be https://.
	AllowLoopbackHTTP bool
}

// endpoint is an address of another server. Nothing is followed from there: a redirect is an answer like any other that is
// not 200.
type endpoint struct {
	url    string
	client *http.Client
}

// newEndpoint makes an endpoint that keeps so many connections while nobody uses them.
func newEndpoint(address string, peer Peer, idle int, logger *slog.Logger) (*endpoint, error) {
	host, err := checkAddress(address, peer.AllowLoopbackHTTP)
	if err != nil {
		return nil, err
	}
	// Other people's servers: TLS 1.2 is still among them.
	options := certs.ClientOptions{CAFile: peer.CAFile, MinVersion: tls.VersionTLS12, Logger: logger}
	if net.ParseIP(host) != nil {
		options.ServerName = host // see certs.ClientConfig
	}
	config, err := certs.ClientConfig(options)
	if err != nil {
		return nil, err
	}
	return &endpoint{url: address, client: &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
			TLSClientConfig:        config,
			TLSHandshakeTimeout:    connectTimeout,
			DisableKeepAlives:      idle == 0,
			DisableCompression:     true,
			MaxIdleConnsPerHost:    idle,
			IdleConnTimeout:        idleTimeout,
			MaxResponseHeaderBytes: maxAnswerHeader,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// checkAddress answers the host of an address that may be called.
func checkAddress(address string, allowLoopbackHTTP bool) (host string, err error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" || parsed.User != nil || parsed.Fragment != "" {
		return "", errors.New("the address of an issuer's server must be https://HOST[:PORT][/PATH], without user, password and fragment")
	}
	host = parsed.Hostname()
	switch {
	case parsed.Scheme == "https":
	case parsed.Scheme == "http" && allowLoopbackHTTP && isLoopback(host):
	default:
		return "", fmt.Errorf("%s: the address of an issuer's server must begin with https://", address)
	}
	return host, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// get reads what is at the address.
func (e *endpoint) get(ctx context.Context) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url, nil)
	if err != nil {
		return nil, err
	}
	return e.do(request)
}

// do answers the body of an answer that is 200.
func (e *endpoint) do(request *http.Request) ([]byte, error) {
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("Accept", "application/json")
	response, err := e.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %d, not 200 (redirects are not followed)", e.url, response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", e.url, err)
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("%s answers more than %d bytes", e.url, maxAnswer)
	}
	return body, nil
}

func (e *endpoint) close() { e.client.CloseIdleConnections() }
