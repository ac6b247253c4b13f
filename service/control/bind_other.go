//go:build !unix

package control

import (
	"context"
	"net"
)

// bind makes the socket; who may use it is up to the access list of its directory.
func bind(ctx context.Context, path string) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "unix", path)
}
