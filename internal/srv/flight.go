package srv

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// lookUp asks all servers the same question and returns as soon as the verdict cannot improve: found at once, absent when all
// have answered or the others had their time to disagree, failed when all have failed. Found beats absent beats failed.
// The function read turns one record into what the caller wants, or says why it is of no use.
func lookUp[T any](ctx context.Context, r *Resolver, name string, qtype uint16,
	read func(netip.AddrPort, dns.RR) (T, *Error)) ([]T, *Error) {
	ctx, cancel := context.WithCancel(ctx)
	var flight sync.WaitGroup
	defer flight.Wait()
	defer cancel()

	type verdict struct {
		server int
		found  []T
		fail   *Error
	}
	verdicts := make(chan verdict, len(r.Servers))
	for i, server := range r.Servers {
		flight.Go(func() {
			found, fail := askServer(ctx, r, server, name, qtype, read)
			verdicts <- verdict{i, found, fail}
		})
	}

	best := verdict{server: len(r.Servers), fail: &Error{Kind: NoServer, Err: errors.New("no name server is known")}}
	var patience <-chan time.Time
collect:
	for range r.Servers {
		select {
		case v := <-verdicts:
			if v.fail == nil || v.fail.Kind == NotOffered { // somebody published this: nothing beats it
				best = v
				break collect
			}
			absent, wasAbsent := v.fail.Absent(), best.fail.Absent()
			if absent && patience == nil {
				patience = time.After(disagreement)
			}
			if absent && !wasAbsent || absent == wasAbsent && v.server < best.server {
				best = v
			}
		case <-patience:
			break collect
		}
	}
	if best.fail != nil {
		best.fail.Name, best.fail.Type = name, dns.TypeToString[qtype]
	}
	return best.found, best.fail
}

// askServer returns what one server has for name: the records that read accepts, of which there is at least one, or the reason.
func askServer[T any](ctx context.Context, r *Resolver, server netip.AddrPort, name string, qtype uint16,
	read func(netip.AddrPort, dns.RR) (T, *Error)) ([]T, *Error) {
	records, fail := r.records(ctx, server, dns.Fqdn(name), qtype)
	if fail != nil {
		fail.Server = server.String()
		return nil, fail
	}
	var found []T
	var problem *Error
	for _, rr := range records {
		one, fail := read(server, rr)
		switch {
		case fail == nil:
			found = append(found, one)
		case problem == nil || fail.Kind == NotOffered:
			problem = fail
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	problem.Server = server.String()
	return nil, problem
}

// records returns the records of the given type that one server has for an absolute name, which are never none. Aliases are
// followed inside the answer, and beyond it when the server left the rest to us.
func (r *Resolver) records(ctx context.Context, server netip.AddrPort, name string, qtype uint16) ([]dns.RR, *Error) {
	for hops := 0; ; {
		m, fail := r.exchange(ctx, server, name, qtype)
		if fail != nil {
			return nil, fail
		}
		if fail := m.refusal(); fail != nil {
			return nil, fail
		}
		found, end, jumps := m.follow(name, qtype)
		hops += jumps
		switch {
		case m.rcode == dns.RcodeNameError:
			return nil, absent(m.rcode, end, hops)
		case hops > maxAliases:
			return nil, &Error{Kind: AliasLoop, Err: errors.New("too many aliases")}
		case len(found) > 0:
			return found, nil
		case m.damaged:
			return nil, &Error{Kind: Unreadable, Err: errUnreadable}
		case m.referral: // a server that does not look further has proven nothing
			return nil, &Error{Kind: Referral, Err: errors.New("the server refers to other servers")}
		case m.soa || end == name: // RFC 2308, section 2.2: no such data
			return nil, absent(m.rcode, end, hops)
		}
		name = end
	}
}

// absent is the proof that nothing is there: at the name itself, or at the end of so many aliases.
func absent(rcode int, end string, hops int) *Error {
	switch {
	case hops > 0:
		return &Error{Kind: DanglingAlias, Code: rcode, Alias: end}
	case rcode == dns.RcodeNameError:
		return &Error{Kind: NoRecord, Code: rcode}
	default:
		return &Error{Kind: NoData}
	}
}

// refusal is what the response code says against an answer; nil: it may hold records, or prove that there are none.
func (m *message) refusal() *Error {
	e := &Error{Code: m.rcode, Err: fmt.Errorf("RCODE %d=%s", m.rcode, dns.RcodeToString[m.rcode])}
	switch m.rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
		return nil
	case dns.RcodeRefused:
		e.Kind, e.Err = Refused, nil
	case dns.RcodeServerFailure:
		e.Kind = ServFail
	case dns.RcodeFormatError:
		e.Kind = FormErr
	case dns.RcodeNotImplemented:
		e.Kind = NotImp
	default:
		e.Kind = OtherCode
	}
	return e
}
