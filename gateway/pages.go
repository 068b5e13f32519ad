package gateway

import (
	"net/http"
	"strings"

	"google.golang.org/protobuf/types/known/emptypb"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
	"ordermanagement/openapi/docs"
)

// page is what answers GET at one path, exactly as it is written, and calls no method of the contract.
type page struct {
	docs.Page
	route *route // for the log, the metrics and the query
}

func newPage(path string, content docs.Page) page {
	return page{content, &route{method: http.MethodGet, template: path, input: (*emptypb.Empty)(nil).ProtoReflect().Type()}}
}

// newPages makes the pages by their paths.
func (g *gateway) newPages() (map[string]page, error) {
	contents, err := docs.Pages(docs.Options{Versions: g.Versions, OAuth2: g.Authorization})
	if err != nil {
		return nil, err
	}
	contents[docs.PathHealth] = docs.Page{Handler: g.health()}
	pages := map[string]page{}
	for _, version := range docs.Versions() {
		path := docs.PathDocument(version)
		pages[path] = newPage(path, docs.Page{Handler: retired(version)}) // until there is one to offer
	}
	for path, content := range contents {
		pages[path] = newPage(path, content)
	}
	return pages, nil
}

// retired answers in place of the document of a version that is switched off.
func retired(version string) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		callOf(r.Context()).w.writeError(apierror.Newf(apiv1.ErrorReason_VERSION_RETIRED,
			"%s is switched off; %s shows the versions that there are", version, docs.PathDocs))
	})
}

// servePages answers the paths of pages. None of them is the beginning of another, is escaped, or is made of what a
// client sends, so there is no path to wander off from. Who asks needs no credential, and one that is sent is not looked
// at.
func (g *gateway) servePages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := g.pages[r.URL.EscapedPath()]
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		c := callOf(r.Context())
		switch r.Method {
		case http.MethodGet, http.MethodHead:
		case http.MethodOptions:
			c.w.Header().Set("Allow", strings.Join(pageMethods(), ", "))
			c.w.WriteHeader(http.StatusNoContent)
			return
		default:
			c.w.writeError(g.methodNotAllowed(c, r.URL))
			return
		}
		c.route = p.route
		if !p.AnyQuery {
			if _, st := p.route.parseQuery(r.URL.RawQuery); st != nil {
				c.w.writeError(st)
				return
			}
		}
		if st := g.admitBody(c, r); st != nil {
			c.w.writeError(st)
			return
		}
		p.ServeHTTP(conditional{c.w, r}, r)
	})
}

func pageMethods() []string {
	return []string{http.MethodGet, http.MethodHead, http.MethodOptions}
}

// PathIssuer is where [Options.Issuer] is: it and all below.
const PathIssuer = "/issuer"

// serveIssuer gives the issuer what is below its path. It is no part of the API and answers as OAuth 2.0 says, errors
// too; nor may pages of other origins read what it answers, whichever may call the API. What bounds and guards every
// other request stands before it as well.
func (g *gateway) serveIssuer(protect middleware) middleware {
	if g.Issuer == nil {
		return func(next http.Handler) http.Handler { return next }
	}
	issuer := &route{method: "other", template: PathIssuer, input: (*emptypb.Empty)(nil).ProtoReflect().Type()}
	answer := chain(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		c := callOf(r.Context())
		c.route = issuer
		g.Issuer.ServeHTTP(c.w, r)
	}), g.refuseLargeHeader, g.refuseForeignHost, protect)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if path := r.URL.EscapedPath(); path != PathIssuer && !strings.HasPrefix(path, PathIssuer+"/") {
				next.ServeHTTP(w, r)
				return
			}
			answer.ServeHTTP(w, r)
		})
	}
}

// conditional answers 304 when the client has what is about to be answered (RFC 9110, 13.1.2).
type conditional struct {
	*response
	request *http.Request
}

func (w conditional) WriteHeader(code int) {
	if tag := w.Header().Get("ETag"); code == http.StatusOK && tag != "" && matchesTag(strings.Join(w.request.Header.Values("If-None-Match"), ", "), tag) {
		w.Header().Del("Content-Encoding")
		w.writeNotModified()
		return
	}
	w.response.WriteHeader(code)
}

func (w conditional) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.response.Write(p)
}
