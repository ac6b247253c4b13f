//go:build unix

package control

import (
	"context"
	"net"
	"sync"
	"syscall"
)

// masking is held by who has changed the umask, which is that of the whole process.
var masking sync.Mutex

// bind makes the socket with its mode: to change it afterwards, by its name, could be to change what somebody has put in its
// place.
func bind(ctx context.Context, path string) (net.Listener, error) {
	masking.Lock()
	defer masking.Unlock()
	before := syscall.Umask(0o777 &^ socketMode)
	defer syscall.Umask(before)
	return new(net.ListenConfig).Listen(ctx, "unix", path)
}
