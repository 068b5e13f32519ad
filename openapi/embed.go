// Package openapi holds the OpenAPI 3.1 documents of the HTTP/JSON API, one per version. `make generate` writes them.
package openapi

import "embed"

// Documents holds v1.json and v2.json.
//
//go:embed *.json
var Documents embed.FS
