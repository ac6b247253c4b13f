package srv

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"homeward/internal/kinds"
	"homeward/internal/plain"
)

// Kind says why a look-up returned nothing.
type Kind uint8

// The kinds. The first three prove absence, NotOffered is a published refusal, all others leave the question open.
const (
	NoRecord      Kind = iota + 1 // the name does not exist (NXDOMAIN, RFC 2308)
	NoData                        // the name exists without such a record (NODATA, RFC 2308)
	DanglingAlias                 // the name is an alias (CNAME), and Alias, to which it leads, does not exist or has no such record
	NotOffered                    // the only target is ".": the service is decidedly not offered (RFC 2782)

	Timeout     // no answer before the deadline
	NoServer    // no name server is known
	PortClosed  // nothing listens on the server's port: the connection is refused
	Unreachable // there is no route to the server
	HungUp      // the server has ended the connection
	NobodyThere // no host answers at the address of the server, which is on a link of this device: Resolver.Absent
	NoGateway   // nobody answers at the address of the gateway on the way to the server: Gateway

	ServFail  // the server says that it failed (RCODE 2)
	Refused   // the server refuses to answer (RCODE 5)
	FormErr   // the server does not understand the question, not even without EDNS (RCODE 1)
	NotImp    // the server does not know such questions (RCODE 4)
	OtherCode // the server answers with another RCODE: Code
	Referral  // the server refers to other servers, without having looked

	Truncated  // the answer is cut, and there is none over TCP
	Strangers  // too many answers to other questions, over UDP and TCP
	Unreadable // the answer is no DNS message, or the records are damaged
	AliasLoop  // more aliases than are followed
	BadName    // the name cannot be asked for
	BadTarget  // no target of the SRV records is a host name
	BadPort    // the SRV records have port 0
	BadAddress // none of the addresses may be used: Resolver.Usable
	NoWay      // all addresses are of a version of IP that this device does not have: Resolver.Lacks

	lastKind = NoWay
)

// Kinds returns all kinds, for who has a word for each.
func Kinds() []Kind {
	return kinds.All(1, lastKind)
}

// The words of a Kind; what stands behind a colon says more.
var words = [lastKind + 1]string{
	NoRecord: "no such name", NoData: "no such record", DanglingAlias: "no such name", NotOffered: "service not offered",
	Timeout: "no answer in time", NoServer: "no server", PortClosed: "no server", Unreachable: "no server", HungUp: "no server", NobodyThere: "no server", NoGateway: "no server",
	ServFail: "server failure", Refused: "refused", FormErr: "server failure", NotImp: "server failure", OtherCode: "server failure", Referral: "server failure",
	Truncated: "not usable", Strangers: "not usable", Unreadable: "not usable", AliasLoop: "not usable", BadName: "not usable",
	BadTarget: "not usable", BadPort: "not usable", BadAddress: "not usable", NoWay: "not usable",
}

