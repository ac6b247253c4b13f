package sip

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"homeward/internal/kinds"
	"homeward/internal/plain"
)

var (
	// ErrNoAnswer means that the Registrar was silent: no answer to REGISTER within 4 s or to another request within 10 s, no
	// final one within 32 s, no provisioning document within 5 s of the answer, or no answer to a keep-alive. The
	// *SilenceError around it says which.
	ErrNoAnswer = errors.New("no answer from the Registrar")

	// ErrBindingLost means that the Registrar holds no binding for us, or that the connection the binding hangs on is
	// gone. Keep wraps the cause beside it; what an answer to REGISTER says of it is a *LostError.
	ErrBindingLost = errors.New("binding lost")

	// ErrBadSignature means that an answer is not signed by someone who knows our password, although it must be. The
	// *SignatureError around it says what is missing. A refusal of REGISTER that is not signed at all is a StatusError all
	// the same.
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
	Warnings    []Warning     // RFC 3261 section 20.43; at most 16
	Fields      []Field       // what else it says about its answer (see telling); at most 16

	// The answer to a REGISTER is not signed, although everything is that the Registrar says now (MS-SIPAE). Anyone on the
	// way may have written it: it is for people to read, and nothing follows from it. RetryAfter and Date are zero then.
	Unsigned bool
	// How the REGISTER had signed in that is refused, where nothing shows that the Registrar has accepted it: "digest". "":
	// without credentials, or by its signature the Registrar knows our password.
	Scheme string
	// How it had signed in where the signature of the answer shows that the Registrar has accepted that: "ntlm". "": nothing shows it.
	Accepted string
	// The REGISTER had no Contact: it asked for no binding (Account.Unbound).
	Unbound bool
	// What the REGISTER had shown that was refused without credentials, and before any had been asked for: it says nothing about the
	// password. nil: they had been asked for, or were sent.
	Unasked *Shown
}

// Shown is by what a Registrar may tell devices apart, besides credentials.
type Shown struct {
	Address   string // from where it comes: "10.0.0.21"; "": not known
	UserAgent string
	AOR       string // "sip:phone1@contoso.com"
}

// Diagnostic is a Lync server's own account of a failure (MS-OCER).
type Diagnostic struct {
	ID             int    // 4005
	Reason, Source string // verbatim but escaped, at most 256 bytes; Source, the server's name, is hidden from the outside
	// Besides are the parameters that say more, such as "HRESULT 0xC3E93C5F(SIPPROXY_E_SQL_TIMEOUT)"; each likewise.
	Besides []string
}

// seeCode is the error id of a server that has nothing to say besides its status code (MS-OCER).
const seeCode = 2

// said is all of it that says something; "": nothing does. Whose word it is goes without saying at the host itself.
func (d Diagnostic) said(host string) string {
	parts := d.Besides
	if d.ID != seeCode && d.Reason != "" {
		parts = append([]string{d.Reason}, parts...)
	}
	text := fmt.Sprintf("ms-diagnostics %d", d.ID)
	switch {
	case len(parts) > 0:
		text += ": " + strings.Join(parts, ", ")
	case d.ID == seeCode:
		return ""
	}
	if d.Source != "" && !strings.EqualFold(d.Source, host) {
		text += " (" + d.Source + ")"
	}
	return text
}

// Warning is what a server says besides about its answer: 399 lcs.microsoft.com "…". RFC 3261 section 20.43.
type Warning struct {
	Code        int    // 399
	Agent, Text string // who says it, and what: escaped, at most 256 bytes
}

// Field is a header field of an answer: "Require", "outbound".
type Field struct {
	Name, Value string // Value as sent: escaped, at most 256 bytes
}

// leastField says how long a registration must last at least (RFC 3261 section 20.23).
const leastField = "Min-Expires"

// reasonField says why a request is refused (RFC 3326).
const reasonField = "Reason"

// NamesNoInterval says whether the Registrar wants a registration that lasts longer, and does not say how long: a 423 must
// have a Min-Expires (RFC 3261 section 21.4.17).
func (e *StatusError) NamesNoInterval() bool {
	return e.Code == 423 && !slices.ContainsFunc(e.Fields, func(f Field) bool { return f.Name == leastField })
}

