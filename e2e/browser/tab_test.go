package browser

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"ordermanagement/e2e/process"
)

const (
	// patience bounds what one test does in the browser.
	patience = 2 * time.Minute

	// artifacts is where screenshots are kept, which git ignores.
	artifacts = "../../.build/artifacts/browser"
)

// tab is the only page of a browser of its own. It remembers what the page asked for and what the browser complained
// about, which is judged at the end of the test.
type tab struct {
	testing.TB
	ctx   context.Context
	hosts []string // that the page may ask

	mu         sync.Mutex
	requests   int
	complaints []string
	intended   []string // complaints that the test brings about, by a part of their text
}

// open starts a browser that trusts the service.
func open(t testing.TB, service *process.Service) *tab {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("the test needs Chromium (apt-get install chromium): %v", err)
	}
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium),
		chromedp.NoSandbox, // root has none
		chromedp.WindowSize(1280, 1600),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
		chromedp.Flag("disable-component-update", true),
	)
	if pin := keyPin(t, service); pin != "" {
		flags = append(flags, chromedp.Flag("ignore-certificate-errors-spki-list", pin))
	}
	limit, cancelLimit := context.WithTimeout(context.WithoutCancel(t.Context()), patience) // that one ends before the browser is closed
	t.Cleanup(cancelLimit)
	allocator, cancelAllocator := chromedp.NewExecAllocator(limit, flags...)
	t.Cleanup(cancelAllocator)
	b := &tab{TB: t, hosts: []string{service.HTTP}}
	var cancel context.CancelFunc
	b.ctx, cancel = chromedp.NewContext(allocator, chromedp.WithListener(b.listen))
	t.Cleanup(func() {
		if t.Failed() {
			b.screenshot(strings.ReplaceAll(t.Name(), "/", "-") + "-failed")
		}
		if err := chromedp.Cancel(b.ctx); err != nil {
			t.Errorf("closing the browser: %v", err)
		}
		cancel()
		b.judge()
	})
	b.do(chromedp.Navigate("about:blank"))
	return b
}

// keyPin is the hash of the service's public key, by which Chromium takes its certificate, and no other, for valid. It is
// empty without TLS.
func keyPin(t testing.TB, service *process.Service) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(service.DataDir, "server.crt"))
	if os.IsNotExist(err) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(bytes.TrimSpace(data))
	if block == nil {
		t.Fatal("server.crt holds no certificate")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// listen is called by the browser's connection, and must not wait.
func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests++
		target, err := url.Parse(e.Request.URL)
		if err != nil || !slices.Contains(b.hosts, target.Host) && !slices.Contains([]string{"data", "blob", "about"}, target.Scheme) {
			b.complaints = append(b.complaints, "a request to "+e.Request.URL)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Source == log.EntrySourceSecurity {
			b.complaints = append(b.complaints, fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, (&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			var text strings.Builder
			for _, arg := range e.Args {
				fmt.Fprintf(&text, " %s%s", arg.Value, arg.Description)
			}
			b.complaints = append(b.complaints, "console:"+text.String())
		}
	}
}

// intends says that the test brings about a complaint.
func (b *tab) intends(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.intended = append(b.intended, text)
}

// intendsStatus says that the test brings about an answer with a status from 400, which the browser logs.
func (b *tab) intendsStatus(code int) {
	b.intends(fmt.Sprintf("network: Failed to load resource: the server responded with a status of %d ", code))
}

// judge fails the test for everything that the browser complained about, and for what it should have.
func (b *tab) judge() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.requests == 0 {
		b.Error("saw no request at all")
	}
	for _, complaint := range b.complaints {
		if i := slices.IndexFunc(b.intended, func(text string) bool { return strings.Contains(complaint, text) }); i >= 0 {
			b.intended = slices.Delete(b.intended, i, i+1)
			continue
		}
		b.Errorf("the browser complains: %s", complaint)
	}
	for _, text := range b.intended {
		b.Errorf("the browser never complains: %s", text)
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.Fatal(err)
	}
}

func (b *tab) click(selector string) {
	b.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		b.Fatalf("clicking %s: %v", selector, err)
	}
}

// fill replaces what stands in an input by text, as if it was pasted.
func (b *tab) fill(selector, text string) {
	b.Helper()
	b.click(selector)
	eval[bool](b, fmt.Sprintf(`document.querySelector(%q).select() ?? true`, selector))
	if _, err := chromedp.Call(b.ctx, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
		b.Fatal(err)
	}
}

// eval answers what an expression is worth, or its promise.
func eval[T any](b *tab, expression string) T {
	b.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%v\nin %s", err, expression)
	}
	return value
}

// await waits until an expression is worth something.
func await[T any](b *tab, expression string) T {
	b.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Poll[T](expression, chromedp.WithPollingTimeout(patience/2)))
	if err != nil {
		b.Fatalf("waiting for %s: %v", expression, err)
	}
	return value
}

// screenshot keeps a picture of the page.
func (b *tab) screenshot(name string) {
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.MkdirAll(artifacts, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(artifacts, name+".png"), picture, 0o644)
	}
	if err != nil {
		b.Errorf("no screenshot: %v", err)
	}
}
