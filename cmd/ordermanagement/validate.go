package main

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"ordermanagement/certs"
	"ordermanagement/client"
	"ordermanagement/gateway"
	"ordermanagement/internal/order"
	"ordermanagement/internal/store/postgres"
)

func decimal(n int) string { return strconv.Itoa(n) }

// complete checks the settings whole and fills in those that depend on others. Its error is all that is wrong.
func (s *settings) complete(p *problems) error {
	s.completeAddresses(p)
	s.checkTLS(p)
	if !slices.Contains(s.Versions.APIVersions, versionV2) {
		p.report("api-versions", "v2 can't be left out; use v1,v2 or v2")
	}
	checkRange(p, "shutdown-delay", s.Shutdown.ShutdownDelay, 0, maxShutdownDelay)
	checkRange(p, "shutdown-timeout", s.Shutdown.ShutdownTimeout, time.Millisecond, maxShutdownTimeout)
	s.Limits.check(p)
	s.checkTraces(p)
	if s.serverSettings != nil {
		s.serverSettings.check(p)
	}
	if s.gatewaySettings != nil {
		s.gatewaySettings.check(p)
	}
	if s.upstreamSettings != nil {
		s.upstreamSettings.check(p, s.tls())
	}
	if s.issuerSettings != nil {
		s.checkIssuer(p)
	}
	if err := p.err(); err != nil {
		return usageError{err}
	}
	return nil
}

func (s *settings) tls() bool { return s.TLS.TLS == on }

// exposed is why the listeners may only be reached from this machine; empty when they may be reached from others.
func (s *settings) exposed() string {
	var flags []string
	if s.TLS.TLS == off {
		flags = append(flags, "--tls=off")
	}
	if s.serverSettings != nil && s.Auth.Auth == off {
		flags = append(flags, "--auth=off")
	}
	return strings.Join(flags, " and ")
}

func (s *settings) completeAddresses(p *problems) {
	exposed := s.exposed()
	complete := func(flag string, address *string, port string) {
		if *address == "" {
			*address = ":" + port
			if exposed != "" {
				*address = net.JoinHostPort(loopback, port)
			}
			return
		}
		if host, ok := checkAddress(p, flag, *address); ok && exposed != "" && !isLoopback(host) {
			p.report(flag, "%s can be reached from other machines, which %s forbids; use %s", *address, exposed, net.JoinHostPort(loopback, port))
		}
	}
	if s.serverSettings != nil {
		complete("grpc-listen", &s.GRPC.GRPCListen, defaultGRPCPort)
	}
	if s.gatewaySettings != nil {
		complete("http-listen", &s.HTTP.HTTPListen, defaultHTTPPort)
	}
	switch {
	case s.Admin.AdminListen == adminOff:
	case s.Admin.AdminListen != "":
		checkAddress(p, "admin-listen", s.Admin.AdminListen)
	case s.serverSettings == nil:
		s.Admin.AdminListen = defaultGatewayAdmin
	default:
		s.Admin.AdminListen = defaultAdminListen
	}
}

func checkAddress(p *problems, flag, address string) (host string, ok bool) {
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		p.report(flag, "%q is not HOST:PORT, e.g. %s:8443 or :8443", address, loopback)
	}
	return host, err == nil
}

// isLoopback says whether only this machine reaches a host. An empty host is every interface.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

func (s *settings) checkTLS(p *problems) {
	if (s.TLS.TLSCert == "") != (s.TLS.TLSKey == "") {
		p.report("tls-cert", "--tls-cert and --tls-key go together; give both or none")
	}
	if !s.tls() && s.TLS.TLSCert+s.TLS.TLSKey != "" {
		p.report("tls-cert", "would not be used with --tls=off; take one of them out")
	}
	if !s.tls() && s.TLS.ClientCA+s.TLS.ClientAuth != "" {
		p.report("client-ca", "--client-ca and --client-auth would not be used with --tls=off; take them out")
	}
	switch {
	case s.TLS.ClientCA == "" && s.TLS.ClientAuth != "" && s.TLS.ClientAuth != off:
		p.report("client-auth", "needs --client-ca, e.g. ca.crt of a data directory in which certs has issued certificates")
	case s.TLS.ClientCA != "" && s.TLS.ClientAuth == off:
		p.report("client-ca", "would not be used with --client-auth=off; take one of them out")
	case s.TLS.ClientCA != "" && s.TLS.ClientAuth == "":
		s.TLS.ClientAuth = string(certs.ClientAuthRequired)
	}
}

