package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

func testParser(t testing.TB, grammar *cli) (*kong.Kong, *problems) {
	t.Helper()
	p := program{stdout: io.Discard, stderr: io.Discard, problems: &problems{}}
	parser, err := newParser(grammar, p)
	if err != nil {
		t.Fatal(err)
	}
	return parser, p.problems
}

// settingsOf are the settings of every command, by the command's path.
func settingsOf(t *testing.T) map[*kong.Node][]*kong.Flag {
	parser, _ := testParser(t, &cli{})
	all, count := map[*kong.Node][]*kong.Flag{}, 0
	for _, command := range parser.Model.Leaves(false) {
		for _, flag := range command.Flags {
			if isFileSetting(flag) {
				all[command] = append(all[command], flag)
				count++
			}
		}
	}
	if count < 80 {
		t.Errorf("only %d settings were seen", count)
	}
	return all
}

// examples are three values of a setting, none of them the default.
func examples(flag *kong.Flag) [3]string {
	if words := flag.Tag.Get("oneof"); words != "" {
		var others []string
		for _, word := range strings.Split(words, ",") {
			if word != flag.Default {
				others = append(others, word)
			}
		}
		return [3]string{others[0], others[len(others)-1], others[0]}
	}
	switch flag.Target.Interface().(type) {
	case bool:
		other := fmt.Sprint(flag.Default != "true")
		return [3]string{other, other, other}
	case time.Duration:
		return [3]string{"1m1s", "1m2s", "1m3s"}
	case date:
		return [3]string{"2031-01-01T00:00:00Z", "2032-01-01T00:00:00Z", "2033-01-01T00:00:00Z"}
	case string:
		return [3]string{"one", "two", "three"}
	default:
		return [3]string{"1001", "1002", "1003"}
	}
}

// valuesOf parses a command line and answers what its settings have become, as text.
func valuesOf(t *testing.T, command *kong.Node, args []string) map[string]string {
	t.Helper()
	parser, problems := testParser(t, &cli{})
	line := append(strings.Fields(command.Path()), args...)
	for _, positional := range command.Positional {
		if positional.Required {
			line = append(line, "name")
		}
	}
	ctx, err := parser.Parse(line)
	if err != nil {
		t.Fatalf("%v: %v", line, err)
	}
	problems.selectFlags(ctx)
	if err := problems.err(); err != nil {
		t.Fatalf("%v: %v", line, err)
	}
	values := map[string]string{}
	for _, flag := range ctx.Selected().Flags {
		switch value := flag.Target.Interface().(type) {
		case date:
			values[flag.Name] = value.Format(time.RFC3339)
		case []string:
			values[flag.Name] = strings.Join(value, ",")
		default:
			values[flag.Name] = fmt.Sprint(value)
		}
	}
	return values
}

// An identity of a certificate may hold commas: one must not become two, of which others have one.
func TestTrustedGatewaysHoldCommas(t *testing.T) {
	for name, test := range map[string]struct{ args, yaml string }{
		"by flag": {args: "--trusted-gateways=CN=gw,O=Acme;uri:spiffe://acme.example/gw"},
		"by file": {yaml: "trusted-gateways: ['CN=gw,O=Acme', 'uri:spiffe://acme.example/gw']\n"},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"serve"}
			if test.args != "" {
				args = append(args, test.args)
			} else {
				file := filepath.Join(t.TempDir(), "settings.yaml")
				if err := os.WriteFile(file, []byte(test.yaml), 0o600); err != nil {
					t.Fatal(err)
				}
				args = append([]string{"--config=" + file}, args...)
			}
			grammar := &cli{}
			parser, _ := testParser(t, grammar)
			if _, err := parser.Parse(args); err != nil {
				t.Fatal(err)
			}
			if got := grammar.Serve.Auth.TrustedGateways; !slices.Equal(got, []string{"CN=gw,O=Acme", "uri:spiffe://acme.example/gw"}) {
				t.Errorf("got %q", got)
			}
		})
	}
}

