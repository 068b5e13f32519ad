package client_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"google.golang.org/grpc"

	"ordermanagement/certs"
	"ordermanagement/client"
)

func ExampleToken() {
	connection, err := client.New(address(), trusted(), client.Token(content("token")))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()
	fmt.Println(destination(connection))
	// Output: Mountain View, CA <nil>
}

func ExampleBasic() {
	connection, err := client.New(address(), trusted(), client.Basic("ann", password))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()
	fmt.Println(destination(connection))
	// Output: Mountain View, CA <nil>
}

// The program is known by its client certificate: mutual TLS. A new certificate may take the place of the old one while
// the program runs.
func ExampleTLSFiles() {
	connection, err := client.New(address(), client.TLSFiles(certs.ClientOptions{
		CAFile: data("ca.crt"), CertFile: data("batch.crt"), KeyFile: data("batch.key"),
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()
	fmt.Println(destination(connection))
	// Output: Mountain View, CA <nil>
}

func ExampleTLS() {
	certificate, err := tls.LoadX509KeyPair(data("batch.crt"), data("batch.key"))
	if err != nil {
		fmt.Println(err)
		return
	}
	connection, err := client.New(address(), client.TLS(&tls.Config{
		RootCAs: authorities(), Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13,
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()
	fmt.Println(destination(connection))
	// Output: Mountain View, CA <nil>
}

// No credentials travel without TLS.
func ExamplePlaintext() {
	_, err := client.New("localhost:50051", client.Plaintext(), client.Basic("ann", password))
	fmt.Println(err)
	// Output: client: credentials travel over TLS only: leave out either Plaintext or the credentials
}

// The OAuth2 client credentials grant: the program gets tokens with an id and a secret of its own, a new one when the last
// one expires. The issuer here is the one of serve --dev-issuer, whose certificate is the service's own.
func ExampleClientCredentials() {
	id, secret, _ := strings.Cut(content("client"), ":")
	config := &clientcredentials.Config{ClientID: id, ClientSecret: secret, TokenURL: issuer() + "/token", Scopes: []string{"orders.read"}}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities()}}
	defer transport.CloseIdleConnections()

	connection, err := client.New(address(), trusted(), client.ClientCredentials(config, &http.Client{Transport: transport}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()
	fmt.Println(destination(connection))
	// Output: Mountain View, CA <nil>
}

// A vault gives tokens for a limited time.
type vault struct{}

// Token implements oauth2.TokenSource.
func (vault) Token() (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: content("token"), Expiry: time.Now().Add(time.Hour)}, nil
}

// Any source of golang.org/x/oauth2 will do, or one of the program's own. It is asked when its last token has expired.
func ExampleTokenSource() {
	connection, err := client.New(address(), trusted(), client.TokenSource(vault{}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()
	fmt.Println(destination(connection))
	// Output: Mountain View, CA <nil>
}

// A JWT or another token in a file, which somebody else renews.
func ExampleTokenFile() {
	connection, err := client.New(address(), trusted(), client.TokenFile(jwt(), nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()
	fmt.Println(destination(connection))
	// Output: Mountain View, CA <nil>
}

// A program that calls for several callers gives each call its credentials. They take the place of the connection's.
func ExampleCredentials() {
	connection, err := client.New(address(), trusted(), client.Token("nobody-has-this"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()
	_, err = destination(connection)
	fmt.Println(client.ErrorInfo(err).GetReason())
	fmt.Println(destination(connection, grpc.PerRPCCredentials(client.Token(readerToken))))
	fmt.Println(destination(connection, grpc.PerRPCCredentials(client.Basic("ann", password))))
	// Output:
	// CREDENTIALS_INVALID
	// Mountain View, CA <nil>
	// Mountain View, CA <nil>
}
