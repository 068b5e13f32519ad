package corpus

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
	"ordermanagement/internal/auth"
)

// callers are those that every case has, with their scopes. The stranger belongs to another tenant.
var callers = map[string][]string{
	"owner":     {"orders.read", "orders.write", "products.read", "products.write"},
	"colleague": {"orders.read", "orders.write", "products.read", "products.write"},
	"reader":    {"orders.read", "products.read"},
	"clerk":     {"orders.read", "orders.write"},
	"keeper":    {"products.read", "products.write"},
	"stranger":  {"orders.read", "orders.write", "products.read", "products.write"},
}

const (
	stranger = "stranger"
	nobody   = "nobody" // sends no credential
)

// tenantOf is the tenant of a caller of the case.
func (c *Case) tenantOf(caller string) string {
	switch {
	case caller == stranger:
		return fmt.Sprintf("case-%d-other", c.id)
	case c.Tenant != "":
		return c.Tenant
	default:
		return fmt.Sprintf("case-%d", c.id)
	}
}

// Callers makes a token for every caller of every case: by case and caller, and as the token file and the callers file of the service.
func (c *Corpus) Callers() (tokens map[*Case]map[string]string, tokensFile, callersFile string, err error) {
	type entry struct {
		Token  string   `yaml:"token"`
		Tenant string   `yaml:"tenant"`
		Scopes []string `yaml:"scopes"`
	}
	tokens = map[*Case]map[string]string{}
	var entries []entry
	var lines strings.Builder
	for _, one := range c.Cases {
		tokens[one] = map[string]string{}
		for _, caller := range slices.Sorted(maps.Keys(callers)) {
			name, token := fmt.Sprintf("case-%d.%s", one.id, caller), auth.NewToken()
			line, err := auth.TokenLine(name, token)
			if err != nil {
				return nil, "", "", err
			}
			tokens[one][caller] = token
			fmt.Fprintln(&lines, line)
			entries = append(entries, entry{name, one.tenantOf(caller), callers[caller]})
		}
	}
	file, err := yaml.Marshal(map[string]any{"callers": entries})
	return tokens, lines.String(), string(file), err
}

// For lists the cases that run on a profile of server.
func (c *Corpus) For(server string) []*Case {
	var cases []*Case
	for _, one := range c.Cases {
		if one.Server == server || one.Smoke && server == "plaintext" {
			cases = append(cases, one)
		}
	}
	return cases
}

// AboutV1 says whether the case is worth running under v1's published names too.
func (c *Case) AboutV1() bool {
	topic, _, _ := strings.Cut(c.Name, ":")
	return strings.HasPrefix(topic, "v1-") || slices.Contains([]string{"callers", "versions"}, topic)
}

// CheckReasons finds the reasons of the contract that the corpus doesn't know, or knows otherwise.
func (c *Corpus) CheckReasons() []string {
	var wrong []string
	for number, name := range apiv1.ErrorReason_name {
		reason := apiv1.ErrorReason(number)
		if reason == apiv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
			continue
		}
		in := Codes{GRPC: codeName(apierror.Code(reason)), HTTP: apierror.HTTPStatus(apierror.New(reason, "a message"))}
		if c.Reasons[name] != in {
			wrong = append(wrong, fmt.Sprintf("%s: the contract says %v, the corpus %v", name, in, c.Reasons[name]))
		}
	}
	slices.Sort(wrong)
	return wrong
}
