package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"ordermanagement/certs"
)

// certsCommand makes certificates.
type certsCommand struct {
	Init    certsInitCommand    `cmd:"" help:"Make what is missing of a development authority, a server's and a gateway's certificate in the data directory."`
	Server  certsServerCommand  `cmd:"" help:"Issue a certificate of a server."`
	Gateway certsGatewayCommand `cmd:"" help:"Issue a certificate by which a gateway is known to servers."`
	Client  certsClientCommand  `cmd:"" help:"Issue a certificate of a caller."`
}

// keySettings say how new keys and certificates are made.
type keySettings struct {
	Algorithm string        `env:"-" type:"choice" oneof:"ecdsa-p256,rsa-3072" default:"ecdsa-p256" help:"Kind of new keys: ecdsa-p256 or rsa-3072 (default ${default})."`
	Validity  time.Duration `env:"-" placeholder:"DURATION" help:"How long the certificate is valid, e.g. 720h (default: an authority's 10 years, another's 1 year, and never longer than its authority)."`
}

type certsInitCommand struct {
	Data        dataSettings `embed:""`
	Log         logSettings  `embed:""`
	keySettings `embed:""`
	Hosts       []string `arg:"" optional:"" help:"DNS names and IP addresses of the server, beside localhost and the name of this machine."`
}

// Run makes the certificates and prints the files. Validity is the authority's.
func (c *certsInitCommand) Run(p *program) error {
	return p.inDirectory(c.Data, func() error {
		made, err := certs.EnsureDevelopment(c.Data.DataDir, certs.DevelopmentOptions{
			Hosts: c.Hosts, Algorithm: certs.Algorithm(c.Algorithm), Validity: c.Validity, Logger: newLogger(p.stderr, c.Log),
		})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "authority: %s\nserver:    %s, %s\ngateway:   %s, %s\n",
			made.CAFile, made.ServerCertFile, made.ServerKeyFile, made.GatewayCertFile, made.GatewayKeyFile)
		return err
	})
}

// leafSettings say what to issue.
type leafSettings struct {
	Data        dataSettings `embed:""`
	Log         logSettings  `embed:""`
	keySettings `embed:""`
	Name        string   `arg:"" help:"Common name, and name of the files: NAME.crt and NAME.key in the data directory."`
	Hosts       []string `env:"-" name:"host" placeholder:"HOST" help:"DNS names and IP addresses in it."`
	URIs        []string `env:"-" name:"uri" placeholder:"URI" help:"URIs in it, e.g. spiffe://example.com/batch."`
	Replace     bool     `env:"-" help:"Replace files that are there; programs that follow them take the new ones."`
}

type certsServerCommand struct{ leafSettings }

// Run issues the certificate.
func (c *certsServerCommand) Run(p *program) error {
	return c.issue(p, certs.LeafRequest{Server: true})
}

type certsClientCommand struct{ leafSettings }

// Run issues the certificate.
func (c *certsClientCommand) Run(p *program) error {
	return c.issue(p, certs.LeafRequest{Client: true})
}

type certsGatewayCommand struct{ leafSettings }

// Run issues the certificate.
func (c *certsGatewayCommand) Run(p *program) error {
	c.URIs = append(c.URIs, certs.GatewayURI)
	return c.issue(p, certs.LeafRequest{Client: true})
}

// fileName is what a certificate may be called: its files lie beside those of the data directory.
var fileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$`)

// ownNames are those of the files that every data directory has, and that are renewed by themselves.
func ownNames() []string { return []string{"ca", "server", "gateway", "issuer"} }

func (c *leafSettings) issue(p *program, request certs.LeafRequest) error {
	if !fileName.MatchString(c.Name) || slices.Contains(ownNames(), c.Name) {
		p.problems.others = append(p.problems.others, fmt.Errorf("%q can't name a certificate; use up to 63 letters, digits, '.', '_', '@' and '-', and none of %s, which certs init makes", c.Name, strings.Join(ownNames(), ", ")))
	}
	request.CommonName, request.Algorithm, request.Validity = c.Name, certs.Algorithm(c.Algorithm), c.Validity
	for _, host := range c.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			request.IPs = append(request.IPs, ip)
		} else {
			request.DNSNames = append(request.DNSNames, host)
		}
	}
	for _, text := range c.URIs {
		uri, err := url.Parse(text)
		if err != nil {
			p.problems.report("uri", "%q is not a URI", text)
		}
		request.URIs = append(request.URIs, uri)
	}
	return p.inDirectory(c.Data, func() error {
		authority, err := certs.EnsureAuthority(c.Data.DataDir, certs.DevelopmentOptions{Logger: newLogger(p.stderr, c.Log)})
		if err != nil {
			return err
		}
		pair, err := authority.Issue(request)
		if err != nil {
			return usageError{err}
		}
		cert, key := filepath.Join(c.Data.DataDir, c.Name+".crt"), filepath.Join(c.Data.DataDir, c.Name+".key")
		write := pair.Write
		if c.Replace {
			write = pair.Replace
		}
		if err := write(cert, key); errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%w; --replace replaces it", err)
		} else if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "certificate: %s\nkey:         %s\n", cert, key)
		return err
	})
}

// inDirectory does something in a data directory that nobody else changes meanwhile, unless a setting is wrong.
func (p *program) inDirectory(data dataSettings, do func() error) error {
	if err := p.problems.err(); err != nil {
		return usageError{err}
	}
	unlock, err := lockDirectory(data.DataDir)
	if err != nil {
		return err
	}
	defer unlock()
	return do()
}
