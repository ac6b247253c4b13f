package certprov

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"homeward/internal/kinds"
	"homeward/internal/plain"
)

// Kind is why an enrolment has ended without a certificate.
type Kind uint8

// The kinds.
const (
	Unknown            Kind = iota // in any other way: Err says more
	BadAddress                     // the address of a service is not one that may be used
	Unreachable                    // no connection, or none that is proven: Err is what the caller's Dial says
	Timeout                        // no whole answer in time
	Cut                            // the connection ended before a whole answer
	Redirected                     // to another place, which is not followed
	NotFound                       // 403 or 404: the service is not there, or not for devices
	Unavailable                    // 5xx or 429 without a SOAP fault: the service is down
	BadAnswer                      // not what it must be, too large, or too deep
	NoService                      // what the service says of itself names no way to a certificate
	NoMethod                       // the Web Ticket Service offers no way to sign in that we have: Offered
	BadChallenge                   // its NTLM challenge cannot be answered
	CredentialsRefused             // the password or the PIN is wrong, or not for this user
	Faulted                        // another SOAP fault: ID and Reason, as sent
	Rejected                       // the Certificate Provisioning Service gives none: Code and Reason, as sent
	NoCertificate                  // the answer holds no certificate
	lastKind           = NoCertificate
)

// Kinds returns all kinds, for who has a word for each.
func Kinds() []Kind {
	return kinds.All(Unknown, lastKind)
}

// Error says why an enrolment has ended without a certificate. All text of a server is escaped, and of bounded length.
type Error struct {
	Kind    Kind
	At      string   // the service asked: "pool01.contoso.com:443/CertProv/CertProvisioningService.svc"
	Status  int      // of HTTP; 0: there was no answer
	ID      int      // the ErrorId of a fault, or that of X-MS-diagnostics; 0: none (MS-OCER section 7.22)
	Code    string   // the faultcode, or the ResponseCode of ErrorInfo
	Reason  string   // the server's words
	Offered []string // what the Web Ticket Service offers instead
	Problem string   // what is wrong with an answer, an address or a challenge
	Err     error

	RetryAfter time.Duration // as the server has asked to be left alone: up to an hour; 0: it has not
}

func (e *Error) Error() string {
	var parts []string
	add := func(format string, value any, given bool) {
		if given {
			parts = append(parts, fmt.Sprintf(format, value))
		}
	}
	add("%s", e.At, e.At != "")
	add("HTTP %d", e.Status, e.Status != 0)
	add("Retry-After %d s", int(e.RetryAfter.Seconds()), e.RetryAfter > 0)
	add("error %d", e.ID, e.ID != 0)
	add("%s", e.Code, e.Code != "")
	add("%s", e.Reason, e.Reason != "")
	add("offers only %s", strings.Join(e.Offered, ", "), len(e.Offered) > 0)
	add("%s", e.Problem, e.Problem != "")
	if e.Err != nil {
		parts = append(parts, plain.Words(e.Err))
	}
	return strings.Join(parts, ": ")
}

func (e *Error) Unwrap() error { return e.Err }

// Said is what the server has said in its own words, with its number; "" where it has said nothing.
func (e *Error) Said() string {
	var parts []string
	for _, part := range []string{e.Code, e.Reason} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	said := strings.Join(parts, ": ")
	if e.ID != 0 {
		return strings.TrimSuffix(fmt.Sprintf("error %d: %s", e.ID, said), ": ")
	}
	return said
}

func badAnswer(format string, args ...any) *Error {
	return &Error{Kind: BadAnswer, Problem: fmt.Sprintf(format, args...)}
}

// maxWords bounds what is kept of a server's words. (Our choice.)
const maxWords = 200

// printable is text of a server in one line that can be shown.
func printable(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxWords {
		s = strings.ToValidUTF8(s[:maxWords], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// kindOf is the Kind of an error of this package; Unknown of any other.
func kindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Unknown
}
