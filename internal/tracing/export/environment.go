package export

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// The exporters, as OTEL_TRACES_EXPORTER names them.
const (
	None    = "none"
	OTLP    = "otlp"
	Console = "console"
)

// The protocols of OTLP, as OTEL_EXPORTER_OTLP_PROTOCOL names them.
const (
	protocolGRPC = "grpc"
	protocolHTTP = "http/protobuf"
)

// Config says where traces go. The zero value is nowhere.
type Config struct {
	exporter string
	protocol string
}

// Enabled says whether traces go anywhere.
func (c Config) Enabled() bool { return c.exporter == OTLP || c.exporter == Console }

// FromEnvironment reads the variables of OpenTelemetry
// (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and .../protocol/exporter/). The
// exporter is the given one, else that of OTEL_TRACES_EXPORTER, else otlp if an endpoint is set, else none: against the
// specification, nothing is sent to a collector that nobody has named.
//
// The SDK passes over values that it can't read. Here they are errors, all of them at once, when traces go anywhere.
func FromEnvironment(exporter string) (Config, error) {
	c := Config{exporter: exporter}
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return Config{}, nil
	}
	endpoint := first("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
	if c.exporter == "" {
		c.exporter = get("OTEL_TRACES_EXPORTER")
	}
	if c.exporter == "" && endpoint.value != "" {
		c.exporter = OTLP
	}
	switch c.exporter {
	case "", None:
		return Config{}, nil
	case OTLP, Console:
	default:
		return Config{}, fmt.Errorf("OTEL_TRACES_EXPORTER: %q is not one of %s, %s, %s", c.exporter, OTLP, Console, None)
	}
	var errs []error
	check := func(err error) { errs = append(errs, err) }
	check(checkSampler())
	check(checkNumbers())
	check(checkPropagators())
	if _, err := newResource(""); err != nil {
		check(fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: write name=value,name=value with values in percent-encoding: %w", err))
	}
	if c.exporter == OTLP {
		protocol := first("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
		c.protocol = protocol.or(protocolHTTP)
		if c.protocol != protocolGRPC && c.protocol != protocolHTTP {
			check(fmt.Errorf("%s: %q is not one of %s, %s", protocol.name, c.protocol, protocolGRPC, protocolHTTP))
		}
		check(checkEndpoint(endpoint))
		check(checkHeaders())
		check(checkFiles())
		check(checkWords("COMPRESSION", "gzip", "none"))
		check(checkWords("INSECURE", "true", "false"))
	}
	return c, errors.Join(errs...)
}

// variable is one variable of the environment.
type variable struct{ name, value string }

func (v variable) or(value string) string {
	if v.value == "" {
		return value
	}
	return v.value
}

func get(name string) string { return strings.TrimSpace(os.Getenv(name)) }

// first is the first variable that is set, or the last one.
func first(names ...string) variable {
	for _, name := range names {
		if value := get(name); value != "" {
			return variable{name, value}
		}
	}
	return variable{names[len(names)-1], ""}
}

// both are the variables of OTLP by the end of their names: for all signals, and for traces.
func both(suffix string) []variable {
	var set []variable
	for _, name := range []string{"OTEL_EXPORTER_OTLP_" + suffix, "OTEL_EXPORTER_OTLP_TRACES_" + suffix} {
		if value := get(name); value != "" {
			set = append(set, variable{name, value})
		}
	}
	return set
}

func checkSampler() error {
	const name, argument = "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"
	kind := strings.ToLower(get(name))
	if kind != "" && !slices.Contains([]string{"always_on", "always_off", "traceidratio"}, strings.TrimPrefix(kind, "parentbased_")) {
		return fmt.Errorf("%s: %q is not one of always_on, always_off, traceidratio, or these with parentbased_ in front", name, kind)
	}
	text := get(argument)
	if text == "" || !strings.HasSuffix(kind, "traceidratio") {
		return nil
	}
	if ratio, err := strconv.ParseFloat(text, 64); err != nil || !(ratio >= 0 && ratio <= 1) {
		return fmt.Errorf("%s: %q is not a number from 0 to 1", argument, text)
	}
	return nil
}

// checkNumbers checks what the SDK reads as whole numbers.
func checkNumbers() error {
	var errs []error
	check := func(v variable, least int) {
		if n, err := strconv.Atoi(v.value); err != nil || n < least {
			errs = append(errs, fmt.Errorf("%s: %q is not a whole number from %d", v.name, v.value, least))
		}
	}
	for _, name := range []string{"OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT", "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"} {
		if value := get(name); value != "" {
			check(variable{name, value}, 1)
		}
	}
	for _, name := range []string{
		"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
		"OTEL_SPAN_EVENT_COUNT_LIMIT", "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "OTEL_SPAN_LINK_COUNT_LIMIT", "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
	} {
		if value := get(name); value != "" {
			check(variable{name, value}, 0)
		}
	}
	for _, v := range both("TIMEOUT") {
		check(v, 1)
	}
	return errors.Join(errs...)
}

// checkPropagators: a context in another form than W3C's would be lost between gateway and server.
func checkPropagators() error {
	const name = "OTEL_PROPAGATORS"
	for word := range strings.SplitSeq(get(name), ",") {
		if !slices.Contains([]string{"", "tracecontext", "baggage"}, strings.TrimSpace(word)) {
			return fmt.Errorf("%s: %q is not supported; leave it out for tracecontext,baggage", name, word)
		}
	}
	return nil
}

// checkEndpoint: a URL may hold a password, so the value isn't shown.
func checkEndpoint(v variable) error {
	if v.value == "" {
		return nil
	}
	endpoint, err := url.Parse(v.value)
	if err != nil || !slices.Contains([]string{"http", "https"}, endpoint.Scheme) || endpoint.Host == "" {
		return fmt.Errorf("%s: is not a URL such as http://localhost:4318, or http://localhost:4317 with OTEL_EXPORTER_OTLP_PROTOCOL=grpc", v.name)
	}
	return nil
}

// checkHeaders: headers are credentials, so they aren't shown.
func checkHeaders() error {
	for _, v := range both("HEADERS") {
		for pair := range strings.SplitSeq(v.value, ",") {
			name, value, ok := strings.Cut(pair, "=")
			if _, err := url.PathUnescape(value); !ok || err != nil || !httpguts.ValidHeaderFieldName(strings.TrimSpace(name)) {
				return fmt.Errorf("%s: write name=value,name=value with values in percent-encoding", v.name)
			}
		}
	}
	return nil
}

// checkFiles tries what the exporter will load: it would go on without.
func checkFiles() error {
	var errs []error
	for _, v := range both("CERTIFICATE") {
		pem, err := os.ReadFile(v.value)
		if err == nil && !x509.NewCertPool().AppendCertsFromPEM(pem) {
			err = errors.New("holds no certificate in PEM")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w; name a file of authorities", v.name, err))
		}
	}
	for _, prefix := range []string{"OTEL_EXPORTER_OTLP_", "OTEL_EXPORTER_OTLP_TRACES_"} {
		certificate, key := get(prefix+"CLIENT_CERTIFICATE"), get(prefix+"CLIENT_KEY")
		if certificate+key == "" {
			continue
		}
		if _, err := tls.LoadX509KeyPair(certificate, key); err != nil {
			errs = append(errs, fmt.Errorf("%sCLIENT_CERTIFICATE and %[1]sCLIENT_KEY: %w; name both files", prefix, err))
		}
	}
	return errors.Join(errs...)
}

func checkWords(suffix string, words ...string) error {
	var errs []error
	for _, v := range both(suffix) {
		if !slices.Contains(words, strings.ToLower(v.value)) {
			errs = append(errs, fmt.Errorf("%s: %q is not one of %s", v.name, v.value, strings.Join(words, ", ")))
		}
	}
	return errors.Join(errs...)
}
