package main

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// problems collects everything that is wrong with the settings, so that it is reported at once. kong by itself stops at
// the first value that it can't read.
type problems struct {
	given    map[*kong.Value]error // how reading from the command line or the file went, nil if well
	fallback map[*kong.Value]error // the same from the environment or the default, which kong reads in any case
	flags    []*kong.Flag          // of the command that was chosen
	file     []error               // of the YAML file
	others   []error
}

// mappers are kong's own for the types that settings have, and ours, all of which report to the collection.
func (p *problems) mappers() []kong.Option {
	p.given, p.fallback = map[*kong.Value]error{}, map[*kong.Value]error{}
	standard := kong.NewRegistry().RegisterDefaults()
	option := []kong.Option{
		kong.NamedMapper("choice", p.collect(kong.MapperFunc(decodeChoice))),
		kong.TypeMapper(reflect.TypeFor[date](), p.collect(kong.MapperFunc(decodeDate))),
		kong.TypeMapper(reflect.TypeFor[time.Duration](), p.collect(standard.ForType(reflect.TypeFor[time.Duration]()))),
	}
	for _, example := range []any{false, int(0), int64(0), uint32(0), float64(0)} {
		typ := reflect.TypeOf(example)
		option = append(option, kong.KindMapper(typ.Kind(), p.collect(standard.ForType(typ))))
	}
	return option
}

func (p *problems) collect(mapper kong.Mapper) kong.Mapper {
	return kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		readings := p.given
		if target.Addr().Pointer() == ctx.Value.Target.Addr().Pointer() {
			readings = p.fallback
		}
		readings[ctx.Value] = mapper.Decode(ctx, target)
		return nil
	})
}

// unreadable is what is wrong with reading a flag.
func (p *problems) unreadable(flag *kong.Flag) error {
	if err, ok := p.given[flag.Value]; ok {
		return err
	}
	return p.fallback[flag.Value]
}

// selectFlags remembers which flags the chosen command has: variables for others don't matter.
func (p *problems) selectFlags(command *kong.Context) {
	p.flags = nil
	if command == nil {
		return
	}
	for _, path := range command.Path {
		if node := path.Node(); node != nil && (path.App != nil || path.Command != nil) {
			p.flags = append(p.flags, node.Flags...)
		}
	}
}

// of is what is wrong with the flags of a command that could not be parsed.
func (p *problems) of(command *kong.Context) error {
	p.selectFlags(command)
	return p.err()
}

// unread says whether the value of a flag could not even be read.
func (p *problems) unread(flag string) bool {
	return slices.ContainsFunc(p.flags, func(f *kong.Flag) bool { return f.Name == flag && p.unreadable(f) != nil })
}

// report adds what is wrong with the value of a flag, unless it could not even be read.
func (p *problems) report(flag, format string, args ...any) {
	if !p.unread(flag) {
		p.others = append(p.others, fmt.Errorf("--"+flag+": "+format, args...))
	}
}

// err is everything that is wrong, or nil.
func (p *problems) err() error {
	var errs []error
	for _, flag := range p.flags {
		if err := p.unreadable(flag); err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", flag.Name, err))
		}
	}
	return errors.Join(append(append(errs, p.file...), p.others...)...)
}

// decodeChoice reads one of the words in the tag "oneof", or for a slice several of them.
func decodeChoice(ctx *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := ctx.Scan.PopValueInto("word", &text); err != nil {
		return err
	}
	words := strings.Split(ctx.Value.Tag.Get("oneof"), ",")
	check := func(word string) error {
		if slices.Contains(words, word) {
			return nil
		}
		return fmt.Errorf("%q is not one of %s", word, strings.Join(words, ", "))
	}
	if target.Kind() != reflect.Slice {
		target.SetString(text)
		return check(text)
	}
	for word := range strings.SplitSeq(text, ",") {
		word = strings.TrimSpace(word)
		if err := check(word); err != nil {
			return err
		}
		target.Set(reflect.Append(target, reflect.ValueOf(word)))
	}
	return nil
}

// date is a point in time that operators write.
type date struct{ time.Time }

// decodeDate reads a date-time or a full-date, which then means midnight in UTC (RFC 3339, 5.6).
func decodeDate(ctx *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := ctx.Scan.PopValueInto("date", &text); err != nil {
		return err
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if parsed, err := time.Parse(layout, text); err == nil {
			target.Set(reflect.ValueOf(date{parsed}))
			return nil
		}
	}
	return fmt.Errorf("%q is not a date; write 2027-01-31 or 2027-01-31T12:00:00Z", text)
}
