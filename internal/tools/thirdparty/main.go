// Command thirdparty prints the third-party protos that the contracts import, from the descriptors that the pinned Go
// modules link in, so that what buf compiles is exactly what the program runs with and nothing is copied or downloaded.
//
// Usage: go run ./internal/tools/thirdparty DIR
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/jhump/protoreflect/v2/protoprint"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	_ "github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-openapiv3/options"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/api/httpbody"
	_ "google.golang.org/genproto/googleapis/api/visibility"
	_ "google.golang.org/genproto/googleapis/rpc/code"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	_ "google.golang.org/genproto/googleapis/rpc/status"
	_ "google.golang.org/genproto/googleapis/type/money"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: thirdparty DIR")
		os.Exit(2)
	}
	if err := printAll(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "thirdparty:", err)
		os.Exit(1)
	}
}

func printAll(dir string) (err error) {
	// A file that a module no longer has must not linger.
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	printer := protoprint.Printer{}
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		// buf brings google/protobuf itself.
		if strings.HasPrefix(file.Path(), "google/protobuf/") {
			return true
		}
		err = printOne(&printer, file, filepath.Join(dir, filepath.FromSlash(file.Path())))
		return err == nil
	})
	return err
}

func printOne(printer *protoprint.Printer, file protoreflect.FileDescriptor, path string) error {
	text, err := printer.PrintProtoToString(file)
	if err != nil {
		return fmt.Errorf("print %s: %w", file.Path(), err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
