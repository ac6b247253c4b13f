package sitetest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Entry is one thing the site saw.
type Entry struct {
	After  time.Duration // since the start
	Server string        // which server, by the address in the file: "10.0.0.5:5061", "10.0.0.53:53", "dhcp"
	// What is "connect", "tls", "resumed", "tls-failed", "closed", "ping", "response", a SIP method
	// ("REGISTER"), "unregister", "bind"; "query SRV" and the like; a DHCP message type ("INFORM");
	// "sent NOTIFY" (or BENOTIFY: a request of the Registrar's); "allocate" (to a Media Relay);
	// "malformed"; "change"; "trouble" (of the simulation itself, live only); "note" (see [Site.Note]).
	What string
	Name string // SIP address, server name of TLS, name asked for, vendor class, or words
	From string // the other end
	Host string // SIP: the server name this connection asked for in TLS; "" over TCP
	Auth string // SIP: scheme of the credentials sent, "Digest"; "" without
	// Proof is what the site found in credentials for NTLM: "begins" (asks for a challenge),
	// "authenticated", "signed"; or what is wrong with them, or with those for Digest, "wrong password". A response of the
	// device has to be signed like a request, once it has signed in.
	Proof string
	Code  int // SIP: status answered, or, of a response, its own; 0 without
	// Answer is what DNS and DHCP answer, in words: "SRV 0 0 5061 fe01.contoso.com.", "NXDOMAIN", "nothing".
	Answer string
}

// Kinds are the first words that What may have, besides SIP methods and the names of DHCP messages, which are in upper case.
var Kinds = []string{"connect", "tls", "resumed", "tls-failed", "closed", "ping", "response", "unregister", "bind", "query", "sent", "allocate", "malformed", "change", "trouble", "note"}

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

// Line is the entry as a timeline shows it, without the time: from whom to whom, what, and what came back.
func (e Entry) Line() string {
	what, isOurs := strings.CutPrefix(e.What, "sent ")
	who := e.Server
	switch {
	case e.What == "note":
		what = ""
	case isOurs:
		who += " > " + e.From
	case e.From != "":
		who = e.From + " > " + who
	}
	parts := []string{fmt.Sprintf("%-36s", who)}
	for _, part := range []string{what, e.Name, e.Auth, e.Proof} {
		if part != "" {
			parts = append(parts, strings.ReplaceAll(part, "\n", "; "))
		}
	}
	text := strings.Join(parts, " ")
	switch {
	case e.Code != 0 && e.What == "response":
		return fmt.Sprintf("%s %d", text, e.Code)
	case e.Code != 0:
		return fmt.Sprintf("%s -> %d", text, e.Code)
	case e.Answer != "":
		return text + " -> " + e.Answer
	}
	return text
}

// Our choices: what of a long timeline is shown.
const (
	timelineHead = 100
	timelineTail = 200
)

// Timeline shows entries one below the other; of the same again and again, from whatever port, the first and how many.
func Timeline(log []Entry) string {
	var lines []string
	for i := 0; i < len(log); {
		n, e := 1, log[i]
		for i+n < len(log) && log[i+n].isAgain(e) {
			n++
		}
		line := fmt.Sprintf("+%-10v %s", e.After.Round(time.Millisecond), e.Line())
		if n > 1 {
			line += fmt.Sprintf(" (%d times, the last at +%v)", n, log[i+n-1].After.Round(time.Millisecond))
		}
		lines = append(lines, line)
		i += n
	}
	if left := len(lines) - timelineHead - timelineTail; left > 0 {
		lines = slices.Replace(lines, timelineHead, timelineHead+left, fmt.Sprintf("… %d lines are left out", left))
	}
	return strings.Join(lines, "\n") + "\n"
}

// isAgain says whether an entry is the same as one before, but for the time and the port it came from.
func (e Entry) isAgain(before Entry) bool {
	e.After, e.From = before.After, before.From
	return e == before
}

func later(delay time.Duration) string {
	if delay == 0 {
		return ""
	}
	return fmt.Sprintf(", %v later", delay)
}
