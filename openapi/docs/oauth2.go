package docs

import (
	"encoding/json"
	"fmt"

	"ordermanagement/internal/ordered"
)

// PathOAuth2Redirect is where an authorization server sends the browser back to. It is there with [Options.OAuth2] only.
const PathOAuth2Redirect = PathDocs + "/oauth2-redirect.html"

// schemeOAuth2 is the name of the security scheme.
const schemeOAuth2 = "oauth2"

// OAuth2 is an authorization server at which the pages can get tokens, by the authorization code grant with PKCE, and
// programs by client credentials.
type OAuth2 struct {
	// AuthorizationURL and TokenURL may be relative to the service. The page may ask no other origin.
	AuthorizationURL, TokenURL string
	ClientID                   string            // of the page, a public client
	Scopes                     map[string]string // what each allows
}

// addTo adds the scheme to a document, and to each operation that needs a caller as one more alternative, with the scope
// that the others need.
func (o *OAuth2) addTo(text []byte) ([]byte, error) {
	type object = ordered.Object[json.RawMessage]
	var document object
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	err := within(&document, "components", func(components *object) error {
		return within(components, "securitySchemes", func(schemes *object) error {
			return put(schemes, schemeOAuth2, o.scheme())
		})
	})
	if err != nil {
		return nil, err
	}
	err = within(&document, "paths", func(paths *ordered.Object[*ordered.Object[*object]]) error {
		for path, item := range paths.All() {
			for verb, operation := range item.All() {
				if err := within(operation, "security", addAlternative); err != nil {
					return fmt.Errorf("%s %s: %w", verb, path, err)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	text, err = ordered.Encode(&document)
	return append(text, '\n'), err
}

// scheme is the Security Scheme Object (https://spec.openapis.org/oas/v3.1.0#security-scheme-object).
func (o *OAuth2) scheme() any {
	type flow struct {
		AuthorizationURL string            `json:"authorizationUrl,omitempty"`
		TokenURL         string            `json:"tokenUrl"`
		RefreshURL       string            `json:"refreshUrl,omitempty"`
		Scopes           map[string]string `json:"scopes"`
	}
	// The other flow of the issuer, client credentials, is not offered: the page would ask for a client's secret, and fill
	// in the id of a client that has none.
	return map[string]any{
		"type":        "oauth2",
		"description": "A token of the development issuer that runs inside the service. It lives for some minutes only. For people: authorization code with PKCE (S256), client `" + o.ClientID + "`, no secret; the page that opens asks for a token of the service. For programs: client credentials, the `ID:SECRET` in the file `client` of the service's data directory.",
		"flows": map[string]flow{
			"authorizationCode": {o.AuthorizationURL, o.TokenURL, o.TokenURL, o.Scopes},
		},
	}
}

// addAlternative adds the scheme to the security of an operation. That of a public one is empty and stays so.
func addAlternative(security *[]map[string][]string) error {
	if len(*security) == 0 {
		return nil
	}
	for _, scopes := range (*security)[0] {
		*security = append(*security, map[string][]string{schemeOAuth2: scopes})
	}
	return nil
}

// within changes a member of an object, which must be there.
func within[T any](object *ordered.Object[json.RawMessage], name string, change func(*T) error) error {
	raw, ok := object.Get(name)
	if !ok {
		return fmt.Errorf("there is no %s", name)
	}
	var value T
	if err := json.Unmarshal(raw, &value); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := change(&value); err != nil {
		return err
	}
	return put(object, name, &value)
}

func put(object *ordered.Object[json.RawMessage], name string, value any) error {
	raw, err := ordered.Encode(value)
	object.Set(name, raw)
	return err
}