func (s *serverSettings) check(p *problems) {
	checkRange(p, "max-message-bytes", s.GRPC.MaxMessageBytes, 1, maxMessageBytes)
	checkRange(p, "max-concurrent-streams", s.GRPC.MaxConcurrentStreams, 1, maxStreamsPerConnection)
	checkRange(p, "call-timeout", s.GRPC.CallTimeout, time.Millisecond, maxTimeout)
	s.Conns.check(p)
	s.Rate.check(p)
	checkDatabase(p, s.Database)
	checkRange(p, "database-connections", s.Pool.DatabaseConnections, 1, maxDatabaseConnections)
	checkRange(p, "database-timeout", s.Pool.DatabaseTimeout, time.Millisecond, maxTimeout)
	s.API.check(p)
	s.checkCallers(p)
}

func checkDatabase(p *problems, s databaseSettings) {
	if s.DatabaseURL == "" {
		if s.DatabasePooler != off {
			p.report("database-pooler", "would not be used without --database-url; give that, or take it out")
		}
		return
	}
	if err := postgres.CheckURL(s.DatabaseURL); err != nil { // which doesn't show the value: it may hold a password
		p.report("database-url", "%w", err)
	}
}

func (s *apiSettings) check(p *problems) {
	if _, ok := order.Digits(s.V1Currency); !ok {
		p.report("v1-currency", "%q is not a currency of ISO 4217, e.g. USD", s.V1Currency)
	}
	if strings.ContainsFunc(s.V1Location, func(r rune) bool { return r < ' ' || r > '~' }) {
		p.report("v1-location", "travels as a header, so it can hold printable ASCII only")
	}
	if !s.V1Sunset.IsZero() && s.V1Sunset.Before(s.V1Deprecation.Time) {
		p.report("v1-sunset", "lies before --v1-deprecation; a version is deprecated before it goes (RFC 9745, 4)")
	}
	if s.V1Successor != "" {
		link, err := url.Parse(s.V1Successor)
		if err != nil || !slices.Contains([]string{"http", "https"}, link.Scheme) || link.Host == "" || link.String() != s.V1Successor {
			p.report("v1-successor", "%q is not a URL such as https://example.com/docs", s.V1Successor)
		}
	}
}

func (s *gatewaySettings) check(p *problems) {
	checkRange(p, "max-body-bytes", s.HTTP.MaxBodyBytes, 1, maxMessageBytes)
	checkRange(p, "max-record-bytes", s.HTTP.MaxRecordBytes, 1, maxMessageBytes)
	if least := gateway.MinBodyMemory(s.HTTP.MaxBodyBytes, s.HTTP.MaxRecordBytes); s.HTTP.MaxBodyMemory < least {
		p.report("max-body-memory", "%d is less than one body or record needs; give at least %d", s.HTTP.MaxBodyMemory, least)
	}
	checkRange(p, "body-timeout", s.HTTP.BodyTimeout, time.Millisecond, maxTimeout)
	checkRange(p, "stream-idle-timeout", s.HTTP.StreamIdleTimeout, time.Millisecond, maxTimeout)
	checkRange(p, "write-timeout", s.HTTP.WriteTimeout, time.Millisecond, maxTimeout)
	checkRange(p, "event-keep-alive", s.HTTP.EventKeepAlive, time.Millisecond, maxTimeout)
	for _, origin := range s.HTTP.CORSOrigins {
		if err := gateway.CheckOrigin(origin); err != nil {
			p.report("cors-origins", "%w", err)
		}
	}
}

func (s *upstreamSettings) check(p *problems, tls bool) {
	u := &s.Upstream
	if u.ServerAddress == "" {
		p.report("server-address", "is empty; name the server, e.g. %s", defaultServerAddress)
	} else if err := client.CheckTarget(u.ServerAddress); err != nil {
		p.report("server-address", "%w", err)
	}
	if (u.GatewayCert == "") != (u.GatewayKey == "") {
		p.report("gateway-cert", "--gateway-cert and --gateway-key go together; give both or none")
	}
	if !tls && u.ServerCA+u.ServerName+u.GatewayCert+u.GatewayKey != "" {
		p.report("server-ca", "--server-ca, --server-name, --gateway-cert and --gateway-key would not be used with --tls=off; take them out")
	}
}

// checkRange keeps a number between two bounds, both allowed.
func checkRange[T int | int64 | uint32 | float64 | time.Duration](p *problems, flag string, value, least, most T) {
	if !(value >= least && value <= most) { // NaN is not
		p.report(flag, "%s is not between %s and %s", fmt.Sprint(value), fmt.Sprint(least), fmt.Sprint(most))
	}
}
