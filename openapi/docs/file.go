package docs

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/swaggest/swgui/v5/static"
)

const (
	typeHTML = "text/html; charset=utf-8"

	// Nobody may frame a page, lest a click on it is stolen, and nothing comes from another origin
	// (https://www.w3.org/TR/CSP3/).
	cspData     = "default-src 'none'; frame-ancestors 'none'"
	cspPage     = cspData + "; base-uri 'none'; form-action 'none'; img-src 'self'"
	cspLanding  = cspPage + "; style-src 'self'"
	cspRedirect = cspData + "; base-uri 'none'; form-action 'none'; script-src 'self'"
	// Swagger UI has icons in its style sheet, and adds one rule by script: the hash is that of its text.
	cspReference = cspPage + " data:; script-src 'self'; connect-src 'self'; style-src 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='"
)

// file is content that does not change while the program runs. It is offered as it is and, where that is worth it,
// compressed.
type file struct {
	contentType string
	csp         string
	variants
}

// variants are the representations of a file. Each is made when it is first asked for: the larger half of Swagger UI, as
// it is, is for the rare client that takes nothing compressed.
type variants struct {
	identity func() representation
	gzip     func() representation // nil if there is none
}

type representation struct {
	data []byte
	tag  string // entity tag
}

func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Content-Security-Policy", f.csp)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache") // keep it, and ask whether it is still the same: the next release has another
	chosen := f.identity
	if f.gzip != nil {
		h.Add("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Values("Accept-Encoding")) {
			h.Set("Content-Encoding", "gzip")
			chosen = f.gzip
		}
	}
	representation := chosen()
	h.Set("ETag", representation.tag)
	h.Set("Content-Length", strconv.Itoa(len(representation.data)))
	_, _ = w.Write(representation.data) // who asked has gone
}

// represent makes a representation. Its tag is strong, so each encoding has one of its own (RFC 9110, 8.8.3.3).
func represent(data []byte) representation {
	sum := sha256.Sum256(data)
	return representation{data, `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`}
}

func plain(data []byte) variants {
	return variants{identity: sync.OnceValue(func() representation { return represent(data) })}
}

func compressible(data []byte) variants {
	v := plain(data)
	v.gzip = sync.OnceValue(func() representation {
		var compressed bytes.Buffer
		writer := gzip.NewWriter(&compressed)
		_, _ = writer.Write(data) // into memory
		_ = writer.Close()
		return represent(compressed.Bytes())
	})
	return v
}

// compressed makes the variants of what is compressed already, and is known to be whole.
func compressed(data []byte) variants {
	return variants{
		gzip: sync.OnceValue(func() representation { return represent(data) }),
		identity: sync.OnceValue(func() representation {
			reader, err := gzip.NewReader(bytes.NewReader(data))
			if err != nil {
				panic(err) // a test reads every one
			}
			whole, err := io.ReadAll(reader)
			if err != nil {
				panic(err)
			}
			return represent(whole)
		}),
	}
}

// acceptsGzip reports whether an Accept-Encoding header allows gzip (RFC 9110, 12.5.3). What can't be read allows
// nothing, and so costs only bytes.
func acceptsGzip(values []string) bool {
	var any, named, listed bool
	for coding := range strings.SplitSeq(strings.Join(values, ","), ",") {
		name, parameters, weighted := strings.Cut(coding, ";")
		weight := 1.0
		if weighted {
			q, value, _ := strings.Cut(strings.TrimSpace(parameters), "=")
			var err error
			if weight, err = strconv.ParseFloat(value, 64); err != nil || !strings.EqualFold(q, "q") || !(weight >= 0 && weight <= 1) {
				weight = 0
			}
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip", "x-gzip":
			named, listed = weight > 0, true
		case "*":
			any = weight > 0
		}
	}
	return named || any && !listed
}

// assetFiles are the files that Swagger UI and the pages link, by name: Swagger UI's own, and ours.
func assetFiles() (map[string]*file, error) {
	files := map[string]*file{}
	for _, asset := range []struct {
		in   fs.FS
		name string
	}{
		{static.FS, "swagger-ui.css.gz"},
		{static.FS, "swagger-ui-bundle.js.gz"},
		{static.FS, "swagger-ui-standalone-preset.js.gz"},
		{static.FS, "favicon-16x16.png"},
		{static.FS, "favicon-32x32.png"},
		{site, "site/docs.js"},
		{site, "site/docs.css"},
		{site, "site/landing.css"},
	} {
		data, err := fs.ReadFile(asset.in, asset.name)
		if err != nil {
			return nil, err
		}
		name, isCompressed := strings.CutSuffix(path.Base(asset.name), ".gz")
		f := &file{contentType: mediaType(name), csp: cspData, variants: plain(data)}
		if isCompressed {
			f.variants = compressed(data)
		}
		files[name] = f
	}
	return files, nil
}

// addRedirect adds the page to which an authorization server returns, in the window that Swagger UI has opened. Its query
// is the answer.
func addRedirect(pages map[string]Page) error {
	const script = "oauth2-redirect.js"
	for name, page := range map[string]Page{
		path.Base(PathOAuth2Redirect): {&file{contentType: typeHTML, csp: cspRedirect}, true},
		script:                        {&file{contentType: mediaType(script), csp: cspData}, false},
	} {
		data, err := site.ReadFile("site/" + name)
		if err != nil {
			return err
		}
		page.Handler.(*file).variants = plain(data)
		pages[assets+name] = page
	}
	return nil
}

// mediaType is fixed here: what mime.TypeByExtension says depends on the machine.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	default:
		return "image/png"
	}
}
