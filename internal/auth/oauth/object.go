package oauth

import (
	"errors"
	"strings"

	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// object is a JSON object of another's, whose members are decoded when they are needed. A member that stands in it twice
// makes it invalid, at any depth, and names are compared exactly: two readers of it can't take it for two different things.
type object map[string]jsontext.Value

var errNotObject = errors.New("not a JSON object, or one with a member twice")

func parseObject(data []byte) (object, error) {
	var o object
	if json.Unmarshal(data, &o) != nil || o == nil {
		return nil, errNotObject // what the decoder says quotes what it has read
	}
	return o, nil
}

// has says whether there is a member, and not null.
func (o object) has(name string) bool {
	value, ok := o[name]
	return ok && value.Kind() != 'n'
}

// text is a member that has to be a string; it is empty if there is none.
func (o object) text(name string) (value string, ok bool) {
	if !o.has(name) {
		return "", true
	}
	err := json.Unmarshal(o[name], &value)
	return value, err == nil
}

// list is a member that has to be a string or a list of them; it is empty if there is none.
func (o object) list(name string) (values []string, ok bool) {
	if value, ok := o.text(name); ok {
		if value == "" {
			return nil, true
		}
		return []string{value}, true
	}
	err := json.Unmarshal(o[name], &values)
	return values, err == nil
}

// scopes are those of a member that is one string with spaces between them (RFC 6749, 3.3), or a list with one scope each: a
// member of a list with a space in it is one that nobody here knows.
func (o object) scopes(name string) (values []string, ok bool) {
	if text, ok := o.text(name); ok {
		return strings.Split(text, " "), true
	}
	return o.list(name)
}

// registered are the claims that RFC 7519, 4.1, and RFC 7662, 2.2, register with the same meaning, as far as both kinds of
// tokens need them.
func (o object) registered() (claims jwt.Claims, err error) {
	for name, target := range map[string]any{
		"iss": &claims.Issuer, "aud": &claims.Audience,
		"exp": &claims.Expiry, "nbf": &claims.NotBefore, "iat": &claims.IssuedAt,
	} {
		if o.has(name) && json.Unmarshal(o[name], target) != nil {
			return jwt.Claims{}, errors.New(name + " is not what it has to be")
		}
	}
	return claims, nil
}
