package gateway

import (
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"google.golang.org/grpc/status"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
	"ordermanagement/internal/tracing"
)

// admit checks a request against its route before the generated code sees it, and prepares what that code, and conn,
// will use. The request is the mux's own copy. A status means that the request is refused.
func (g *gateway) admit(c *call, r *http.Request, params map[string]string) *status.Status {
	if c.route == nil {
		return apierror.Newf(apiv1.ErrorReason_ROUTE_NOT_FOUND, "there is nothing at this path")
	}
	if c.request.Method == http.MethodHead && c.route.serverStreams {
		return g.methodNotAllowed(c, r.URL) // a stream may have no end, and so no length to tell
	}
	for name, value := range params {
		if !utf8.ValidString(value) {
			return malformed(name, "the path must be UTF-8")
		}
	}
	var st *status.Status
	if c.query, st = c.route.parseQuery(r.URL.RawQuery); st != nil {
		return st
	}
	// With both forms set, ParseForm of the generated code neither parses the query again nor takes a body for a form.
	r.Form, r.PostForm = c.query, url.Values{}
	if st := checkTimeout(r.Header); st != nil {
		return st
	}
	if c.outgoing, st = incomingMetadata(r, c.id, g.TrustForwardedFor); st != nil {
		return st
	}
	if g.TracerProvider != nil {
		tracing.Inject(r.Context(), c.outgoing)
	}
	// Where there is no body, and no stream that may be answered without a call, the call itself can tell as early.
	if g.Admit != nil && (c.route.body != "" || r.ContentLength != 0 || c.route.serverStreams) {
		var err error
		if c.header, err = g.Admit(r.Context(), c.route.full, c.outgoing); err != nil {
			return apierror.Normalize(err)
		}
		c.header = nil // the call itself answers them anew
	}
	if st := g.admitBody(c, r); st != nil {
		return st
	}
	strip(r)
	return c.checkName(params)
}

// strip leaves nothing in the mux's request of which the generated code would make metadata, which conn then throws away,
// but the time that the client gives.
func strip(r *http.Request) {
	given := r.Header[timeoutHeader]
	r.Header, r.Host, r.RemoteAddr = nil, "", ""
	if given != nil {
		r.Header = http.Header{timeoutHeader: given}
	}
}

// checkName refuses a body that names another resource than the path: which of the two was meant is not ours to guess.
func (c *call) checkName(params map[string]string) *status.Status {
	inPath, ok := params[c.route.body+".name"]
	if !ok {
		return nil
	}
	var resource struct {
		Name *string `json:"name"`
	}
	// What can't be read is for the decoder to explain.
	if err := json.Unmarshal(c.body, &resource); err != nil || resource.Name == nil || *resource.Name == inPath {
		return nil
	}
	return malformed(c.route.body+".name", "the name in the body is not that of the path; leave it out, or make them the same")
}

// refusePath answers 404 to paths with empty or dot segments. They are never cleaned by redirecting, which would lose
// the body, nor is a proxy that reads `/v1/orders/%2e%2e/x` as `/v1/x` (RFC 3986, 6.2.2) believed.
func (g *gateway) refusePath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !cleanPath(r.URL.EscapedPath()) {
			callOf(r.Context()).w.writeError(notFound())
			return
		}
		next.ServeHTTP(w, r)
	})
}

func cleanPath(escaped string) bool {
	rest, ok := strings.CutPrefix(escaped, "/")
	if !ok {
		return false
	}
	for segment := range strings.SplitSeq(rest, "/") {
		if strings.Contains(segment, "%") {
			var err error
			if segment, err = url.PathUnescape(segment); err != nil {
				return false
			}
		}
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

// answerHead answers HEAD as GET: net/http leaves the body out (RFC 9110, 9.3.2).
func (g *gateway) answerHead(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			r = r.WithContext(r.Context()) // a copy
			r.Method = http.MethodGet
		}
		next.ServeHTTP(w, r)
	})
}

// refuseForeignHost refuses requests that are not for this machine by its own names, where that is wanted.
func (g *gateway) refuseForeignHost(next http.Handler) http.Handler {
	if !g.LoopbackHostOnly {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !loopbackHost(r.Host) {
			callOf(r.Context()).w.writeError(apierror.Newf(apiv1.ErrorReason_CROSS_ORIGIN_REFUSED,
				"without authentication the service answers as localhost only; call https://localhost or http://localhost"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func loopbackHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && address.Unmap().IsLoopback()
}

// refuseCrossOrigin keeps pages of other origins, but those that are listed, from sending what a browser sends without
// asking, such as a form.
func (g *gateway) refuseCrossOrigin() (middleware, error) {
	protection := http.NewCrossOriginProtection()
	for _, origin := range g.Origins {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			return nil, err
		}
	}
	protection.SetDenyHandler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		callOf(r.Context()).w.writeError(crossOriginRefused())
	}))
	return protection.Handler, nil
}

func crossOriginRefused() *status.Status {
	return apierror.Newf(apiv1.ErrorReason_CROSS_ORIGIN_REFUSED,
		"a page of another origin may not send this; ask the operator to list the origin (--cors-origins), or call from a page of this origin, or not from a browser")
}

// timeoutValue is a gRPC timeout: at most eight digits and a unit
// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
var timeoutValue = regexp.MustCompile(`^[0-9]{1,8}[HMSmun]$`)

const timeoutHeader = "Grpc-Timeout"

// checkTimeout checks the Grpc-Timeout header, which runtime.AnnotateContext then obeys. That takes a timeout of zero
// for none.
func checkTimeout(h http.Header) *status.Status {
	values := h[timeoutHeader]
	switch {
	case len(values) == 0:
		return nil
	case len(values) > 1 || !timeoutValue.MatchString(values[0]):
		return malformed("Grpc-Timeout", "the Grpc-Timeout header must be a number of at most eight digits and one of the units H, M, S, m, u, n")
	case strings.Trim(values[0][:len(values[0])-1], "0") == "":
		return apierror.Newf(apiv1.ErrorReason_DEADLINE_PASSED, "the Grpc-Timeout header leaves no time at all")
	}
	return nil
}
