package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// maxSettingsBytes is how large a YAML file of settings may be.
const maxSettingsBytes = 1 << 20

// settingsFile is a YAML file of settings: a flat mapping from the names of flags to their values.
type settingsFile struct {
	name     string
	values   map[string]yaml.Node
	problems *problems
}

// readSettings reads the file that --config names.
func (p *problems) readSettings(r io.Reader) (kong.Resolver, error) {
	file := &settingsFile{name: "--config", problems: p}
	if named, ok := r.(*os.File); ok {
		file.name = named.Name()
	}
	data, err := io.ReadAll(io.LimitReader(r, maxSettingsBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxSettingsBytes {
		return nil, fmt.Errorf("%s: larger than %d bytes", file.name, maxSettingsBytes)
	}
	if err := yaml.Unmarshal(data, &file.values); err != nil {
		return nil, fmt.Errorf("%s: write one \"name: value\" a line, with the names of flags: %w", file.name, err)
	}
	return file, nil
}

// Validate reports the keys that are no setting of any command. One file may serve several commands.
func (f *settingsFile) Validate(app *kong.Application) error {
	names := map[string]bool{}
	err := kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok && isFileSetting(flag) {
			names[flag.Name] = true
		}
		return next(nil)
	})
	f.problems.file = nil
	for key, value := range f.values {
		if !names[key] {
			f.problems.file = append(f.problems.file,
				fmt.Errorf("%s: line %d: there is no setting %q; see --help for their names", f.name, value.Line, key))
		}
	}
	slices.SortFunc(f.problems.file, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return err
}

// isFileSetting says whether a flag can be given by the file: those that have an environment variable can, except the
// one that names the file.
func isFileSetting(flag *kong.Flag) bool { return len(flag.Envs) > 0 && flag.Name != "config" }

// Resolve answers the value of a flag, unless the environment has one: kong would let the file win over that.
func (f *settingsFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	value, ok := f.values[flag.Name]
	if !ok || !isFileSetting(flag) {
		return nil, nil
	}
	for _, name := range flag.Envs {
		if _, ok := os.LookupEnv(name); ok {
			return nil, nil
		}
	}
	separator := ","
	if flag.Tag.Sep > 0 {
		separator = string(flag.Tag.Sep)
	}
	text, err := scalars(&value, separator)
	if err != nil {
		return nil, fmt.Errorf("%s: line %d: %w", f.name, value.Line, err)
	}
	return text, nil
}

// scalars is the text of a value as it stands in the file, so that it is read as on the command line: `off` is no bool.
// A list becomes one value, with what separates the values of the flag.
func scalars(node *yaml.Node, separator string) (string, error) {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch {
	case node.Kind == yaml.ScalarNode && node.Tag != "!!null":
		return node.Value, nil
	case node.Kind == yaml.SequenceNode:
		var texts []string
		for _, item := range node.Content {
			if item.Kind != yaml.ScalarNode {
				return "", errors.New("a list holds plain values only")
			}
			texts = append(texts, item.Value)
		}
		return strings.Join(texts, separator), nil
	}
	return "", errors.New("needs a plain value or a list of them")
}
