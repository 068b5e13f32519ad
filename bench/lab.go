package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"ordermanagement/bench/callers"
	"ordermanagement/bench/order"
	"ordermanagement/bench/process"
	ordermanagementv2 "ordermanagement/gen/ordermanagement/v2"
	"ordermanagement/internal/store/postgres/pgtest"
)

// A lab is what all rows share: the programs, and a data directory with one order in it, which contestants get a copy
// of. So all of them have the same certificates and answer with the same order.
type lab struct {
	root string // of the repository
	dir  string // for everything that is written; removed at the end

	order    *ordermanagementv2.Order // as the service answers it
	orderPB  string                   // file with it, as protobuf
	orderDoc string                   // file with the body of the service's REST answer
	bodySize int                      // of that body, in bytes
	tls      *tls.Config              // of clients
	token    credential               // that of the template

	postgres *pgtest.Server // nil until a row needs one

	built map[string]string // programs by package
	paths int               // how many paths were given out
}

// newLab makes a lab below the repository, so that data lies on the file system that the project lies on: /tmp is in
// memory on many machines, where syncing costs nothing.
func newLab(ctx context.Context, root string) (l *lab, err error) {
	parent := filepath.Join(root, ".build", "bench")
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parent, "run-")
	if err != nil {
		return nil, err
	}
	l = &lab{root: root, dir: dir, built: make(map[string]string)}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	return l, l.prepare(ctx)
}

func (l *lab) close() (err error) {
	if l.postgres != nil {
		err = l.postgres.Close()
	}
	return errors.Join(err, os.RemoveAll(l.dir))
}

// build builds a program once: of the module in a folder of the repository, by the path of its package there.
func (l *lab) build(ctx context.Context, module, pkg string) (string, error) {
	key := filepath.Join(module, pkg)
	if file, ok := l.built[key]; ok {
		return file, nil
	}
	// One file a name; programs stay between runs, so that Go links only what has changed.
	file := filepath.Join(l.root, ".build", "bench", "bin", strings.ReplaceAll(key, "/", "-"))
	command := exec.CommandContext(ctx, "go", "build", "-o", file, "./"+pkg)
	command.Dir = filepath.Join(l.root, module)
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", key, err, output)
	}
	l.built[key] = file
	return file, nil
}

func (l *lab) template() string { return filepath.Join(l.dir, "template") }

// newPath is a path that nobody uses yet.
func (l *lab) newPath(extension string) string {
	l.paths++
	return filepath.Join(l.dir, fmt.Sprint(l.paths)+extension)
}

// certificate is a file of the service's, with which its peers serve too.
func (l *lab) certificate(name string) string { return filepath.Join(l.template(), name) }

// certificateFlags give a peer its certificate.
func (l *lab) certificateFlags() []string {
	return []string{"-cert=" + l.certificate("server.crt"), "-key=" + l.certificate("server.key")}
}

// prepare makes the template: it starts the service, creates the order, and stops it.
func (l *lab) prepare(ctx context.Context) error {
	r, err := l.startOurs(ctx, "serve", l.template())
	if err != nil {
		return err
	}
	// The service listens before the files that it makes are there.
	err = r.processes[0].Await(ctx, 10*time.Millisecond, func() (err error) {
		l.tls, l.token, err = credentials(l.template())
		return err
	})
	if err == nil {
		err = l.createOrder(ctx, r)
	}
	return errors.Join(err, r.stop())
}

// credentials are those with which to call a service that has this data directory.
func credentials(data string) (*tls.Config, credential, error) {
	token, err := os.ReadFile(filepath.Join(data, "token"))
	if err != nil {
		return nil, credential{}, err
	}
	pem, err := os.ReadFile(filepath.Join(data, "ca.crt"))
	if err != nil {
		return nil, credential{}, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, credential{}, errors.New("ca.crt holds no certificate")
	}
	config := &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS13}
	return config, credential{authorization: callers.Bearer(strings.TrimSpace(string(token)))}, nil
}

func (l *lab) createOrder(ctx context.Context, r *running) error {
	r.credential = l.token
	draft, err := order.Draft()
	if err != nil {
		return err
	}
	body, err := protojson.Marshal(draft)
	if err != nil {
		return err
	}
	if _, err := l.request(ctx, r, http.MethodPost, "/v2/orders?orderId="+order.ID, body); err != nil {
		return err
	}
	answer, err := l.request(ctx, r, http.MethodGet, "/v2/"+order.Name, nil)
	if err != nil {
		return err
	}
	l.order, l.bodySize = new(ordermanagementv2.Order), len(answer)
	if err := protojson.Unmarshal(answer, l.order); err != nil {
		return err
	}
	encoded, err := proto.Marshal(l.order)
	if err != nil {
		return err
	}
	l.orderPB, l.orderDoc = filepath.Join(l.dir, "order.pb"), filepath.Join(l.dir, "order.json")
	return errors.Join(os.WriteFile(l.orderPB, encoded, 0o600), os.WriteFile(l.orderDoc, answer, 0o600))
}

// request makes one HTTPS request that is not measured.
func (l *lab) request(ctx context.Context, r *running, method, path string, body []byte) ([]byte, error) {
	return requestOnce(ctx, l.tls, r, method, path, body)
}

// requestOnce makes one HTTPS request over a connection of its own.
func requestOnce(ctx context.Context, config *tls.Config, r *running, method, path string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, "https://"+r.http+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, value := range r.header() {
		request.Header.Set(name, value)
	}
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport, Timeout: process.StartLimit}).Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %s %.500s", method, path, response.Status, answer)
	}
	return answer, nil
}