// TooManyBindings says whether the Registrar has no room for one more binding of the account: Kamailio and OpenSIPS say so in
// P-Registrar-Error (module registrar: max_contacts), others in their phrase or in a Warning.
func (e *StatusError) TooManyBindings() bool {
	return !e.Unsigned && tooMany().MatchString(e.words())
}

var tooMany = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(too many|max(imum)?( number of| allowed)?|number of) ([a-z]+ ){0,2}(registrations|contacts|bindings)\b`)
})

// words are all that people have written into the answer, a line each.
func (e *StatusError) words() string {
	said := e.Phrase + "\n" + e.Problem
	for _, w := range e.Warnings {
		said += "\n" + w.Text
	}
	for _, f := range e.Fields {
		if f.Name == reasonField {
			said += "\n" + f.Value
		}
	}
	for _, d := range e.Diagnostics {
		said += "\n" + d.Reason
	}
	return said
}

func (e *StatusError) Error() string { return "answered " + e.Said("") }

// Said is what the Registrar on a host says: "403 Forbidden; ms-diagnostics 4003: …".
func (e *StatusError) Said(host string) string {
	text := strings.TrimSpace(fmt.Sprintf("%d %s", e.Code, e.Phrase))
	if e.RetryAfter > 0 {
		text += fmt.Sprintf(" (Retry-After %d s)", int(e.RetryAfter.Seconds()))
	}
	if e.Unsigned {
		text += ", unsigned"
	}
	if e.Problem != "" {
		text += "; " + e.Problem
	}
	for _, w := range e.Warnings {
		text += fmt.Sprintf("; warning %d: %s", w.Code, w.Text)
	}
	for _, f := range e.Fields {
		text += "; " + f.Name + ": " + f.Value
	}
	return text + saying(e.Diagnostics, host)
}

// saying appends diagnostics of a host to the text of an error.
func saying(diagnostics []Diagnostic, host string) string {
	text := ""
	for _, d := range diagnostics {
		if said := d.said(host); said != "" {
			text += "; " + said
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
		hosts[i] = net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))) + " (" + c.Transport + ")"
	}
	return "redirected to " + strings.Join(hosts, ", ")
}

// AuthError means that the Registrar asks for a proof of identity that we may not or cannot give. No credentials were sent
// in answer.
type AuthError struct {
	Kind    AuthKind
	Offered []string      // "NTLM", "Basic", "Digest SHA-256": in the Registrar's order, escaped; empty: it named none
	Barred  []string      // "digest": what of that this device could answer if Account.Schemes had it
	Problem string        // why each of them was not answered, in words
	Took    time.Duration // NonceOutdated: until the last of the answers was refused
}

// AuthKind says why no challenge was answered: where there are several, of the one that came closest to an answer.
type AuthKind uint8

// The kinds, from the one that is furthest from an answer to the closest.
const (
	NothingOffered     AuthKind = iota + 1 // a 401 or 407 without a challenge
	BasicOffered                           // Basic would show the password
	SchemeUnknown                          // none that this package speaks, nor one of Lync's
	KerberosOffered                        // Kerberos, which Lync offers and this package does not speak
	SchemeNotAllowed                       // one that Account.Schemes does not list
	CertificateMissing                     // TLS-DSK, and Account.Identity has no certificate
	ClearTCP                               // credentials do not go over clear TCP: Account.InClear
	PasswordMissing                        // Account.Password is empty
	PasswordResting                        // Account.Rests: the password is not used now
	UnusableChallenge                      // of a scheme that is allowed, but in a form that cannot be answered
	ChallengedTooOften                     // again after each answer
	NonceOutdated                          // the same, each time since its nonce no longer counted (stale=true)
	lastAuthKind       = NonceOutdated
)

// AuthKinds returns all kinds, for who has a word for each.
func AuthKinds() []AuthKind { return kinds.All(1, lastAuthKind) }

func (e *AuthError) Error() string {
	if len(e.Offered) == 0 {
		return e.Problem
	}
	return "offered " + strings.Join(e.Offered, ", ") + ", but " + e.Problem
}

// CredentialsError means that the Registrar refused complete credentials: user name or password is wrong, or else they came too late for
// their nonce, where it does not say so.
type CredentialsError struct {
	Took   time.Duration // until the refusal came
	Scheme string        // "ntlm", "digest"
	Realm  string        // escaped
	Status *StatusError  // the refusal itself: its User is who was refused, its Date tells of a wrong clock, its Diagnostics why
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
	return text + saying(e.Diagnostics, "")
}

// RelayError means that there are no Media Relays for us: the request was refused on its way, or by the MRAS itself.
type RelayError struct {
	Code        int          // of the answer; 200 when the MRAS refuses
	Phrase      string       // "Server Busy"; escaped, at most 256 bytes
	Diagnostics []Diagnostic // as in StatusError
}

func (e *RelayError) Error() string {
	return fmt.Sprintf("no media relays: %d %s", e.Code, e.Phrase) + saying(e.Diagnostics, "")
}

// MalformedError means that the peer does not speak SIP as a stream: wrong framing, another protocol, or messages beyond
// our limits (64 KiB and 200 headers, 16 MiB of body). Or a document it has sent cannot be read, or has more than 256 KiB.
type MalformedError struct {
	Kind    MalformedKind
	Begins  string // of NotSIP: its first line or byte, escaped, at most 256 bytes: "HTTP/1.1 400 Bad Request"
	Problem string // what is wrong, in words; parts of the message in it are escaped
}

// MalformedKind says what cannot be read.
type MalformedKind uint8

// The kinds.
const (
	NotSIP            MalformedKind = iota + 1 // another protocol
	BadFraming                                 // nothing tells where a message ends
	HeadTooLarge                               // too many headers, or too many bytes of them
	Incomplete                                 // a message that has begun and does not end
	BadDocument                                // in the body of a message
	BadMRASURI                                 // given to MediaRelays
	lastMalformedKind = BadMRASURI
)

// MalformedKinds returns all kinds, for who has a word for each.
func MalformedKinds() []MalformedKind { return kinds.All(1, lastMalformedKind) }

func (e *MalformedError) Error() string { return e.Problem }

// SilenceError says what the Registrar has not answered. It wraps ErrNoAnswer.
type SilenceError struct {
	Kind   SilenceKind
	Method string        // of the request: "REGISTER"; "": it was none
	After  time.Duration // how long it was waited for; 0: not told
	// What came meanwhile that is no answer to the request: the first line of the latest, escaped, and in what it differs: "the
	// branch of its Via"; "": nothing.
	Strange, Differs string
	Answered         *Answered // before, on the same connection; nil: nothing
}

// SilenceKind says what was not answered.
type SilenceKind uint8

// The kinds.
const (
	ToRequest       SilenceKind = iota + 1 // no answer, or no final one
	ToKeepAlive                            // no pong
	NoDocument                             // the subscription was accepted, and no provisioning document came
	TakesNothing                           // the connection takes in nothing that is sent
	lastSilenceKind = TakesNothing
)

// SilenceKinds returns all kinds, for who has a word for each.
func SilenceKinds() []SilenceKind { return kinds.All(1, lastSilenceKind) }

func (e *SilenceError) Error() string {
	text := ErrNoAnswer.Error()
	switch e.Kind {
	case ToRequest:
		text += " to " + e.Method + " after " + e.After.String()
		if e.Strange != "" {
			text += fmt.Sprintf(", only %q, which does not match: %s is another one", e.Strange, e.Differs)
		}
		return text
	case ToKeepAlive:
		return text + " to a keep-alive after " + e.After.String()
	case NoDocument:
		return text + ": no provisioning document after " + e.After.String()
	case TakesNothing:
		return text + ": it takes in nothing we send"
	}
	return text
}

func (e *SilenceError) Unwrap() error { return ErrNoAnswer }

// ConnectionError means that the connection has failed. Err is what it returned: io.EOF, say.
type ConnectionError struct {
	Kind     ConnectionKind
	Err      error
	Answered *Answered // before, to requests of ours; nil: nothing
}

// Answered is the latest answer on a connection that came to nothing afterwards.
type Answered struct {
	Method, With string // "REGISTER", "401 Unauthorized"; escaped
	Same         bool   // it was no final one, and none has come
	Proof        bool   // since then, or before, the login name was sent with what proves it
}

// ConnectionKind says how a connection has failed.
type ConnectionKind uint8

// The kinds.
const (
	HungUp             ConnectionKind = iota + 1 // the other side has ended it, between two messages
	HungUpWithin                                 // the other side has ended it, within a message
	ReadFailed                                   // any other end of it, noticed while reading: a reset, a TLS alert
	SendFailed                                   // any other end of it, noticed while sending
	lastConnectionKind = SendFailed
)

// ConnectionKinds returns all kinds, for who has a word for each.
func ConnectionKinds() []ConnectionKind { return kinds.All(1, lastConnectionKind) }

func (e *ConnectionError) Error() string { return plain.Words(e.Err) }

func (e *ConnectionError) Unwrap() error { return e.Err }

// LostError is an answer to REGISTER that shows that there is no binding. It wraps ErrBindingLost.
type LostError struct {
	Kind   LostKind
	Code   int    // of the answer
	Action string // register-action of presence-state (MS-SIPREGE section 2.2.1.6): "added"
}

// LostKind says what shows that there is no binding.
type LostKind uint8

// The kinds.
const (
	NothingGranted LostKind = iota + 1 // a lifetime of 0
	Forgotten                          // a refresh that made a new binding
	lastLostKind   = Forgotten
)

// LostKinds returns all kinds, for who has a word for each.
func LostKinds() []LostKind { return kinds.All(1, lastLostKind) }

func (e *LostError) Error() string {
	if e.Kind == Forgotten {
		return fmt.Sprintf("%v: the Registrar had forgotten it (register-action %s)", ErrBindingLost, e.Action)
	}
	return fmt.Sprintf("%v: answered %d with a lifetime of 0", ErrBindingLost, e.Code)
}

func (e *LostError) Unwrap() error { return ErrBindingLost }

// SignatureError says what is missing in a message that must be signed. It wraps ErrBadSignature.
type SignatureError struct {
	Kind   SignatureKind
	Begins string // the first line of the message: what it would have told; escaped, at most 256 bytes
	Scheme string // of OtherServer: what it must be signed with
	Target string // of OtherServer: who must have signed it; escaped
}

// SignatureKind says what is missing.
type SignatureKind uint8

// The kinds.
const (
	NotSigned         SignatureKind = iota + 1 // it carries no Authentication-Info
	SignedByNobody                             // its Authentication-Info has no rspauth
	WrongSignature                             // its rspauth is not what our password gives
	OtherServer                                // none of its Authentication-Info is of the server we have signed in to
	SignedTooEarly                             // the sign-in is not complete
	lastSignatureKind = SignedTooEarly
)

// SignatureKinds returns all kinds, for who has a word for each.
func SignatureKinds() []SignatureKind { return kinds.All(1, lastSignatureKind) }

func (e *SignatureError) Error() string {
	return fmt.Sprintf("%v: %s (%q)", ErrBadSignature, e.Missing(), e.Begins)
}

// Missing says what is missing: "its rspauth is wrong".
func (e *SignatureError) Missing() string {
	switch e.Kind {
	case NotSigned:
		return "it has no Authentication-Info"
	case SignedByNobody:
		return "its Authentication-Info has no rspauth"
	case WrongSignature:
		return "its rspauth is wrong"
	case OtherServer:
		return fmt.Sprintf("it has no Authentication-Info of %s for %q", e.Scheme, e.Target)
	case SignedTooEarly:
		return "the sign-in is not complete"
	default:
		return "it is not signed"
	}
}

func (e *SignatureError) Unwrap() error { return ErrBadSignature }
