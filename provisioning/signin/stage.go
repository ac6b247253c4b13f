package signin

import (
	"net/netip"

	"homeward/internal/plain"
	"homeward/internal/trust"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// stage is how far an attempt came; the same fault means different things at each.
type stage uint8

const (
	connecting stage = iota
	handshaking
	registering
)

// attemptError is a failure with the stage in which it happened, and what the handshake had shown until then.
type attemptError struct {
	stage stage
	err   error
	met   trust.Met
	// absent says that nobody on the own link has answered to the address.
	absent  bool
	gateway netip.Addr           // the one on the way there, if nobody has answered to it
	barred  provisioning.Trouble // what was said of it by ICMP: see Barred
	noRoute bool                 // there is no way there, since this device has no default route
	hop     netip.Addr           // the gateway through which the system sends what is for the address; zero: none, or it is not known
	route   *wire.Route          // by which the system sends what is for the address; nil: it is not known
	loss    wire.Loss            // over TLS
	began   wire.Began           // likewise
	near    bool                 // the address is on a link of this device: no router is on the way
	there   bool                 // and a host has answered to it lately
	small   bool                 // the handshake was tried in small packets, too, and no more came of it
	uneven  bool                 // the handshake gets all of its answer on other connections
	rooted  bool                 // the device has roots of its own, besides those of the system
	trusts  string               // where these are from
	file    string               // in which the root is that the error is about, if that is one of these
	least   uint16               // the version of TLS that this device demands, as the setting min says
	min     string
	offers  string // the highest one that the server has, where it is known and less than that
	kept    bool   // its clock is synchronized, says its system
}

func (e *attemptError) Error() string { return e.stage.prefix() + plain.Words(e.err) }

func (s stage) prefix() string { return [...]string{"connect: ", "TLS: ", "REGISTER: "}[s] }

func (e *attemptError) Unwrap() error { return e.err }

// refusedError is a place to which no packet goes.
type refusedError struct {
	reason provisioning.Reason
	detail string
}

func (e *refusedError) Error() string { return e.detail }
