package auth_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ordermanagement/internal/auth"
)

func TestFilesThatDoNotLoad(t *testing.T) {
	const callers = "callers:\n  - token: ci\n    tenant: acme\n    scopes: [orders.read]\n  - {user: ann, tenant: acme}\n"
	token, user := tokenLine(t, "ci", "secret"), "ann:"+hash(t, "secret")
	salted := user[strings.LastIndex(user, "$")+1:]
	for name, test := range map[string]struct {
		callers, tokens, htpasswd string
		file, want                string
	}{
		"not a token line":         {callers, "ci", user, "tokens", "line 1: is not NAME:sha256:HEX"},
		"another hash of a token":  {callers, "ci:md5:00", user, "tokens", "line 1: is not NAME:sha256:HEX"},
		"short hash of a token":    {callers, "ci:sha256:00", user, "tokens", "64 hexadecimal"},
		"token twice":              {callers, token + "\n" + token, user, "tokens", "line 2"},
		"bad name of a token":      {callers, "a b" + token, user, "tokens", "name"},
		"not a user line":          {callers, token, "\nsecret", "htpasswd", "line 2: is not NAME:BCRYPT"},
		"plain password":           {callers, token, "ann:secret", "htpasswd", "line 1: the password of \"ann\" is not a bcrypt hash"},
		"MD5 password":             {callers, token, "ann:$apr1$secretse$0123456789abcdefghijkl", "htpasswd", "line 1: the password of \"ann\" is not a bcrypt hash"},
		"broken bcrypt":            {callers, token, "ann:$2x$04$" + salted, "htpasswd", "not a bcrypt hash"},
		"short bcrypt":             {callers, token, user[:len(user)-1], "htpasswd", "not a bcrypt hash"},
		"bcrypt and more":          {callers, token, user + ":more", "htpasswd", "not a bcrypt hash"},
		"cheap bcrypt":             {callers, token, "ann:$2b$03$" + salted, "htpasswd", "cost"},
		"dear bcrypt":              {callers, token, "ann:$2b$15$" + salted, "htpasswd", "line 1: the password of \"ann\" has a bcrypt cost that is not in 4 to 14"},
		"user twice":               {callers, token, user + "\n" + user, "htpasswd", "line 2: the user \"ann\" stands on an earlier line"},
		"bad name of a user":       {callers, token, "a b" + user, "htpasswd", "name"},
		"unknown key":              {callers + "  - token: a\n    tenant: b\n    admin: true\n", token, user, "callers.yaml", "line 8: field admin not found, only token"},
		"unknown scope":            {callers + "  - {user: bob, tenant: b, scopes: [orders.raed]}", token, user, "callers.yaml", "line 6: callers[2]: there is no scope \"orders.raed\""},
		"no tenant":                {"callers: [{token: ci}]", token, user, "callers.yaml", "line 1: callers[0]: tenant"},
		"bad tenant":               {"callers: [{token: ci, tenant: A B}]", token, user, "callers.yaml", "tenant"},
		"no credential":            {callers + "  - {tenant: acme}", token, user, "callers.yaml", "line 6: callers[2]: must name exactly one credential"},
		"two credentials":          {callers + "  - {token: a, user: a, tenant: acme}", token, user, "callers.yaml", "exactly one credential"},
		"token and certificate":    {callers + "  - {token: a, certificate: CN=a, tenant: acme}", token, user, "callers.yaml", "exactly one credential"},
		"token of two callers":     {callers + "  - {token: ci, tenant: acme}", token, user, "callers.yaml", "line 6: callers[2]: token:ci has a caller already"},
		"user of two callers":      {callers + "  - {user: ann, tenant: acme}", token, user, "callers.yaml", "already"},
		"subject of two callers":   {callers + "  - {certificate: CN=a, tenant: a}\n  - {certificate: cn=\\61, tenant: b}", token, user, "callers.yaml", "line 7: callers[3]: certificate:CN=a has a caller already"},
		"DNS name of two callers":  {callers + "  - {certificate: 'dns:a', tenant: a}\n  - {certificate: 'dns:A', tenant: b}", token, user, "callers.yaml", "already"},
		"same key twice":           {"callers: [{token: ci, tenant: a, tenant: b}]", token, user, "callers.yaml", "already defined"},
		"second document":          {callers + "---\ncallers: []", token, user, "callers.yaml", "more than one YAML document"},
		"callers are not YAML":     {"\t", token, user, "callers.yaml", "found character"},
		"callers are not a list":   {"callers: ci", token, user, "callers.yaml", "line 1"},
		"bad user":                 {"callers: [{user: 'a:b', tenant: a}]", token, user, "callers.yaml", "user must be"},
		"subject as OpenSSL shows": {`callers: [{certificate: "CN = batch, O = Acme", tenant: a}]`, token, user, "callers.yaml", "without spaces around"},
		"subject with a space":     {`callers: [{certificate: "CN=batch, O=Acme", tenant: a}]`, token, user, "callers.yaml", "without spaces around"},
		"subject with slashes":     {`callers: [{certificate: "/CN=batch", tenant: a}]`, token, user, "callers.yaml", "must be a subject"},
		"subject with quotes":      {`callers: [{certificate: 'CN="batch"', tenant: a}]`, token, user, "callers.yaml", `written \"`},
		"subject that ends early":  {`callers: [{certificate: 'CN=batch,', tenant: a}]`, token, user, "callers.yaml", "must be a subject"},
		"subject with a lone \\":   {`callers: [{certificate: 'CN=batch\', tenant: a}]`, token, user, "callers.yaml", "escapes nothing"},
		"subject with a control":   {`callers: [{certificate: 'CN=batch\00', tenant: a}]`, token, user, "callers.yaml", "not text"},
		"empty attribute":          {`callers: [{certificate: 'CN=,O=Acme', tenant: a}]`, token, user, "callers.yaml", "empty"},
		"DER that is no string":    {`callers: [{certificate: 'CN=#020101', tenant: a}]`, token, user, "callers.yaml", "not a string in DER"},
		"DER that is cut":          {`callers: [{certificate: 'CN=#1305', tenant: a}]`, token, user, "callers.yaml", "not a string in DER"},
		"unknown attribute":        {`callers: [{certificate: 'XY=a', tenant: a}]`, token, user, "callers.yaml", "must be a subject"},
		"empty DNS name":           {`callers: [{certificate: 'dns:', tenant: a}]`, token, user, "callers.yaml", "DNS name"},
		"relative URI":             {`callers: [{certificate: 'uri:/batch', tenant: a}]`, token, user, "callers.yaml", "absolute URI"},
		"URI that is not normal":   {`callers: [{certificate: 'uri:SPIFFE://a/b', tenant: a}]`, token, user, "callers.yaml", "absolute URI"},
		"address without @":        {`callers: [{certificate: 'email:ann', tenant: a}]`, token, user, "callers.yaml", "address"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOperator(t)
			o.writeAll(test.callers, test.tokens, test.htpasswd)
			_, err := auth.NewDirectory(o.files, auth.DirectoryOptions{})
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "/"+test.file+": ") {
				t.Fatalf("got %v, want an error with %q", err, test.want)
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), salted) {
				t.Errorf("the error shows what the file says of a password: %v", err)
			}
		})
	}
}

