package srv

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// word is what one server says.
type word struct {
	server int
	found  []Target
	left   *Error // why the first of the records is of no use that are left out of what was found; nil: none is
	fail   *Error
}

// reading turns one record of a server into what it holds, or says why it is of no use: of an address that is a Target with only a Hint, of
// an alias one with only a Host. (With a type for each, all that follows is in the program three times: 20 KB.) besides are addresses in
// the same answer, of whatever hosts.
type reading func(server netip.AddrPort, rr *resource, besides []*resource) (Target, *Error)

// lookUp asks all servers the same question and returns as soon as the verdict cannot improve: found at once, absent when the
// others had their time to disagree (see patience), failed when all have failed. Found beats absent beats failed.
func lookUp(ctx context.Context, r *Resolver, name string, qtype uint16,
	read reading) (found []Target, left, fail *Error) {
	if len(r.Servers) == 0 {
		return nil, nil, &Error{Name: name, Type: dns.TypeToString[qtype], Kind: NoServer, Err: errors.New("no name server is known")}
	}
	ctx, cancel := context.WithCancel(ctx)
	var flight sync.WaitGroup
	defer flight.Wait()
	defer cancel()

	words := make(chan word, len(r.Servers))
	for i, server := range r.Servers {
		flight.Go(func() {
			found, left, fail := askServer(ctx, r, server, name, qtype, read)
			for _, e := range []*Error{left, fail} {
				if e != nil {
					e.Name, e.Type = name, dns.TypeToString[qtype]
				}
			}
			words <- word{i, found, left, fail}
		})
	}
	p := newPatience(ctx, len(r.Servers))
	for range r.Servers {
		select {
		case w := <-words:
			if w.fail == nil || w.fail.Kind == NotOffered { // somebody published this: nothing beats it
				return w.found, w.left, w.fail
			}
			p.heard(w.server, w.fail)
		case <-p.over():
			return nil, nil, p.verdict(r.Servers)
		}
	}
	return nil, nil, p.verdict(r.Servers)
}

// patience is what the servers have said that found nothing, and how long the others are waited for.
type patience struct {
	started, absentAt, turn time.Time
	said                    []*Error // by server; nil: it has not spoken
}

func newPatience(ctx context.Context, servers int) *patience {
	p := &patience{started: time.Now(), said: make([]*Error, servers)}
	p.turn = p.started.Add(disagreement)
	if deadline, ok := ctx.Deadline(); ok {
		p.turn = p.started.Add(time.Duration(float64(deadline.Sub(p.started)) * turnShare))
	}
	return p
}

func (p *patience) heard(server int, fail *Error) {
	p.said[server] = fail
	if fail.Absent() && p.absentAt.IsZero() {
		p.absentAt = time.Now()
	}
}

// absent is the first of the servers, in their order, that has proven absence; -1: none.
func (p *patience) absent() int {
	return slices.IndexFunc(p.said, func(e *Error) bool { return e != nil && e.Absent() })
}

// over fires when absence counts: never while nobody has said it; while a server is silent that is listed before the one
// which has, when that server has had its time; else when those listed after it have had theirs.
func (p *patience) over() <-chan time.Time {
	by := p.absent()
	if by < 0 {
		return nil
	}
	end := p.absentAt.Add(disagreement)
	if slices.Contains(p.said[:by], nil) && p.turn.After(end) {
		end = p.turn
	}
	return time.After(time.Until(end))
}

// verdict is absence, if somebody has proven it, else the failure of the first server; with what the others say.
func (p *patience) verdict(servers []netip.AddrPort) *Error {
	by := p.absent()
	if by < 0 {
		by = slices.IndexFunc(p.said, func(e *Error) bool { return e != nil })
	}
	best := p.said[by]
	for i, other := range p.said {
		switch {
		case other == nil && i < by:
			best.Others = append(best.Others, &Error{Name: best.Name, Type: best.Type, Kind: Timeout, Server: servers[i].String(), Waited: time.Since(p.started), earlier: true})
		case other == nil || i == by:
		case other.Kind == best.Kind && other.Lives == best.Lives:
			best.Alike = append(best.Alike, other.Server)
		default:
			if other.earlier = i < by; other.earlier && other.Kind == Timeout {
				other.Waited = time.Since(p.started)
			}
			best.Others = append(best.Others, other)
		}
	}
	return best
}

