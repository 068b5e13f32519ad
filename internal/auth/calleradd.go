package auth

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// AddCaller is a callers file with one more entry, unless the credential has an entry already: the file stays as it is
// then, and it is an error if the new entry names another tenant or other scopes. Comments and the order of entries stay.
// A new entry must have scopes; its tenant is [DefaultTenant] if it names none.
func AddCaller(file []byte, entry Entry) ([]byte, error) {
	kind, name, err := entry.credential()
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(file, &document); err != nil {
		return nil, err
	}
	if document.Kind == 0 {
		document = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	list, err := callersOf(document.Content[0])
	if err != nil {
		return nil, err
	}
	for _, item := range list.Content {
		var there Entry
		if err := item.Decode(&there); err != nil {
			return nil, err
		}
		thereKind, thereName, err := there.credential()
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", item.Line, err)
		}
		if thereKind != kind || thereName != name {
			continue
		}
		if entry.Tenant != "" && entry.Tenant != there.Tenant || entry.Scopes != nil && !slices.Equal(entry.Scopes, there.Scopes) {
			return nil, fmt.Errorf("%s has another tenant or other scopes already; edit the file to change them", name)
		}
		return file, nil
	}
	if entry.Scopes == nil {
		return nil, fmt.Errorf("there is no caller %s yet; say what it may do with --scopes, of %s", name, strings.Join(AllScopes(), ","))
	}
	if entry.Tenant == "" {
		entry.Tenant = DefaultTenant
	}
	if err := entry.check(); err != nil {
		return nil, err
	}
	var node yaml.Node
	if err := node.Encode(entry); err != nil {
		return nil, err
	}
	list.Content = append(list.Content, &node)
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
