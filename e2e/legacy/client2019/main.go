// Command client2019 calls the service the way its first clients do: built with the gRPC and the code generator of
// 2019, under the published names. It goes through its steps in order, or through those that are named, and prints what
// it saw of each as a line of JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"

	"ordermanagement/e2e/legacy/client2019/ecommerce"
	"ordermanagement/e2e/legacy/client2019/helloworld"
)

// stepLimit is the deadline of each step's calls.
const stepLimit = 20 * time.Second

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "client2019:", err)
		os.Exit(1)
	}
}

func run(args []string, output io.Writer) error {
	flags := flag.NewFlagSet("client2019", flag.ContinueOnError)
	address := flags.String("address", "localhost:50051", "the server")
	var security security
	security.flags(flags)
	compress := flags.Bool("gzip", false, "compress requests")
	if err := flags.Parse(args); err != nil {
		return err
	}
	options, err := security.dialOptions()
	if err != nil {
		return err
	}
	if *compress {
		options = append(options, grpc.WithDefaultCallOptions(grpc.UseCompressor(gzip.Name)))
	}
	traffic := &traffic{}
	connection, err := grpc.Dial(*address, append(options, traffic.options()...)...)
	if err != nil {
		return err
	}
	defer connection.Close()

	// One connection for all stubs.
	stubs := stubs{
		orders:   ecommerce.NewOrderManagementClient(connection),
		products: ecommerce.NewProductInfoClient(connection),
		greeter:  helloworld.NewGreeterClient(connection),
	}
	chosen, err := choose(flags.Args())
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(output)
	encoder.SetEscapeHTML(false)
	for _, step := range chosen {
		record := &record{Step: step.name}
		if err := do(step, stubs, record, traffic); err != nil {
			return err
		}
		if err := encoder.Encode(record); err != nil {
			return err
		}
	}
	return nil
}

func do(step step, stubs stubs, record *record, traffic *traffic) error {
	ctx, cancel := context.WithTimeout(context.Background(), stepLimit)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "timestamp", time.Now().Format(time.StampNano), "kn", "vn")
	traffic.reset()
	err := step.run(ctx, stubs, record)
	record.Traffic = traffic.seen()
	return record.fail(err)
}