// askServer returns what one server has for name: the records that read accepts, of which there is at least one, and what is
// wrong with the first of the others; or the reason.
func askServer(ctx context.Context, r *Resolver, server netip.AddrPort, name string, qtype uint16,
	read reading) (found []Target, left, fail *Error) {
	addresses, life := r.alsoAddresses(ctx, server, dns.Fqdn(name), qtype), r.alsoLife(ctx, server)
	records, last, fail := r.records(ctx, server, dns.Fqdn(name), qtype)
	life(fail)
	if fail = addresses(fail); fail != nil {
		fail.Server, fail.Says = server.String(), last.extended
		return nil, nil, fail
	}
	var problem *Error
	for _, rr := range records {
		one, bad := read(server, rr, last.besides)
		switch {
		case bad == nil:
			found = append(found, one)
		case problem == nil || bad.Kind == NotOffered:
			problem = bad
		}
	}
	if problem != nil {
		problem.Server, problem.Says = server.String(), last.extended
	}
	if len(found) > 0 {
		return found, problem, nil
	}
	return nil, nil, problem
}

// alsoAddresses finds out whether a server that does not answer for SRV records answers for the addresses of the same name, as
// a DNS proxy does that does not know them (RFC 5625, section 4.3). It asks when the server has had its time, or has refused
// the question. The function it returns ends that, and writes it down.
func (r *Resolver) alsoAddresses(ctx context.Context, server netip.AddrPort, name string, qtype uint16) func(*Error) *Error {
	if qtype != dns.TypeSRV {
		return func(fail *Error) *Error { return fail }
	}
	ctx, cancel := context.WithCancel(ctx)
	late := time.NewTimer(alsoAfter)
	refused, answers := make(chan struct{}), make(chan bool, 1)
	go func() {
		select {
		case <-late.C:
		case <-refused:
		case <-ctx.Done():
			answers <- false
			return
		}
		unhurried := *r
		unhurried.Pace = NewPace(true)
		m, fail := unhurried.exchange(ctx, server, name, dns.TypeA)
		answers <- fail == nil && (m.rcode == dns.RcodeSuccess || m.rcode == dns.RcodeNameError)
	}()
	return func(fail *Error) *Error {
		defer late.Stop()
		switch {
		case fail != nil && slices.Contains([]Kind{FormErr, NotImp, OtherCode, Refused}, fail.Kind):
			close(refused)
			fail.Addresses = <-answers
			cancel()
		default:
			cancel()
			if answered := <-answers; fail != nil && fail.Kind == Timeout {
				fail.Addresses = answered
			}
		}
		return fail
	}
}

// alsoLife finds out whether a server that has had its time and does not answer lives all the same: then it waits for another one, more
// often than not. Of all look-ups at the same time one asks. The function it returns ends that, and writes it down.
func (r *Resolver) alsoLife(ctx context.Context, server netip.AddrPort) func(*Error) {
	if r.Pace == nil {
		return func(*Error) {}
	}
	ctx, cancel := context.WithCancel(ctx)
	began, done := time.Now(), make(chan struct{})
	late := time.AfterFunc(alsoAfter, func() {
		defer close(done)
		if r.Pace.begins(server, began) {
			unhurried := *r
			unhurried.Pace, unhurried.alone = NewPace(true), true
			_, fail := unhurried.exchange(ctx, server, ownName, dns.TypeA)
			r.Pace.ended(server, fail == nil)
		}
	})
	return func(fail *Error) {
		if cancel(); !late.Stop() {
			<-done
		}
		if fail == nil || fail.Kind != Timeout {
			return
		}
		if t, _ := r.Pace.of(server); t.alive.After(began) {
			fail.Lives, fail.Waited = true, time.Since(began)
		}
	}
}

// records returns the records of the given type that one server has for an absolute name, which are never none. Aliases are
// followed inside the answer, and beyond it when the server left the rest to us. last is the last answer, and never nil.
func (r *Resolver) records(ctx context.Context, server netip.AddrPort, name string, qtype uint16) (found []*resource, last *message, fail *Error) {
	for hops := 0; ; {
		m, fail := r.exchange(ctx, server, name, qtype)
		if fail != nil {
			return nil, &message{}, fail
		}
		if fail := m.refusal(); fail != nil {
			return nil, m, fail
		}
		found, end, jumps := m.follow(name, qtype)
		hops += jumps
		switch {
		case m.rcode == dns.RcodeNameError:
			return nil, m, absent(m.rcode, end, hops)
		case hops > maxAliases:
			return nil, m, &Error{Kind: AliasLoop, Err: errors.New("too many aliases")}
		case len(found) > 0:
			return found, m, nil
		case m.damaged:
			return nil, m, &Error{Kind: Unreadable, Err: fmt.Errorf("%w: its records are damaged", errUnreadable)}
		case m.referral: // a server that does not look further has proven nothing
			return nil, m, &Error{Kind: Referral, Err: errors.New("the server refers to other servers")}
		case m.soa || end == name: // RFC 2308, section 2.2: no such data
			return nil, m, absent(m.rcode, end, hops)
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
