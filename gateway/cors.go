package gateway

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/jub0bs/cors"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
)

// preflightSeconds is how long a browser may keep the answer to a preflight. Chromium keeps none longer than that.
const preflightSeconds = 2 * 60 * 60

// CheckOrigin says what is wrong with an origin for Options.Origins: it must be written as browsers send it
// (https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin), and stand for itself only.
func CheckOrigin(origin string) error {
	if strings.Contains(origin, "*") {
		return fmt.Errorf("%q has a wildcard; list each origin", origin)
	}
	_, err := cors.NewMiddleware(cors.Config{Origins: []string{origin}})
	if err != nil || http.NewCrossOriginProtection().AddTrustedOrigin(origin) != nil {
		return fmt.Errorf("%q is not an origin as browsers send it, e.g. https://app.example.com or http://localhost:3000: in lower case, without a path or a default port", origin)
	}
	return nil
}

func checkOrigins(origins []string) error {
	var errs []error
	for _, origin := range origins {
		errs = append(errs, CheckOrigin(origin))
	}
	return errors.Join(errs...)
}

// shareAcrossOrigins lets the scripts of listed origins call, and read every answer (https://fetch.spec.whatwg.org/#http-cors-protocol).
//
// They may send and read any header: there is no wildcard for Grpc-Metadata-* alone, what reaches the server is listed
// in metadata.go for everybody, and an answer holds nothing that is not its caller's. Browsers add no credentials of
// their own, neither cookies nor client certificates; a script has to have a token.
func (g *gateway) shareAcrossOrigins() (middleware, error) {
	if len(g.Origins) == 0 {
		return func(next http.Handler) http.Handler { return next }, nil
	}
	methods := g.methods()
	share, err := cors.NewMiddleware(cors.Config{
		Origins:         g.Origins,
		Methods:         methods,
		RequestHeaders:  []string{"*", "Authorization"}, // the wildcard does not cover that one
		ResponseHeaders: []string{"*"},
		MaxAgeInSeconds: preflightSeconds,
	})
	if err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler {
		shared := share.Wrap(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if isPreflight(r) {
				w = preflight{callOf(r.Context()).w, strings.Join(methods, ", "), slices.Contains(g.Origins, r.Header.Get("Origin"))}
			}
			shared.ServeHTTP(w, r)
		})
	}, nil
}

// methods are those that some route has.
func (g *gateway) methods() []string {
	set := map[string]bool{http.MethodHead: true}
	for _, rt := range g.routes {
		set[rt.method] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// isPreflight tells a preflight from an OPTIONS that a client sends for its own sake.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && len(r.Header["Origin"]) > 0 && len(r.Header["Access-Control-Request-Method"]) > 0
}

// preflight is the ResponseWriter of a preflight. It names all methods, so that a browser asks once a path and not once a
// method, and gives a refusal the shape of every error.
type preflight struct {
	*response
	methods string
	listed  bool // the origin is
}

func (w preflight) WriteHeader(code int) {
	if code >= http.StatusBadRequest {
		st := crossOriginRefused()
		if w.listed {
			st = apierror.Newf(apiv1.ErrorReason_CROSS_ORIGIN_REFUSED, "nothing here has the method that the page wants to call with; there are %s", w.methods)
		}
		w.writeError(st)
		return
	}
	w.Header().Set("Access-Control-Allow-Methods", w.methods)
	w.response.WriteHeader(code)
}
