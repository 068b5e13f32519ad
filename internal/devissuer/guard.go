package devissuer

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// The paths below that of the issuer.
const (
	pathAuthorize  = "/authorize"
	pathLogin      = "/login"
	pathToken      = "/token"
	pathIntrospect = "/introspect"
	pathRevoke     = "/revoke"
	pathUserinfo   = "/userinfo"
	pathKeys       = "/keys"
)

// maxBody is the most of a form, in bytes.
const maxBody = 32 << 10

// methodsOf lists the methods of a path. What the library has beyond them is not there.
func methodsOf(path string) []string {
	get := []string{http.MethodGet, http.MethodHead}
	switch path {
	case oidc.DiscoveryEndpoint, pathKeys:
		return get
	case pathAuthorize, pathLogin, pathUserinfo:
		return append(get, http.MethodPost)
	case pathToken, pathIntrospect, pathRevoke:
		return []string{http.MethodPost}
	}
	return nil
}

// guard stands before the library, which takes any method and any size, and parameters from everywhere.
func (i *Issuer) guard(library http.Handler) http.Handler {
	endpoints := http.NewServeMux()
	endpoints.HandleFunc(pathLogin, i.login)
	endpoints.Handle("/", library)
	inside := http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		methods := methodsOf(r.URL.EscapedPath())
		if methods == nil {
			op.WriteError(w, r, op.NewStatusError(oidc.ErrInvalidRequest().WithDescription("there is nothing at this path"), http.StatusNotFound), nil)
			return
		}
		if !slices.Contains(methods, r.Method) {
			w.Header().Set("Allow", strings.Join(methods, ", "))
			op.WriteError(w, r, op.NewStatusError(oidc.ErrInvalidRequest().WithDescription("this path has no such method"), http.StatusMethodNotAllowed), nil)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := checkForm(r, methods); err != nil {
			op.WriteError(w, r, err, nil)
			return
		}
		if r.URL.Path == pathIntrospect && !authenticates(r) { // to which the library has another status
			op.WriteError(w, r, invalidClient(), nil)
			return
		}
		endpoints.ServeHTTP(w, r)
	}))
	below := http.StripPrefix(i.base, inside)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store") // RFC 6749, 5.1
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		below.ServeHTTP(&challenger{w}, r)
	})
}

// checkForm reads the parameters, each of which may be there once (RFC 6749, 3.1). Secrets have no place in a URL, which
// ends up in logs and histories.
func checkForm(r *http.Request, methods []string) error {
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return op.NewStatusError(oidc.ErrInvalidRequest().WithDescription("the body is larger than %d bytes", maxBody), http.StatusRequestEntityTooLarge)
		}
		return oidc.ErrInvalidRequest().WithDescription("the parameters can't be read")
	}
	if !slices.Contains(methods, http.MethodGet) && r.URL.RawQuery != "" {
		return oidc.ErrInvalidRequest().WithDescription("the parameters belong into the body, not into the URL")
	}
	if r.URL.Query().Has("access_token") { // which the library takes (RFC 6750, 2.3: it should not)
		return oidc.ErrInvalidRequest().WithDescription("a token belongs into the Authorization header, not into the URL")
	}
	return checkOnce(r.Form)
}

func checkOnce(form url.Values) error {
	for _, values := range form {
		if len(values) > 1 {
			return oidc.ErrInvalidRequest().WithDescription("a parameter is there more than once")
		}
	}
	return nil
}

// authenticates says whether a request carries a client's secret.
func authenticates(r *http.Request) bool {
	_, secret, _ := r.BasicAuth()
	return secret != "" || r.PostForm.Get("client_secret") != ""
}

// challenger adds to a 401 which credentials are taken (RFC 9110, 11.6.1; RFC 6749, 5.2).
type challenger struct{ http.ResponseWriter }

func (w *challenger) WriteHeader(code int) {
	if code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="development issuer", charset="UTF-8"`)
	}
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap is for http.ResponseController.
func (w *challenger) Unwrap() http.ResponseWriter { return w.ResponseWriter }
