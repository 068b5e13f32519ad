package docs

import (
	"bytes"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// landing is the page at the root. Its example calls the service under the name by which the page was reached.
type landing struct {
	page     *template.Template
	versions []string // the newest first
}

func newLanding(versions []string) (*landing, error) {
	page, err := template.New("landing.html").Funcs(template.FuncMap{"document": PathDocument}).ParseFS(site, "site/landing.html")
	return &landing{page, versions}, err
}

func (l *landing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var html bytes.Buffer
	err := l.page.Execute(&html, map[string]any{
		"Base": baseURL(r), "Host": hostName(r), "TLS": r.TLS != nil, "Versions": l.versions, "Newest": l.versions[0],
		"Docs": PathDocs, "Health": PathHealth,
	})
	if err != nil {
		panic(err) // the template is wrong; the gateway answers 500
	}
	(&file{contentType: typeHTML, csp: cspLanding, variants: plain(html.Bytes())}).ServeHTTP(w, r)
}

// plainHost is a host, and perhaps a port, that means nothing to a shell into which somebody pastes it.
var plainHost = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9.-]{0,253})|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?$`)

// hostOf is the service's host, and perhaps port, as the client of a request knows it, if that is fit to be shown.
func hostOf(r *http.Request) string {
	if plainHost.MatchString(r.Host) {
		return r.Host
	}
	return "localhost"
}

func baseURL(r *http.Request) string {
	if r.TLS == nil {
		return "http://" + hostOf(r)
	}
	return "https://" + hostOf(r)
}

// hostName is the host alone.
func hostName(r *http.Request) string {
	host := (&url.URL{Host: hostOf(r)}).Hostname()
	if strings.Contains(host, ":") {
		return "[" + host + "]" // IPv6
	}
	return host
}
