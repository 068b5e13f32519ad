package main

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"ordermanagement/certs"
)

// usageLines tells how to call the process: lines to paste into a shell. The token itself is not shown.
func usageLines(s *settings, f *files, l *listeners) string {
	var text strings.Builder
	text.WriteString("\n")
	v1 := slices.Contains(s.Versions.APIVersions, versionV1)
	if l.http != nil {
		path := "/v2/orders"
		if v1 {
			path = "/v1/orders/102"
		}
		curl := []string{"curl"}
		url := "http://" + reachable(l.http) + path
		if f.tls != nil {
			url = "https://" + reachable(l.http) + path
			if f.ca != "" {
				curl = append(curl, "--cacert", quote(f.ca))
			}
			if s.TLS.ClientAuth == string(certs.ClientAuthRequired) {
				curl = append(curl, "--cert", "CALLER.crt", "--key", "CALLER.key")
			}
		}
		fmt.Fprintf(&text, "  %s\n", strings.Join(append(append(curl, s.authorization(f, "-H", "Authorization")...), quote(url)), " "))
	}
	if l.grpc != nil && s.GRPC.Reflection {
		grpcurl := []string{"grpcurl"}
		if f.tls == nil {
			grpcurl = append(grpcurl, "-plaintext")
		} else if f.ca != "" {
			grpcurl = append(grpcurl, "-cacert", quote(f.ca))
		}
		if s.TLS.ClientAuth == string(certs.ClientAuthRequired) {
			grpcurl = append(grpcurl, "-cert", "CALLER.crt", "-key", "CALLER.key")
		}
		grpcurl = append(grpcurl, s.authorization(f, "-H", "authorization")...)
		call := []string{reachable(l.grpc), "ordermanagement.v2.OrderService/ListOrders"}
		if v1 {
			call = []string{"-d", `'"102"'`, reachable(l.grpc), "ordermanagement.v1.OrderManagement/GetOrder"}
		}
		fmt.Fprintf(&text, "  %s\n", strings.Join(append(grpcurl, call...), " "))
	}
	text.WriteString("\n")
	return text.String()
}

// authorization is the header that carries a token.
func (s *settings) authorization(f *files, flag, header string) []string {
	switch {
	case s.serverSettings != nil && s.Auth.Auth == off:
		return nil
	case f.token != "":
		return []string{flag, fmt.Sprintf(`"%s: Bearer $(cat %s)"`, header, quote(f.token))}
	default:
		return []string{flag, fmt.Sprintf(`"%s: Bearer $TOKEN"`, header)}
	}
}

// reachable is a name of a listener on this machine.
func reachable(listener net.Listener) string {
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return listener.Addr().String()
	}
	host := "localhost"
	if !address.IP.IsUnspecified() && !address.IP.IsLoopback() {
		host = address.IP.String()
	}
	return net.JoinHostPort(host, fmt.Sprint(address.Port))
}

var shellSafe = regexp.MustCompile(`^[A-Za-z0-9._/:@%+=,-]+$`)

// quote makes one word of a POSIX shell.
func quote(word string) string {
	if shellSafe.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
