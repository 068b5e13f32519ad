// Package docs is what the service shows to people who open it in a browser: a landing page, and Swagger UI over the
// OpenAPI documents, which it serves as well. All of it is part of the program; no page loads anything from elsewhere.
//
// A page answers GET, and HEAD by the grace of net/http. Methods, queries, bodies and conditions are for who mounts it:
// package gateway, which answers them as it does everywhere.
package docs

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"ordermanagement/openapi"
)

//go:embed site
var site embed.FS

// Paths of the pages. Those that Swagger UI is made of lie below [PathDocs].
const (
	PathLanding = "/"
	PathDocs    = "/docs"
	PathHealth  = "/healthz" // which the landing page links, and somebody else answers
	assets      = PathDocs + "/"
)

// PathDocument is where the OpenAPI document of a version of the API is.
func PathDocument(version string) string { return "/openapi/" + version + ".json" }

// Versions are those of the API that have a document, the oldest first.
func Versions() []string {
	files, err := fs.Glob(openapi.Documents, "*.json") // sorted
	if err != nil {
		panic(err) // the pattern is wrong
	}
	for i, file := range files {
		files[i] = strings.TrimSuffix(file, ".json")
	}
	return files
}

// Page is what there is at one path.
type Page struct {
	http.Handler
	// AnyQuery says that the path may have any query, which means nothing to the server: links to pages for people get
	// decorated, and Swagger UI writes the document that it shows into the address.
	AnyQuery bool
}

// Options says what the pages show.
type Options struct {
	Versions []string // some of [Versions]; the newest is the one that Swagger UI shows first
	OAuth2   *OAuth2  // where the pages can get tokens; may be nil
}

// Pages makes the pages by their paths.
func Pages(options Options) (map[string]Page, error) {
	versions := options.Versions
	offered := Versions()
	for _, version := range versions {
		if !slices.Contains(offered, version) {
			return nil, fmt.Errorf("there is no OpenAPI document of %s, only of %s", version, strings.Join(offered, ", "))
		}
	}
	offered = slices.DeleteFunc(offered, func(version string) bool { return !slices.Contains(versions, version) })
	if len(offered) == 0 {
		return nil, errors.New("no version of the API is offered")
	}
	slices.Reverse(offered)

	landing, err := newLanding(offered)
	if err != nil {
		return nil, err
	}
	reference, err := newReference(offered, options.OAuth2)
	if err != nil {
		return nil, err
	}
	pages := map[string]Page{
		PathLanding: {landing, true},
		PathDocs:    {reference, true},
		assets:      {reference, true}, // as people type it; everything on it is linked from the root
	}
	for _, version := range offered {
		document, err := openapi.Documents.ReadFile(version + ".json")
		if err != nil {
			return nil, err
		}
		if options.OAuth2 != nil {
			if document, err = options.OAuth2.addTo(document); err != nil {
				return nil, fmt.Errorf("the document of %s: %w", version, err)
			}
		}
		pages[PathDocument(version)] = Page{Handler: &file{contentType: "application/json", csp: cspData, variants: compressible(document)}}
	}
	files, err := assetFiles()
	if err != nil {
		return nil, err
	}
	for name, file := range files {
		pages[assets+name] = Page{Handler: file}
	}
	if options.OAuth2 != nil {
		if err := addRedirect(pages); err != nil {
			return nil, err
		}
	}
	return pages, nil
}

// newReference makes the page of Swagger UI. It gets its documents by an attribute, so that its script is a file.
func newReference(versions []string, oauth2 *OAuth2) (http.Handler, error) {
	type document struct {
		Name string `json:"name"`
		URL  string `json:"url"`
	}
	var documents []document
	for _, version := range versions {
		documents = append(documents, document{version, PathDocument(version)})
	}
	list, err := json.Marshal(documents)
	if err != nil {
		return nil, err
	}
	page, err := template.ParseFS(site, "site/docs.html")
	if err != nil {
		return nil, err
	}
	var html bytes.Buffer
	if err := page.Execute(&html, map[string]any{"Documents": string(list), "OAuth2": oauth2}); err != nil {
		return nil, err
	}
	return &file{contentType: typeHTML, csp: cspReference, variants: plain(html.Bytes())}, nil
}
