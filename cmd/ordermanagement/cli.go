package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"ordermanagement/internal/lifecycle"
)

const (
	programName = "ordermanagement"

	exitOK     = 0
	exitFailed = 1 // it could not start, or did not end well
	exitUsage  = 2 // the command line or a setting is wrong
)

// cli is the command line: one field a subcommand.
type cli struct {
	Config kong.ConfigFlag `placeholder:"FILE" help:"YAML file of settings. Its keys are the names of the flags; a flag wins over the environment, the environment over the file."`

	Serve    serveCommand    `cmd:"" help:"Run the gRPC server and the HTTP gateway in one process."`
	Server   serverCommand   `cmd:"" help:"Run the gRPC server alone."`
	Gateway  gatewayCommand  `cmd:"" help:"Run the HTTP gateway alone; it calls a server over gRPC."`
	Migrate  migrateCommand  `cmd:"" help:"Bring the schema of the database up to date and exit."`
	Certs    certsCommand    `cmd:"" help:"Make development certificates."`
	Token    tokenCommand    `cmd:"" help:"Make a bearer token, or hash a given one, and let it in."`
	Htpasswd htpasswdCommand `cmd:"" help:"Let in a user with a new password, or a given one, or change a user's password."`
	Version  versionCommand  `cmd:"" help:"Print the version of the program."`
}

// program is what commands run with.
type program struct {
	ctx            context.Context // ends when the process is asked to stop
	stdin          io.Reader
	stdout, stderr io.Writer
	problems       *problems
}

// usageError is wrong input of the operator.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// run runs a command line and returns the exit code. Every error is one line on stderr.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := lifecycle.Signals(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := runCommand(program{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr, problems: &problems{}}, args)
	if err == nil {
		return exitOK
	}
	var usage usageError
	isUsage := errors.As(err, &usage)
	if isUsage {
		err = usage.error
	}
	for _, line := range flatten(err) {
		fmt.Fprintf(stderr, "%s: %s\n", programName, line)
	}
	if isUsage {
		return exitUsage
	}
	return exitFailed
}

func runCommand(p program, args []string) error {
	parser, err := newParser(&cli{}, p)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(asUsual(args))
	if err != nil {
		var parse *kong.ParseError
		if errors.As(err, &parse) {
			err = errors.Join(parse.Unwrap(), p.problems.of(parse.Context))
		}
		return usageError{err}
	}
	p.problems.selectFlags(command)
	return command.Run(&p)
}

// asUsual takes what people try at first, "help COMMAND" and "--version", for what it is here.
func asUsual(args []string) []string {
	switch args[0] {
	case "help":
		return append(args[1:len(args):len(args)], "--help")
	case "--version":
		return []string{"version"}
	}
	return args
}

// newParser makes the parser of the command line, the environment and the YAML file.
func newParser(grammar *cli, p program) (*kong.Kong, error) {
	options := []kong.Option{
		kong.Name(programName),
		kong.Description("Order management over gRPC and HTTP/JSON."),
		kong.Writers(p.stdout, p.stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}),
		kong.PostBuild(nameEnvironment),
		kong.Configuration(p.problems.readSettings),
		defaults(),
	}
	return kong.New(grammar, append(options, p.problems.mappers()...)...)
}

// nameEnvironment gives every flag its environment variable: ORDERMANAGEMENT_DATA_DIR for --data-dir. Flags with env:"-"
// are input of one command, not settings, and have none.
func nameEnvironment(k *kong.Kong) error {
	return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			switch {
			case flag.Name == "help" || len(flag.Tag.Envs) == 1 && flag.Tag.Envs[0] == "-":
				flag.Tag.Envs, flag.Envs = nil, nil
			default:
				name := strings.ToUpper(programName + "_" + strings.ReplaceAll(flag.Name, "-", "_"))
				flag.Tag.Envs, flag.Envs = []string{name}, []string{name}
			}
		}
		return next(nil)
	})
}

// flatten makes one line of each joined error.
func flatten(err error) []string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var lines []string
		for _, err := range joined.Unwrap() {
			lines = append(lines, flatten(err)...)
		}
		return lines
	}
	return []string{strings.Join(strings.Fields(err.Error()), " ")}
}