func TestMissingFiles(t *testing.T) {
	o := newOperator(t)
	o.writeAll(knownCallers, "", "")
	for _, name := range []string{o.files.Callers, o.files.Tokens, o.files.Htpasswd} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			missing := o.files
			for _, file := range []*string{&missing.Callers, &missing.Tokens, &missing.Htpasswd} {
				if *file == name {
					*file += ".none"
					missing.Optional = []string{*file}
				}
			}
			if _, err := auth.NewDirectory(missing, auth.DirectoryOptions{}); err != nil {
				t.Errorf("optional: %v", err)
			}
			missing.Optional = nil
			if _, err := auth.NewDirectory(missing, auth.DirectoryOptions{}); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("not optional: %v", err)
			}
		})
	}
}

// TestChangesCount changes the files while they are in use.
func TestChangesCount(t *testing.T) {
	token, methods, o := known(t)
	certificate := certificate(t, subject("batch"))
	calls := func(t *testing.T, want ...string) {
		t.Helper()
		var got []string
		for _, credentials := range []auth.Credentials{
			{Authorization: []string{"Bearer " + token}}, {Authorization: []string{basic("ann:correct:hörse")}}, {Certificate: certificate},
		} {
			caller, err := methods.Authenticate(t.Context(), credentials)
			if err != nil {
				got = append(got, refusal(t, err))
			} else {
				got = append(got, caller.Tenant+" "+strings.Join(caller.Scopes, ","))
			}
		}
		if strings.Join(got, ";") != strings.Join(want, ";") {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	tokens, err := os.ReadFile(o.files.Tokens)
	if err != nil {
		t.Fatal(err)
	}
	calls(t, "acme orders.read", "acme orders.write", "acme products.read")

	o.write(o.files.Callers, "callers:", "  - {token: ci, tenant: other, scopes: [orders.write]}", "  - {user: ann, tenant: other, scopes: []}", "  - {certificate: 'CN=batch,O=Acme', tenant: other, scopes: [orders.read]}")
	calls(t, "acme orders.read", "acme orders.write", "acme products.read") // nobody has looked yet
	o.reload()
	calls(t, "other orders.write", "other ", "other orders.read")

	o.write(o.files.Tokens)
	o.write(o.files.Htpasswd, "ann:"+hash(t, "another"))
	o.reload()
	calls(t, "bearer unknown", "basic unknown", "other orders.read")

	// Something in one of the files is wrong: nothing of the change counts.
	o.write(o.files.Tokens, string(tokens), "half a li")
	o.write(o.files.Callers, "callers:", "  - {user: ann, tenant: acme}")
	o.reload()
	calls(t, "bearer unknown", "basic unknown", "other orders.read")
	o.write(o.files.Tokens)
	o.reload()
	calls(t, "bearer unknown", "basic unknown", "certificate unknown")

	// A wrong password that becomes right.
	o.write(o.files.Htpasswd, "ann:"+hash(t, "correct:hörse"))
	o.reload()
	calls(t, "bearer unknown", "acme ", "certificate unknown")

	o.writeAll("", "", "")
	o.reload()
	calls(t, "bearer unknown", "other malformed", "certificate unknown")
}

func TestBadChangesAreLogged(t *testing.T) {
	o := newOperator(t)
	o.writeAll(knownCallers, "", "ann:"+fixedHash)
	directory, err := auth.NewDirectory(o.files, auth.DirectoryOptions{Now: o.clock, Logger: slog.New(slog.NewTextHandler(&o.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	o.write(o.files.Htpasswd, "ann:"+fixedHash, "bob:password")
	o.reload()
	if !directory.HasUsers() {
		t.Error("a bad change takes all users out")
	}
	if log := o.log.String(); !strings.Contains(log, "line 2") || strings.Contains(log, "password\"") || strings.Contains(log, fixedHash) {
		t.Errorf("got the log %s", log)
	}
}

func FuzzFiles(f *testing.F) {
	f.Add(knownCallers, "ci:sha256:"+strings.Repeat("0", 64), "ann:"+fixedHash)
	f.Add("callers: &a [*a]", "a:b:c", "a:$2y$10$")
	f.Add("callers:\n- {user: a, tenant: b, <<: {token: c}}", "#", "\r\n")
	f.Fuzz(func(t *testing.T, callers, tokens, htpasswd string) {
		files := auth.Files{Callers: "callers", Tokens: "tokens", Htpasswd: "htpasswd"}
		err := files.Check([]byte(callers), []byte(tokens), []byte(htpasswd))
		if err != nil && !strings.HasPrefix(err.Error(), "callers: ") && !strings.HasPrefix(err.Error(), "tokens: line ") && !strings.HasPrefix(err.Error(), "htpasswd: line ") {
			t.Errorf("an error without a place: %v", err)
		}
		if err != nil {
			return
		}
		// What loads goes on loading when a credential is added.
		with, err := auth.AddCaller([]byte(callers), auth.Entry{User: "new.user", Tenant: "t", Scopes: []string{"orders.read"}})
		if err != nil {
			return
		}
		users := auth.SetPassword([]byte(htpasswd), "new.user:"+fixedHash)
		if err := files.Check(with, []byte(tokens), users); err != nil {
			t.Errorf("%q, %q: %v", with, users, err)
		}
	})
}

// An operator revokes a caller by taking it out of the callers file: what else changes counts as well.
func TestCallerThatIsTakenOut(t *testing.T) {
	o := newOperator(t)
	var log strings.Builder
	o.writeAll("callers:\n  - {token: ci, tenant: a}\n  - {user: ann, tenant: a}\n  - {user: bob, tenant: a}",
		tokenLine(t, "ci", "token-of-ci"), "ann:"+hash(t, "ann")+"\nbob:"+hash(t, "bob"))
	directory, err := auth.NewDirectory(o.files, auth.DirectoryOptions{Now: o.clock, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	let := func(ci, ann, bob string) {
		t.Helper()
		_, err := directory.VerifyToken(t.Context(), "token-of-ci", auth.Origin{})
		if got := errors.Is(err, auth.ErrNotMine); got != (ci != "") {
			t.Errorf("the token: %v", err)
		}
		for name, want := range map[string]string{"ann": ann, "bob": bob} {
			_, err := directory.VerifyPassword(t.Context(), name, name, auth.Origin{})
			if got := refusal(t, err); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
	let("", "", "")
	o.write(o.files.Callers, "callers: [{user: bob, tenant: a}]")
	o.reload()
	let("not mine", "basic unknown", "")
	if !strings.Contains(log.String(), "not let in") || !strings.Contains(log.String(), "[token:ci user:ann]") {
		t.Errorf("log: %s", &log)
	}
}

// Without any call, too, what is wrong in the files is told.
func TestRefresh(t *testing.T) {
	o := newOperator(t)
	o.writeAll("callers: [{user: ann, tenant: a}]", "", "ann:"+hash(t, "ann"))
	directory, _ := o.open()
	if !directory.Refresh() {
		t.Error("good files are not in use")
	}
	o.write(o.files.Htpasswd, "ann:plain")
	o.reload()
	if directory.Refresh() {
		t.Error("bad files are in use")
	}
	o.write(o.files.Htpasswd, "ann:"+hash(t, "other"))
	o.reload()
	if !directory.Refresh() {
		t.Error("files that were put right are not in use")
	}
}