// TestEverySettingCanBeGivenThreeWays gives all settings of a command at once: by the file, then by the environment over
// the file, then by flags over both.
func TestEverySettingCanBeGivenThreeWays(t *testing.T) {
	for command, flags := range settingsOf(t) {
		t.Run(command.Path(), func(t *testing.T) {
			defaults := valuesOf(t, command, nil)
			check := func(how string, got map[string]string, want func(*kong.Flag) string) {
				t.Helper()
				for _, flag := range flags {
					if got[flag.Name] != want(flag) {
						t.Errorf("%s: --%s is %q, want %q", how, flag.Name, got[flag.Name], want(flag))
					}
				}
			}
			// What has only two values is told apart by its default, once on each side.
			twoValued := func(flag *kong.Flag) bool { e := examples(flag); return e[0] == e[1] }
			file := func(flag *kong.Flag) string { return examples(flag)[0] }
			environment := func(flag *kong.Flag) string {
				if twoValued(flag) {
					return defaults[flag.Name]
				}
				return examples(flag)[1]
			}
			given := func(flag *kong.Flag) string { return examples(flag)[2] }

			var text strings.Builder
			for _, flag := range flags {
				fmt.Fprintf(&text, "%s: %s\n", flag.Name, file(flag))
				if file(flag) == defaults[flag.Name] {
					t.Errorf("--%s: the example %q is the default", flag.Name, file(flag))
				}
			}
			path := filepath.Join(t.TempDir(), "settings.yaml")
			writeTestFile(t, path, text.String())
			args := []string{"--config=" + path}

			check("file", valuesOf(t, command, args), file)
			for _, flag := range flags {
				t.Setenv(flag.Envs[0], environment(flag))
			}
			check("environment over file", valuesOf(t, command, args), environment)
			for _, flag := range flags {
				args = append(args, "--"+flag.Name+"="+given(flag))
			}
			check("flag over environment", valuesOf(t, command, args), given)
		})
	}
}

// TestSettingsAreInStep compares names, variables, defaults and help of a setting between the commands that have it.
func TestSettingsAreInStep(t *testing.T) {
	first := map[string]*kong.Flag{}
	for command, flags := range settingsOf(t) {
		for _, flag := range flags {
			where := command.Path() + " --" + flag.Name
			want := "ORDERMANAGEMENT_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
			if len(flag.Envs) != 1 || flag.Envs[0] != want {
				t.Errorf("%s: its variable is %v, want %s", where, flag.Envs, want)
			}
			if !strings.HasSuffix(flag.Help, ".") || strings.Contains(flag.Help, "${") {
				t.Errorf("%s: its help is %q", where, flag.Help)
			}
			other, seen := first[flag.Name]
			if !seen {
				first[flag.Name] = flag
				continue
			}
			if other.Default != flag.Default || other.Help != flag.Help || other.Target.Type() != flag.Target.Type() {
				t.Errorf("%s differs from another command's: %q %q, %q %q", where, other.Default, other.Help, flag.Default, flag.Help)
			}
		}
	}
}

func TestFlagsThatScriptsRelyOn(t *testing.T) {
	parser, _ := testParser(t, &cli{})
	defaults := map[string]string{}
	for _, command := range parser.Model.Leaves(false) {
		if command.Name == "serve" {
			for _, flag := range command.Flags {
				defaults[flag.Name] = flag.Default
			}
		}
	}
	for name, want := range map[string]string{
		"data-dir": "./data", "grpc-listen": "", "http-listen": "", "admin-listen": "", "sample-data": "", "database-url": "",
		"api-versions": "v1,v2", "tls": "on", "auth": "on", "reflection": "true", "v1-currency": "USD",
		"max-message-bytes": "4194304", "max-body-bytes": "4194304",
	} {
		if got, ok := defaults[name]; !ok || got != want {
			t.Errorf("--%s: default %q, %v, want %q", name, got, ok, want)
		}
	}
}

func FuzzSettingsFile(f *testing.F) {
	for _, text := range []string{"tls: off", "api-versions: [v1, v2]", "tls: {a: b}", "tls:", "- x", "a: &a [*a]", "log-level: !!binary aGk="} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(t.TempDir(), "x.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var grammar cli
		parser, problems := testParser(t, &grammar)
		ctx, err := parser.Parse([]string{"serve", "--config=" + file})
		if err != nil {
			return
		}
		problems.selectFlags(ctx)
		c := &grammar.Serve
		s := &settings{common: c.common, serverSettings: &c.serverSettings, gatewaySettings: &c.gatewaySettings}
		if s.complete(problems) == nil && s.exposed() != "" && strings.HasPrefix(s.HTTP.HTTPListen, ":") {
			t.Errorf("%q exposes %s", text, s.HTTP.HTTPListen)
		}
	})
}
