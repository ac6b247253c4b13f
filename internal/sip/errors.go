package sip

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrNoAnswer means that the Registrar was silent: no answer to REGISTER within 4 s or to another request within 10 s, no
	// final one within 32 s, no provisioning document within 5 s of the answer, or no answer to a keep-alive.
	ErrNoAnswer = errors.New("no answer from the Registrar")

	// ErrBindingLost means that the Registrar holds no binding for us, or that the connection the binding hangs on is
	// gone. Keep wraps the cause beside it.
	ErrBindingLost = errors.New("binding lost")

	// ErrBadSignature means that an answer is not signed by someone who knows our password, although it must be. The
	// error around it says what is missing. A refusal of REGISTER that is not signed at all is a StatusError all the same.
	ErrBadSignature = errors.New("not signed by the Registrar")
)

// StatusError is a final answer that refuses.
type StatusError struct {
	Code        int           // 300 to 699
	Phrase      string        // as sent, escaped, at most 256 bytes
	RetryAfter  time.Duration // 1 s to 1 h; 0: the Registrar said nothing (RFC 3261 section 20.33)
	Diagnostics []Diagnostic  // ms-diagnostics, then ms-diagnostics-public; at most 16
	Date        time.Time     // the Registrar's clock; zero: not told
	User        string        // the login name in the credentials we had sent: "phone1", `CONTOSO\phone1`; "": we had sent none
	Problem     string        // P-Registrar-Error of Kamailio and OpenSIPS: "Too many registered contacts"; escaped, at most 256 bytes

	// The answer to a REGISTER is not signed, although everything is that the Registrar says now (MS-SIPAE). Anyone on the
	// way may have written it: it is for people to read, and nothing follows from it. RetryAfter and Date are zero then.
	Unsigned bool
	// How the REGISTER had signed in that is refused, where nothing shows that the Registrar has accepted it: "digest". "":
	// without credentials, or by its signature the Registrar knows our password.
	Scheme string
}

// Diagnostic is a Lync server's own account of a failure (MS-OCER).
type Diagnostic struct {
	ID             int    // 4005
	Reason, Source string // verbatim but escaped, at most 256 bytes; Source, the server's name, is hidden from the outside
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("answered %d %s", e.Code, e.Phrase)
	if e.RetryAfter > 0 {
		text += fmt.Sprintf(" (Retry-After %d s)", int(e.RetryAfter.Seconds()))
	}
	if e.Unsigned {
		text += ", unsigned"
	}
	if e.Problem != "" {
		text += "; " + e.Problem
	}
	return text + saying(e.Diagnostics)
}

// saying appends diagnostics to the text of an error.
func saying(diagnostics []Diagnostic) string {
	text := ""
	for _, d := range diagnostics {
		text += fmt.Sprintf("; %d %s", d.ID, d.Reason)
		if d.Source != "" {
			text += " (" + d.Source + ")"
		}
	}
	return text
}

// RedirectError is a 300, 301, 302 or 305: another Registrar is to be used. Contacts holds at least one.
type RedirectError struct {
	Contacts []Redirect // highest q first; equal ones as the Registrar listed them; at most 16
}

// Redirect is one place a Registrar points to.
type Redirect struct {
	Host      string  // host name in lower case, or IP address without brackets
	Port      uint16  // as written, else 5061 for TLS, 5060 for TCP
	Transport string  // "tls" or "tcp"; when not written, what this connection uses
	Q         float64 // 0 to 1; 1 when not written
}

func (e *RedirectError) Error() string {
	hosts := make([]string, len(e.Contacts))
	for i, c := range e.Contacts {
		hosts[i] = fmt.Sprintf("%s:%d (%s)", c.Host, c.Port, c.Transport)
	}
	return "redirected to " + strings.Join(hosts, ", ")
}

// AuthError means that the Registrar asks for a proof of identity that we may not or cannot give. No credentials were sent
// in answer.
type AuthError struct {
	Offered []string // "NTLM", "Basic", "Digest SHA-256": in the Registrar's order, escaped; empty: it named none
	Problem string   // why none was answered
}

func (e *AuthError) Error() string {
	if len(e.Offered) == 0 {
		return e.Problem
	}
	return "offered " + strings.Join(e.Offered, ", ") + ", but " + e.Problem
}

// CredentialsError means that the Registrar refused complete credentials: user name or password is wrong.
type CredentialsError struct {
	Scheme string       // "ntlm", "digest"
	Realm  string       // escaped
	Status *StatusError // the refusal itself: its User is who was refused, its Date tells of a wrong clock, its Diagnostics why
}

func (e *CredentialsError) Error() string {
	return fmt.Sprintf("credentials refused by %q, which %s", e.Realm, e.Status)
}

// DeregisteredError means that the Registrar has ended the binding. Keep wraps it together with ErrBindingLost.
type DeregisteredError struct {
	// "unregistered", "rejected", "deactivated", "userservices-unavailable" or "preferred-registrar-change" (MS-SIPREGE
	// section 2.2.1.13); escaped, at most 256 bytes.
	Event       string
	Preferred   string       // Registrar to use from now on: host name in lower case, or IP address; "": not told
	Diagnostics []Diagnostic // why; at most 16
}

func (e *DeregisteredError) Error() string {
	text := fmt.Sprintf(`the Registrar sent "deregistered;event=%s"`, e.Event)
	if e.Preferred != "" {
		text += " and prefers " + e.Preferred
	}
	return text + saying(e.Diagnostics)
}

// RelayError means that there are no Media Relays for us: the request was refused on its way, or by the MRAS itself.
type RelayError struct {
	Code        int          // of the answer; 200 when the MRAS refuses
	Phrase      string       // "Server Busy"; escaped, at most 256 bytes
	Diagnostics []Diagnostic // as in StatusError
}

func (e *RelayError) Error() string {
	return fmt.Sprintf("no media relays: %d %s", e.Code, e.Phrase) + saying(e.Diagnostics)
}

// MalformedError means that the peer does not speak SIP as a stream: wrong framing, another protocol, or messages beyond
// our limits (64 KiB and 200 headers, 16 MiB of body). Or a document it has sent cannot be read, or has more than 256 KiB.
type MalformedError struct {
	Problem string // what is wrong; parts of the message in it are escaped
}

func (e *MalformedError) Error() string { return e.Problem }
