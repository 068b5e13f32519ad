// Command bench measures the service against floors and peers, in one run on one machine, and prints the results beside
// their targets. Only the ratios mean anything: the load generator shares the processors with what it measures.
//
// Each contestant is a child process, or several, of its own, with default settings, the same certificates and data on
// the same file system. Two of them take turns under load (see [ordermanagement/bench/measure]); every answer's status
// and bytes are checked. A target that is missed is printed as such and is no error; what can't be measured is one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"syscall"
	"time"

	"ordermanagement/bench/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// options say what is measured, and for how long.
type options struct {
	match    *regexp.Regexp
	slice    time.Duration
	rounds   int
	tokens   int
	output   string
	profiles string
	list     bool
}

func parseOptions() (o options, err error) {
	match := flag.String("run", "", "measure only the rows whose name matches this regular expression")
	flag.DurationVar(&o.slice, "slice", 1500*time.Millisecond, "length of one turn")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of four turns: peer, ours, ours, peer")
	flag.IntVar(&o.tokens, "tokens", 100_000, "how many different tokens are sent to see how memory grows")
	flag.StringVar(&o.output, "o", "", "file for the tables, beside standard output")
	flag.StringVar(&o.profiles, "profiles", "", "directory for CPU profiles of ours, taken in one more turn after those that count")
	flag.BoolVar(&o.list, "list", false, "list the names of the rows and measure nothing")
	flag.Parse()
	if flag.NArg() > 0 || o.slice <= 0 || o.rounds < 1 || o.tokens < 1 {
		return o, errors.New("-slice, -rounds and -tokens must be positive, and there are no arguments")
	}
	o.match, err = regexp.Compile("(?i)" + *match)
	return o, err
}

func run(ctx context.Context) (err error) {
	o, err := parseOptions()
	if err != nil {
		return err
	}
	comparisons, alone := chosen(rows(), o.match), chosen(quantities(), o.match)
	if o.list {
		list(comparisons)
		list(alone)
		return nil
	}
	if len(comparisons)+len(alone) == 0 {
		return errors.New("no row has such a name; -list lists those there are")
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	l, err := newLab(ctx, root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()

	var failures []error
	var compared []report.Row
	for _, r := range comparisons {
		if ctx.Err() != nil {
			break
		}
		fmt.Fprintln(os.Stderr, r.name())
		result, err := l.measure(ctx, r, o)
		failures = append(failures, named(r, err))
		compared = append(compared, result)
	}
	var measured []report.Quantity
	for _, q := range alone {
		if ctx.Err() != nil {
			break
		}
		fmt.Fprintln(os.Stderr, q.name())
		result := l.measureQuantity(ctx, q, o)
		failures = append(failures, named(q, result.Err))
		measured = append(measured, result)
	}
	text := l.environment(ctx, o) + "\n" + report.Comparisons(compared) + "\n" + report.Quantities(measured)
	fmt.Print(text)
	if o.output != "" {
		failures = append(failures, os.WriteFile(o.output, []byte(text), 0o644))
	}
	return errors.Join(failures...)
}

// entry is a line of a table.
type entry interface{ name() string }

func chosen[E entry](entries []E, match *regexp.Regexp) []E {
	return slices.DeleteFunc(entries, func(e E) bool { return !match.MatchString(e.name()) })
}

func list[E entry](entries []E) {
	for _, e := range entries {
		fmt.Println(e.name())
	}
}

func named(e entry, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", e.name(), err)
}
