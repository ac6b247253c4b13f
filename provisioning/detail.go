package provisioning

import (
	"errors"
	"net"
	"os"
	"strings"
)

// DetailOf is an error in words: what was done, where, and what came of it. They stand beside the Candidate and behind
// the title of the Reason, and need not say again what these say. The stage of an attempt comes first: "REGISTER: …".
func DetailOf(err error) string {
	text := err.Error()
	var op *net.OpError // "dial tcp 10.0.0.5:5061: connect: connection refused": the end of it is new
	var call *os.SyscallError
	switch {
	case errors.As(err, &op):
		text = strings.Replace(text, op.Error(), bare(op.Err), 1)
	case errors.As(err, &call):
		text = strings.Replace(text, call.Error(), bare(call), 1)
	}
	return layers.Replace(text)
}

// bare is an error without the name of the system call that met it.
func bare(err error) string {
	var call *os.SyscallError
	if errors.As(err, &call) {
		return call.Err.Error()
	}
	return err.Error()
}

// layers are the words of our leaves and of the standard library that say nothing to a tech, or say it twice.
var layers = strings.NewReplacer(
	"no answer in time: context deadline exceeded", "no answer in time",
	"no answer in time: i/o timeout", "no answer in time",
	"context deadline exceeded", "no answer in time",
	"i/o timeout", "no answer in time",
	"no server: ", "",
	"listen for DHCP: ", "",
	": no such network interface", "",
	"not usable: ", "",
	"server failure: ", "",
	"read from the Registrar: not SIP: ", "not SIP but ",
	"read from the Registrar: unexpected EOF", "the other side has hung up",
	"read from the Registrar: EOF", "the other side has hung up",
	"read from the Registrar: ", "",
	"not signed by the Registrar: ", "",
	": unexpected EOF", ": the other side has hung up",
	": EOF", ": the other side has hung up",
	": x509: certificate ", " ",
	"x509: ", "",
	"remote error: tls: ", "the server says ",
	"tls: ", "",
)
