package control

import (
	"fmt"
	"io/fs"
	"net"
	"syscall"
)

// peerUID returns the user id of the process at the other end, as the kernel recorded it (SO_PEERCRED,
// unix(7)).
func peerUID(conn net.Conn) (int, error) {
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return 0, fmt.Errorf("ask who is calling: not a Unix socket")
	}
	raw, err := unix.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("ask who is calling: %w", err)
	}
	var cred *syscall.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err == nil {
		err = credErr
	}
	if err != nil {
		return 0, fmt.Errorf("ask who is calling: %w", err)
	}
	return int(cred.Uid), nil
}

// ownerOf returns the user to whom a file belongs.
func ownerOf(info fs.FileInfo) (uid int, known bool) {
	at, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return 0, false
	}
	return int(at.Uid), true
}
