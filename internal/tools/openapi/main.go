// Command openapi makes the merged OpenAPI document of one version true. protoc-gen-openapiv3, which calls itself alpha,
// knows the shape of the messages; this program adds what the contract and the gateway say beyond that: paths as callers
// write them, bare values, streams, field rules, errors with their reasons, security, headers, and examples that work.
//
// Usage: go run ./internal/tools/openapi IMAGE EXAMPLES <MERGED >DOCUMENT
//
// IMAGE is what `buf build` writes; EXAMPLES is the story of the version, in YAML.
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: openapi IMAGE EXAMPLES <MERGED >DOCUMENT")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}

func run(image, examples string, in io.Reader, out io.Writer) error {
	merged, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	doc, err := parse(merged)
	if err != nil {
		return err
	}
	contract, err := readContract(image)
	if err != nil {
		return err
	}
	story, err := readStory(examples)
	if err != nil {
		return err
	}
	if err := revise(doc, contract, story); err != nil {
		return err
	}
	text, err := doc.render()
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}
