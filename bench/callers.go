package main

import (
	"context"
	"crypto/tls"
	"errors"
	"os"

	"ordermanagement/bench/callers"
	"ordermanagement/bench/report"
)

// callerRows measure what it costs to know who is calling, when the caller was seen before. What is judged is CPU a call,
// which is steadier than calls a second.
func callerRows() (rows []row) {
	const note = "the same program, which asks nobody who is calling; its clients say it all the same, so that what carrying the header costs is on both sides"
	for _, kind := range []struct {
		name string
		as   func(*callers.World) (credential, error)
		more []func(*callers.World) []string
	}{
		{"opaque token", asToken, nil},
		{"Basic", asUser, nil},
		{"JWT", asJWT, nil},
		{"introspected token", asActive, nil},
		{"client certificate", asCertificate, []func(*callers.World) []string{(*callers.World).CertificateFlags}},
	} {
		rows = append(rows, row{
			claim: "GetOrder", protocol: overGRPC, clients: 64, target: report.Target{CPU: 1.05},
			peer: side{"server --auth=off", asking(nobody, kind.as), getOverGRPC, note},
			ours: side{"server, " + kind.name, knowing(kind.as, kind.more...), getOverGRPC, ""},
		})
	}
	return rows
}

// nobody is asked who is calling.
const nobody = "--auth=off"

// asking is the gRPC server with a flag, whose clients have the credential that is taken from a world it doesn't know.
func asking(flag string, as func(*callers.World) (credential, error)) starter {
	return func(ctx context.Context, l *lab, data string) (*running, error) {
		r, err := l.startCopy(ctx, "server", data, flag)
		if err != nil {
			return nil, err
		}
		world, err := callers.New(data)
		if err == nil {
			r.credential, err = as(world)
		}
		if err != nil {
			return nil, errors.Join(err, r.stop())
		}
		r.credential.certificates = nil
		return r, nil
	}
}

// knowing is the gRPC server that knows callers of every kind at once, and more with more flags. Its clients have the
// credential that is taken from that world.
func knowing(as func(*callers.World) (credential, error), more ...func(*callers.World) []string) starter {
	return func(ctx context.Context, l *lab, data string) (*running, error) {
		if err := os.CopyFS(data, os.DirFS(l.template())); err != nil {
			return nil, err
		}
		world, err := callers.New(data)
		if err != nil {
			return nil, err
		}
		addresses, err := freeAddresses(1)
		if err != nil {
			return nil, err
		}
		r := &running{data: data, world: world}
		if err := r.addPeer(ctx, l, "introspection", addresses[0], ""); err != nil {
			return nil, err
		}
		if r.credential, err = as(world); err != nil {
			return nil, errors.Join(err, r.stop())
		}
		flags := world.Flags("https://" + addresses[0])
		for _, flagsOf := range more {
			flags = append(flags, flagsOf(world)...)
		}
		return r, r.addOurs(ctx, l, "server", flags...)
	}
}

// The credentials of the callers.

func asToken(w *callers.World) (credential, error) {
	return credential{authorization: callers.Bearer(w.Token)}, nil
}

func asUser(w *callers.World) (credential, error) {
	return credential{authorization: callers.Basic(callers.Name, w.Password)}, nil
}

func asJWT(w *callers.World) (credential, error) {
	token, err := w.JWT()
	return credential{authorization: callers.Bearer(token)}, err
}

func asActive(*callers.World) (credential, error) {
	return credential{authorization: callers.Bearer(callers.Active())}, nil
}

func asCertificate(w *callers.World) (credential, error) {
	return credential{certificates: []tls.Certificate{w.Certificate}}, nil
}
