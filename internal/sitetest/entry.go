package sitetest

import (
	"fmt"
	"time"
)

// Entry is one thing the site saw.
type Entry struct {
	After  time.Duration // since the start
	Server string        // which server, by the address in the file: "10.0.0.5:5061", "10.0.0.53:53", "dhcp"
	// What is "connect", "tls", "tls-failed", "closed", "ping", "response", a SIP method
	// ("REGISTER"), "unregister"; "query SRV" and the like; a DHCP message type ("INFORM");
	// "sent NOTIFY" (or BENOTIFY: a request of the Registrar's); "allocate" (to a Media Relay);
	// "malformed"; "change"; "trouble" (of the simulation itself, live only).
	What string
	Name string // SIP address, server name of TLS, name asked for, vendor class, or words
	From string // the other end
	Host string // SIP: the server name this connection asked for in TLS; "" over TCP
	Auth string // SIP: scheme of the credentials sent, "Digest"; "" without
	// Proof is what the site found in credentials for NTLM: "begins" (asks for a challenge),
	// "authenticated", "signed"; or what is wrong with them, "wrong password". A response of the device
	// has to be signed like a request, once it has signed in.
	Proof string
	Code  int // SIP: status answered, or, of a response, its own; 0 without
	// Answer is what DNS and DHCP answer, in words: "SRV 0 0 5061 fe01.contoso.com.", "NXDOMAIN", "nothing".
	Answer string
}

// String is the entry on one line, without the ephemeral From, and without the Answer, which the file has.
func (e Entry) String() string {
	text := fmt.Sprintf("+%v %s %s", e.After, e.Server, e.What)
	for _, more := range []string{e.Name, e.Auth, e.Proof} {
		if more != "" {
			text += " " + more
		}
	}
	if e.Code != 0 {
		text += fmt.Sprintf(": %d", e.Code)
	}
	return text
}

func later(delay time.Duration) string {
	if delay == 0 {
		return ""
	}
	return fmt.Sprintf(", %v later", delay)
}
