package auth_test

import (
	"bytes"
	"testing"

	"ordermanagement/internal/auth"
)

func newEntry() auth.Entry {
	return auth.Entry{Token: "new", Tenant: "t", Scopes: []string{"orders.read"}}
}

func TestAddCallerKeepsWhatIsThere(t *testing.T) {
	const added = "  - token: new\n    tenant: t\n    scopes: [orders.read]\n"
	for name, test := range map[string]struct{ before, want string }{
		"nothing":     {"", "callers:\n" + added},
		"empty":       {"callers:\n", "callers:\n" + added},
		"in line":     {"callers: []\n", "callers:\n" + added},
		"comments":    {"# who\ncallers:\n  # one\n  - token: a # first\n    tenant: b\n    scopes: []\n", "# who\ncallers:\n  # one\n  - token: a # first\n    tenant: b\n    scopes: []\n" + added},
		"another new": {"callers:\n  - user: new\n    tenant: b\n    scopes: []\n", "callers:\n  - user: new\n    tenant: b\n    scopes: []\n" + added},
		"there":       {"callers: [{token: new, tenant: t, scopes: [orders.read]}]", "callers: [{token: new, tenant: t, scopes: [orders.read]}]"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := auth.AddCaller([]byte(test.before), newEntry())
			if err != nil || string(got) != test.want {
				t.Errorf("got %v\n%s\nwant\n%s", err, got, test.want)
			}
		})
	}
	for _, wrong := range []string{"- a", "callers: a", "callers: [a]", "\t", "callers: [{token: new, tenant: u, scopes: [orders.read]}]", "callers: [{token: new, tenant: t}]"} {
		if got, err := auth.AddCaller([]byte(wrong), newEntry()); err == nil {
			t.Errorf("%q became %q", wrong, got)
		}
	}
	// A certificate is found again however it is written.
	file := []byte("callers: [{certificate: 'CN=a\\,b', tenant: t, scopes: [orders.read]}]")
	got, err := auth.AddCaller(file, auth.Entry{Certificate: `cn=a\2cb`})
	if err != nil || !bytes.Equal(got, file) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestSetPassword(t *testing.T) {
	for before, want := range map[string]string{
		"":                            "ann:new\n",
		"bob:x":                       "bob:x\nann:new\n",
		"# c\nann:old\nbob:x\n":       "# c\nann:new\nbob:x\n",
		"annie:x\n  ann:old\r\nbob:x": "annie:x\nann:new\nbob:x",
		"# ann:old\n":                 "# ann:old\nann:new\n",
	} {
		if got := string(auth.SetPassword([]byte(before), "ann:new")); got != want {
			t.Errorf("%q became %q, want %q", before, got, want)
		}
	}
}

func FuzzAddCaller(f *testing.F) {
	f.Add("callers:\n  - token: a\n    tenant: b\n    scopes: [orders.read]\n")
	f.Add("callers: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		once, err := auth.AddCaller([]byte(text), newEntry())
		if err != nil {
			return
		}
		twice, err := auth.AddCaller(once, newEntry())
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%q became %q, then %q, %v", text, once, twice, err)
		}
	})
}
