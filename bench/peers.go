package main

import (
	"context"
	"errors"
	"os"
)

// bareGRPC is grpc-go and nothing else.
func bareGRPC(ctx context.Context, l *lab, _ string) (*running, error) {
	addresses, err := freeAddresses(1)
	if err != nil {
		return nil, err
	}
	r := &running{grpc: addresses[0]}
	return r, r.addPeer(ctx, l, "bare", r.grpc, l.orderPB)
}

// stockGateway is grpc-gateway as it comes, in front of bareGRPC.
func stockGateway(ctx context.Context, l *lab, data string) (*running, error) {
	r, err := bareGRPC(ctx, l, data)
	if err != nil {
		return nil, err
	}
	addresses, err := freeAddresses(1)
	if err != nil {
		return nil, errors.Join(err, r.stop())
	}
	r.http = addresses[0]
	return r, r.addPeer(ctx, l, "stockgateway", r.http, "", "-server="+r.grpc)
}

// canned is net/http that sends the bytes of our answer.
func canned(ctx context.Context, l *lab, _ string) (*running, error) {
	addresses, err := freeAddresses(1)
	if err != nil {
		return nil, err
	}
	r := &running{http: addresses[0]}
	return r, r.addPeer(ctx, l, "canned", r.http, l.orderDoc)
}

// transcoder is vanguard in front of grpc-go, in one process.
func transcoder(ctx context.Context, l *lab, _ string) (*running, error) {
	addresses, err := freeAddresses(1)
	if err != nil {
		return nil, err
	}
	r := &running{http: addresses[0]}
	return r, r.addPeer(ctx, l, "vanguard", r.http, l.orderPB)
}

// etcd is one member of etcd.
func etcd(ctx context.Context, l *lab, data string) (*running, error) {
	program, err := l.build(ctx, "bench/peers/etcd", ".")
	if err != nil {
		return nil, err
	}
	addresses, err := freeAddresses(3)
	if err != nil {
		return nil, err
	}
	r := &running{data: data, grpc: addresses[0], http: addresses[1]}
	return r, r.add(ctx, l, r.http, program, append(l.certificateFlags(),
		"-grpc="+r.grpc, "-http="+r.http, "-peers="+addresses[2], "-data="+data)...)
}

// pocketBase is PocketBase with a collection for orders.
func pocketBase(ctx context.Context, l *lab, data string) (*running, error) {
	program, err := l.build(ctx, "bench/peers/pocketbase", ".")
	if err != nil {
		return nil, err
	}
	addresses, err := freeAddresses(1)
	if err != nil {
		return nil, err
	}
	r, tokenFile := &running{data: data, http: addresses[0]}, l.newPath(".token")
	args := append(l.certificateFlags(), "-listen="+r.http, "-data="+data, "-token="+tokenFile)
	if err := r.add(ctx, l, r.http, program, args...); err != nil {
		return nil, err
	}
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		return nil, errors.Join(err, r.stop())
	}
	r.authorization = string(token)
	return r, nil
}

// addPeer starts a peer program of peers/ with its common flags. It is sent the credential that ours is sent, though it
// does not look at it.
func (r *running) addPeer(ctx context.Context, l *lab, name, address, orderFile string, more ...string) error {
	program, err := l.build(ctx, "bench", "peers/"+name)
	if err != nil {
		return errors.Join(err, r.stop())
	}
	r.credential = l.token
	args := append(l.certificateFlags(), "-ca="+l.certificate("ca.crt"), "-listen="+address, "-order="+orderFile)
	return r.add(ctx, l, address, program, append(args, more...)...)
}
