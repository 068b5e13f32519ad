package main

import (
	"fmt"

	"ordermanagement/bench/report"
)

// A side is one contestant of a row, and how it is called.
type side struct {
	name  string
	start starter
	call  caller
	note  string // what a reader has to know of it
}

// A row compares ours with a peer.
type row struct {
	claim      string
	protocol   string
	clients    int
	peer, ours side
	durable    bool // whether answers wait for the disk
	target     report.Target
}

// name is what -run matches.
func (r row) name() string {
	return fmt.Sprintf("%s, %s, %d clients: %s against %s", r.claim, r.protocol, r.clients, r.ours.name, r.peer.name)
}

const (
	overGRPC = "gRPC"
	overREST = "REST, HTTP/1.1"
)

// rows is the table: the targets of the design, and what each is measured against.
func rows() []row {
	// Floors and peers of reads.
	bare := side{"bare grpc-go", bareGRPC, getOverGRPC, "answers from memory; no interceptor, no caller, no store"}
	stock := side{
		"stock grpc-gateway + bare grpc-go", stockGateway, getOverHTTP,
		"two processes; its default JSON has the empty fields too",
	}
	cannedBytes := side{"canned net/http", canned, getOverHTTP, "sends the bytes of our answer: the ceiling of net/http"}
	vanguard := side{"vanguard + bare grpc-go, one process", transcoder, getOverHTTP, ""}
	// Peers of creates.
	etcdPut := side{"etcd Put", etcd, putOverGRPC, "the order's bytes under a new key, synced; callers are not authenticated"}
	etcdJSONPut := side{"etcd JSON Put", etcd, putOverHTTP, "the same through its JSON gateway"}
	pocketCreate := side{
		"PocketBase create", pocketBase, createInPocketBase,
		"the same fields, a token; it does not wait for the disk (synchronous=NORMAL is its default)",
	}
	// Ours.
	server := side{"server", oursServer, getOverGRPC, ""}
	serve := side{"serve", oursServe, getOverHTTP, ""}
	gatewayApart := side{"gateway + server", oursApart, getOverHTTP, ""}
	serverCreate := side{"server", oursServer, createOverGRPC, ""}
	serveCreate := side{"serve", oursServe, createOverHTTP, ""}
	rows := []row{
		{"GetOrder", overGRPC, 64, bare, server, false, report.Target{RPS: 1, CPU: 0.9, Mark: 0.6}},
		{"GetOrder", overREST, 1, stock, serve, false, report.Target{RPS: 5, CPU: 0.25}},
		{"GetOrder", overREST, 64, stock, serve, false, report.Target{RPS: 3.5, CPU: 0.25, Mark: 2}},
		{"GetOrder", overREST, 64, stock, gatewayApart, false, report.Target{RPS: 1.4}},
		{"GetOrder", overREST, 64, cannedBytes, serve, false, report.Target{}},
		{"GetOrder", overREST, 64, vanguard, serve, false, report.Target{}},
		{"CreateOrder", overGRPC, 64, etcdPut, serverCreate, true, report.Target{RPS: 1}},
		{"CreateOrder", overGRPC, 16, etcdPut, serverCreate, true, report.Target{}},
		{"CreateOrder", overGRPC, 1, etcdPut, serverCreate, true, report.Target{}},
		{"CreateOrder", overREST, 64, etcdJSONPut, serveCreate, true, report.Target{RPS: 1.5}},
		{"CreateOrder", overREST, 16, etcdJSONPut, serveCreate, true, report.Target{}},
		{"CreateOrder", overREST, 1, etcdJSONPut, serveCreate, true, report.Target{}},
		{"CreateOrder", overREST, 64, pocketCreate, serveCreate, true, report.Target{RPS: 6}},
		{"CreateOrder", overREST, 16, pocketCreate, serveCreate, true, report.Target{RPS: 6}},
	}
	return append(append(rows, callerRows()...), postgresRows()...)
}

// postgresRows compare the server over PostgreSQL with what PostgreSQL does for so many clients by itself.
func postgresRows() (rows []row) {
	for _, clients := range []int{1, 8, 64} {
		insert := side{
			"pgbench, INSERT", postgresAlone, insertByPgbench,
			"order and key as one prepared statement, a session for each client; no TLS, no caller, no answer",
		}
		create := side{"server on PostgreSQL", oursOnPostgres, createKeyedOverGRPC, ""}
		rows = append(rows, row{"CreateOrder", overGRPC, clients, insert, create, true, report.Target{RPS: 0.7}})
	}
	for _, clients := range []int{1, 8, 64} {
		query := side{"pgbench, SELECT", postgresAlone, selectByPgbench, "the order's row, of which it looks at nothing; a session for each client"}
		get := side{"server on PostgreSQL", oursOnPostgres, getOverGRPC, ""}
		rows = append(rows, row{"GetOrder", overGRPC, clients, query, get, false, report.Target{}})
	}
	return rows
}
