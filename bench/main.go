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
	match  *regexp.Regexp
	slice  time.Duration
	rounds int
	output string
	list   bool
}

func parseOptions() (o options, err error) {
	match := flag.String("run", "", "measure only the rows whose name matches this regular expression")
	flag.DurationVar(&o.slice, "slice", 1500*time.Millisecond, "length of one turn")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of four turns: peer, ours, ours, peer")
	flag.StringVar(&o.output, "o", "", "file for the tables, beside standard output")
	flag.BoolVar(&o.list, "list", false, "list the names of the rows and measure nothing")
	flag.Parse()
	if flag.NArg() > 0 || o.slice <= 0 || o.rounds < 1 {
		return o, errors.New("-slice and -rounds must be positive, and there are no arguments")
	}
	o.match, err = regexp.Compile("(?i)" + *match)
	return o, err
}

func run(ctx context.Context) (err error) {
	o, err := parseOptions()
	if err != nil {
		return err
	}
	var chosen []row
	for _, r := range rows() {
		if !o.match.MatchString(r.name()) {
			continue
		}
		if o.list {
			fmt.Println(r.name())
		}
		chosen = append(chosen, r)
	}
	if o.list {
		return nil
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
	text := l.environment(ctx)
	var failures []error
	var results []report.Row
	for _, r := range chosen {
		fmt.Fprintln(os.Stderr, r.name())
		result, err := l.measure(ctx, r, o)
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", r.name(), err))
		}
		results = append(results, result)
	}
	text += report.Comparisons(results)
	fmt.Print(text)
	if o.output != "" {
		failures = append(failures, os.WriteFile(o.output, []byte(text), 0o644))
	}
	return errors.Join(failures...)
}
