// Package control is the control socket: HTTP and JSON over a Unix socket, through which the commands read
// what the daemon knows. It holds the server, the client and the JSON types of both ends.
//
//	GET  /v1/status                                                provisioning.Status
//	GET  /v1/cache                                                 the last good record; 404 when there is none
//	GET  /v1/history[?failures][&since=TIME][&last=N][&follow]     one Entry per line, oldest first
//	GET  /v1/log                                                   the end of the log, one line a line
//	POST /v1/forget                                                drop last good; root and the daemon's own user only
//	POST /v1/enrol                                                 ask for a certificate for sign-in
//	POST /v1/report                                                the phone's own registration has failed: provisioning.Report
//
// It decides nothing and changes nothing by itself, and it listens on no network. Who may read is decided by
// the mode of the socket, who may write by the kernel's word on who is calling (SO_PEERCRED), never by what
// the caller says.
//
// Read entry.go first, then excerpt.go, files.go, peer_linux.go, caller.go, bind_unix.go, listen.go, claim_unix.go, claim.go, server.go,
// client.go, runsas.go.
package control
