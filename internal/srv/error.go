package srv

import "fmt"

// Kind says why a look-up returned nothing.
type Kind uint8

// The kinds. NoRecord and NoData prove absence, NotOffered is a published refusal, all others leave the question open.
const (
	NoRecord   Kind = iota + 1 // the name does not exist (NXDOMAIN, RFC 2308)
	NoData                     // the name exists without such a record (NODATA, RFC 2308)
	NotOffered                 // the only target is ".": the service is decidedly not offered (RFC 2782)
	Timeout                    // no answer before the deadline
	ServFail                   // the server says that it failed, or answers without having looked
	Refused                    // the server refuses to answer
	Malformed                  // the question cannot be asked, or the answer cannot be read, is incomplete, or has nothing usable in it
	NoServer                   // no name server is known, or it cannot be reached, or it hung up
)

// String returns the kind in words.
func (k Kind) String() string {
	words := [...]string{"", "no such name", "no such record", "service not offered", "no answer in time", "server failure",
		"refused", "not usable", "no server"}
	if int(k) >= len(words) {
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
	return words[k]
}

// Error is the verdict of a look-up that found nothing.
type Error struct {
	Name   string // what was asked for; untrusted
	Type   string // "SRV", "A" or "AAAA"
	Kind   Kind
	Server string // the server whose word this is, "10.0.0.53:53"; empty if none
	Err    error  // details, or nil
}

// Error describes the verdict in one line, safe to print.
func (e *Error) Error() string {
	s := fmt.Sprintf("look up %s %.256q", e.Type, e.Name)
	if e.Server != "" {
		s += " at " + e.Server
	}
	s += ": " + e.Kind.String()
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the details.
func (e *Error) Unwrap() error { return e.Err }

// Absent reports whether the record is proven not to exist. Host names may take the place of SRV records only then.
func (e *Error) Absent() bool { return e.Kind == NoRecord || e.Kind == NoData }