// String returns the kind in words, which it shares with others of its sort.
func (k Kind) String() string {
	if k == 0 || k > lastKind {
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
	return words[k]
}

// explained says whether the details of a kind say all that its words do.
func (k Kind) explained() bool {
	switch words[k] {
	case words[NoServer], words[ServFail], words[BadName]:
		return true
	default:
		return false
	}
}

// Error is the verdict of a look-up that found nothing.
type Error struct {
	Name    string // what was asked for; untrusted
	Type    string // "SRV", "A" or "AAAA"
	Kind    Kind
	Server  string // the server whose word this is, "10.0.0.53:53"; empty if none
	Code    int    // the RCODE of its answer (RFC 1035 section 4.1.1, RFC 6891): 2; 0: NOERROR, or no answer
	Alias   string // of DanglingAlias: the end of the aliases, absolute; untrusted
	Dropped Dropped
	Err     error        // details, or nil
	Gateway netip.Addr   // of NoGateway: who does not answer
	Detour  string       // of NoGateway: the route that leads through it, where that is not the default route
	NoRoute bool         // of Unreachable: this device has no default route: Resolver.NoDefault
	Says    *Extended    // nil: the server says no more than its Code
	Addrs   []netip.Addr // of BadAddress the first, of NoWay all

	TCP       Kind          // of Truncated: how it went over TCP, a kind from Timeout to HungUp, or Unreadable
	Addresses bool          // the server answers for the addresses of the same name, though not this question
	Lives     bool          // of Timeout: meanwhile the server has answered a question for which it needs no other server
	Waited    time.Duration // how long it had been waited for when the look-up ended; 0: it has spoken, or Lives is false
	Alike     []string      // the other servers that say the same
	Others    []*Error      // what the other servers say, if it is something else, and who of those listed before has not spoken

	earlier bool // of Others: it is listed before
}

// Earlier returns what a server says that is listed before the one whose word this is; nil: there is none, or it says the same.
func (e *Error) Earlier() *Error {
	for _, other := range e.Others {
		if other.earlier {
			return other
		}
	}
	return nil
}

// CodeName is the RCODE as a tech knows it, "NOTIMP (RCODE 4)", with what the server says besides.
func (e *Error) CodeName() string {
	return strings.TrimSpace(fmt.Sprintf("%s (RCODE %d%s)", dns.RcodeToString[e.Code], e.Code, e.Says.aside()))
}

// Dropped is what came from the Server and was no answer to the question, so that it was not read.
type Dropped struct {
	Count int
	Why   Drop           // of the first, if none came from elsewhere; 0: nothing was dropped
	From  netip.AddrPort // of Elsewhere: who sent it
}

// Drop is why something was dropped (RFC 5452 section 9.1).
type Drop uint8

// The reasons to drop something.
const (
	NoAnswer      Drop = iota + 1 // a question, or not even a header
	OtherID                       // the identifier is that of another question: somebody may be guessing
	OtherQuestion                 // the identifier is right, but name, type or class are others
	Elsewhere                     // the answer, but from another address or port than was asked
	lastDrop      = Elsewhere
)

// Drops returns all reasons, for who has a word for each.
func Drops() []Drop {
	return kinds.All(1, lastDrop)
}

// note counts one more.
func (d *Dropped) note(why Drop) {
	if d.Count++; d.Why == 0 {
		d.Why = why
	}
}

// elsewhere counts an answer that came from another address: that is what is wrong, whatever else came.
func (d *Dropped) elsewhere(from netip.AddrPort) {
	if d.Count++; d.Why != Elsewhere {
		d.Why, d.From = Elsewhere, from
	}
}

// Error describes the verdict in one line, safe to print.
func (e *Error) Error() string {
	s := fmt.Sprintf("look up %s %.256q", e.Type, e.Name)
	if e.Server != "" {
		s += " at " + e.Server
	}
	switch {
	case e.Err != nil && e.Kind.explained():
		s += ": " + plain.Words(e.Err)
	case e.Err != nil && e.Kind != Timeout:
		s += ": " + e.Kind.String() + ": " + plain.Words(e.Err)
	default:
		s += ": " + e.Kind.String()
	}
	if e.Alias != "" {
		s += fmt.Sprintf(": it is an alias of %.256q", e.Alias)
	}
	if e.Waited > 0 {
		s += fmt.Sprintf(" (%s)", e.Waited.Round(10*time.Millisecond))
	}
	if e.Kind == Timeout && e.Dropped.Why == Elsewhere {
		s += fmt.Sprintf(", but %s answered", e.Dropped.From)
	} else if e.Kind == Timeout && e.Dropped.Count > 0 {
		s += fmt.Sprintf(" (%d answers to other questions were dropped)", e.Dropped.Count)
	}
	if e.Addresses {
		s += "; it answers for addresses"
	} else if e.Lives {
		s += "; it answers what it need not ask others"
	}
	s += e.Says.aside()
	for _, other := range e.Others {
		s += "; " + strings.TrimPrefix(other.Error(), fmt.Sprintf("look up %s %.256q ", e.Type, e.Name))
	}
	return s
}

// Unwrap returns the details.
func (e *Error) Unwrap() error { return e.Err }

// Absent reports whether the record is proven not to exist. Host names may take the place of SRV records only then.
func (e *Error) Absent() bool {
	return e.Kind == NoRecord || e.Kind == NoData || e.Kind == DanglingAlias
}

// Unasked reports whether no server could be asked.
func (e *Error) Unasked() bool {
	return e.Kind == NoServer || e.Kind == PortClosed || e.Kind == Unreachable || e.Kind == HungUp || e.Kind == NobodyThere || e.Kind == NoGateway
}

var (
	errUnreadable = errors.New("the answer cannot be read")
	errTruncated  = errors.New("the answer is truncated")
	errStrangers  = errors.New("too many answers to other questions")
	errNoGateway  = errors.New("the gateway on the way there does not answer")
	errNobody     = errors.New("no host answers at this address")
	errNoWay      = errors.New("this device has no address of this version of IP")
)
