package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"ordermanagement/internal/auth"
)

// The token that the first start makes: its name, and its file in the data directory.
const (
	developmentToken     = "development"
	developmentTokenFile = "token"
)

// bearerToken is what a bearer token may look like (RFC 6750, 2.1).
var bearerToken = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// tokenFiles are the files that say which tokens are let in.
type tokenFiles struct {
	tokens, callers string
	development     string // the token that the first start makes; empty when the operator has named files
}

func newTokenFiles(dir string, s tokenFileSettings) tokenFiles {
	t := tokenFiles{tokens: s.TokensFile, callers: s.CallersFile}
	if t.tokens == "" && t.callers == "" {
		t.development = filepath.Join(dir, developmentTokenFile)
	}
	if t.tokens == "" {
		t.tokens = filepath.Join(dir, "tokens")
	}
	if t.callers == "" {
		t.callers = filepath.Join(dir, "callers.yaml")
	}
	return t
}

// ensure makes the development token and lets it in, unless there is a token file: that one is written last, so it says
// that all was made before, and an operator's changes since then stand.
func (t tokenFiles) ensure(log *slog.Logger) error {
	if t.development == "" {
		return nil
	}
	if _, err := os.Stat(t.tokens); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	token, err := readToken(t.development)
	if errors.Is(err, fs.ErrNotExist) {
		token = auth.NewToken()
		err = writeFile(t.development, []byte(token+"\n"))
	}
	if err != nil {
		return err
	}
	err = t.add(callerEntry{Token: developmentToken, Tenant: auth.DefaultTenant, Scopes: auth.AllScopes()}, token)
	if err == nil {
		log.Info("token made", "file", t.development)
	}
	return err
}

func readToken(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(text))
	if !bearerToken.MatchString(token) {
		return "", fmt.Errorf("%s does not hold a token; restore it, or remove it and %s beside it to have new ones made", path, "tokens")
	}
	return token, nil
}

// callerEntry is one entry of the callers file.
type callerEntry struct {
	Token  string   `yaml:"token"`
	Tenant string   `yaml:"tenant"`
	Scopes []string `yaml:"scopes,flow"`
}

// add lets a token in: its hash goes to the end of the token file, and its caller into the callers file unless it is
// there. What both would be is loaded before either is changed.
func (t tokenFiles) add(entry callerEntry, token string) error {
	line, err := auth.TokenLine(entry.Token, token)
	if err != nil {
		return err
	}
	tokens, err := readIfThere(t.tokens)
	if err != nil {
		return err
	}
	if len(tokens) > 0 && !bytes.HasSuffix(tokens, []byte("\n")) {
		tokens = append(tokens, '\n')
	}
	tokens = append(tokens, line+"\n"...)
	before, err := readIfThere(t.callers)
	if err != nil {
		return err
	}
	callers, err := withCaller(before, entry)
	if err != nil {
		return fmt.Errorf("%s: %w", t.callers, err)
	}
	if err := t.try(tokens, callers); err != nil {
		return err
	}
	// A caller without a token is legal, a token without a caller is not.
	if !bytes.Equal(before, callers) {
		if err := writeFile(t.callers, callers); err != nil {
			return err
		}
	}
	return writeFile(t.tokens, tokens)
}

// try loads copies of the files.
func (t tokenFiles) try(tokens, callers []byte) error {
	dir, err := os.MkdirTemp("", programName)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	copied := tokenFiles{tokens: filepath.Join(dir, "tokens"), callers: filepath.Join(dir, "callers")}
	if err := errors.Join(os.WriteFile(copied.tokens, tokens, fileMode), os.WriteFile(copied.callers, callers, fileMode)); err != nil {
		return err
	}
	if _, err := auth.LoadTokens(copied.tokens, copied.callers); err != nil {
		return errors.New(strings.NewReplacer(copied.tokens, t.tokens, copied.callers, t.callers).Replace(err.Error()))
	}
	return nil
}

// withCaller is a callers file with one more entry. Comments and the order of entries stay.
func withCaller(file []byte, entry callerEntry) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(file, &document); err != nil {
		return nil, err
	}
	if document.Kind == 0 {
		document = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	callers, err := callersOf(document.Content[0])
	if err != nil {
		return nil, err
	}
	for _, item := range callers.Content {
		var there callerEntry
		if err := item.Decode(&there); err != nil {
			return nil, err
		}
		if there.Token != entry.Token {
			continue
		}
		if entry.Tenant != "" && entry.Tenant != there.Tenant || entry.Scopes != nil && !slices.Equal(entry.Scopes, there.Scopes) {
			return nil, fmt.Errorf("%s has another tenant or other scopes already; edit the file to change them", entry.Token)
		}
		return file, nil
	}
	if entry.Scopes == nil {
		return nil, fmt.Errorf("there is no caller %s yet; say what it may do with --scopes, of %s", entry.Token, strings.Join(auth.AllScopes(), ","))
	}
	if entry.Tenant == "" {
		entry.Tenant = auth.DefaultTenant
	}
	var node yaml.Node
	if err := node.Encode(entry); err != nil {
		return nil, err
	}
	callers.Content = append(callers.Content, &node)
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := errors.Join(encoder.Encode(&document), encoder.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// callersOf is the list under the key "callers", which is added when it is missing.
func callersOf(root *yaml.Node) (*yaml.Node, error) {
	if root.Kind != yaml.MappingNode {
		return nil, errors.New("is not a mapping with the key callers")
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value != "callers" {
			continue
		}
		list := root.Content[i+1]
		if list.Kind == yaml.ScalarNode && list.Tag == "!!null" {
			*list = yaml.Node{Kind: yaml.SequenceNode}
		}
		if list.Kind != yaml.SequenceNode {
			return nil, errors.New("callers is not a list")
		}
		list.Style = 0 // a list in one line would put the next entry on that line
		return list, nil
	}
	list := &yaml.Node{Kind: yaml.SequenceNode}
	root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "callers"}, list)
	return list, nil
}

func readIfThere(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}
