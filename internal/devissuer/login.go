package devissuer

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
	"golang.org/x/time/rate"

	"ordermanagement/internal/auth"
)

// Attempts to log in that fail, of one peer address: so many at once, then one each time that has passed.
const (
	loginAttempts = 5
	loginEvery    = 5 * time.Second
)

var (
	//go:embed login.html
	loginHTML string
	//go:embed login.css
	loginCSS string
)

// loginPage is the page on which somebody logs in and consents. It has no script and loads nothing; nobody may frame it,
// lest a click on it is stolen.
type loginPage struct {
	template *template.Template
	style    string // its hash, as a Content-Security-Policy has it
	mu       sync.Mutex
	peers    *simplelru.LRU[string, *rate.Limiter]
}

// loginView is what the page shows.
type loginView struct {
	Action, Request string // of the form; without a request there is none
	Client, Back    string // who asks, and where it is
	Scopes          []scopeView
	Problem         string
	Style           template.CSS
}

type scopeView struct{ Name, Description string }

func newLoginPage() (*loginPage, error) {
	page, err := template.New("login").Parse(loginHTML)
	if err != nil {
		return nil, err
	}
	peers, err := simplelru.NewLRU[string, *rate.Limiter](maxPeers, nil)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(loginCSS))
	return &loginPage{template: page, style: "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'", peers: peers}, nil
}

// login shows the page, and takes what is filled in. A browser sends no credential by itself, and another page can't make
// it send this form: the request in it is sealed, and cross-origin forms are refused (guard).
func (i *Issuer) login(w http.ResponseWriter, r *http.Request) {
	sealed := r.Form.Get("request")
	request, ok := i.unseal(sealed)
	if !ok {
		i.page.show(w, http.StatusBadRequest, nil, loginView{Problem: "This page has expired. Go back to where you came from and begin again."})
		return
	}
	view := loginView{Action: i.base + pathLogin, Request: sealed}
	if r.Method != http.MethodPost {
		i.page.show(w, http.StatusOK, request, view)
		return
	}
	if r.PostForm.Get("answer") != "allow" {
		i.sendBack(w, r, request, oidc.ErrAccessDenied().WithDescription("the person has said no"))
		return
	}
	l, problem, status := i.logIn(r, request)
	if problem != "" {
		if status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", strconv.Itoa(int(loginEvery/time.Second)))
		}
		view.Problem = problem
		i.page.show(w, status, request, view)
		return
	}
	made, session := auth.NewToken(), auth.NewToken()
	i.memory.mu.Lock()
	i.memory.codes.put(hashOf(made), &code{request: *request, login: l, session: session})
	i.memory.mu.Unlock()
	i.options.Logger.InfoContext(r.Context(), "the development issuer has let somebody in",
		slog.String("client", request.Client), slog.String("subject", l.caller.Subject), slog.String("tenant", l.caller.Tenant))
	i.sendBack(w, r, request, &op.CodeResponseType{Code: made})
}

// logIn finds out whose token is filled in; a problem is for the person.
func (i *Issuer) logIn(r *http.Request, request *authRequest) (l login, problem string, status int) {
	now := i.options.Now()
	attempt := i.page.limiter(r).ReserveN(now, 1)
	if !attempt.OK() || attempt.DelayFrom(now) > 0 {
		attempt.CancelAt(now)
		return l, "Too many attempts have failed. Wait a little.", http.StatusTooManyRequests
	}
	token := strings.TrimSpace(r.PostForm.Get("token"))
	caller, err := i.authenticate(r.Context(), token)
	var refusal *auth.Refusal
	switch {
	case errors.Is(err, auth.ErrThrottled):
		return l, "Too many attempts have failed. Wait a little.", http.StatusTooManyRequests
	case errors.Is(err, auth.ErrUnavailable), err != nil && !errors.As(err, &refusal):
		attempt.CancelAt(now) // nobody's fault here
		i.options.Logger.ErrorContext(r.Context(), "the development issuer can't tell whose token it is", slog.Any("error", err))
		return l, "The service can't tell now whose token this is. Try again.", http.StatusServiceUnavailable
	case err != nil:
		i.options.Logger.WarnContext(r.Context(), "the development issuer has refused a login",
			slog.String("client", request.Client), slog.String("kind", string(refusal.Kind)), slog.String("cause", string(refusal.Cause)))
		return l, "The service does not know this token, or does not take it any more.", http.StatusForbidden
	}
	attempt.CancelAt(now) // only failures count
	if !slices.ContainsFunc(request.Scopes, caller.Has) {
		return l, "This token allows nothing of what is asked for.", http.StatusForbidden
	}
	return login{caller: caller, token: token, at: now}, "", 0
}

// sendBack answers the client at its redirect (RFC 6749, 4.1.2), with the state that it has sent.
func (i *Issuer) sendBack(w http.ResponseWriter, r *http.Request, request *authRequest, response any) {
	switch response := response.(type) {
	case *op.CodeResponseType:
		response.State = request.State
	case *oidc.Error:
		response.State = request.State
	}
	target, err := op.AuthResponseURL(request.Redirect, oidc.ResponseTypeCode, oidc.ResponseModeQuery, response, oidc.NewEncoder())
	if err != nil {
		panic(err) // it was sealed here, and is a URL
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// limiter is how often the peer of a request may still fail. That of one who has not been here for long is forgotten.
func (p *loginPage) limiter(r *http.Request) *rate.Limiter {
	peer, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		peer = r.RemoteAddr
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	limiter, ok := p.peers.Get(peer)
	if !ok {
		limiter = rate.NewLimiter(rate.Every(loginEvery), loginAttempts)
		p.peers.Add(peer, limiter)
	}
	return limiter
}

// show writes the page. The form may lead to where the client is, too: browsers apply form-action to redirects.
func (p *loginPage) show(w http.ResponseWriter, code int, request *authRequest, view loginView) {
	form := "'none'"
	if request != nil {
		view.Client = request.Client
		for _, scope := range request.Scopes {
			view.Scopes = append(view.Scopes, scopeView{scope, describeScope(scope)})
		}
		if back, err := url.Parse(request.Redirect); err == nil {
			view.Back = back.Scheme + "://" + back.Host
			form = "'self' " + view.Back
		}
	}
	view.Style = template.CSS(loginCSS)
	var html bytes.Buffer
	if err := p.template.Execute(&html, view); err != nil {
		panic(err) // the template is wrong
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; style-src "+p.style+"; form-action "+form)
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(html.Bytes()) // who asked has gone
}
