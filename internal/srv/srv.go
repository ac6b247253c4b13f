package srv

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"homeward/internal/place"
)

// SRV returns the targets of the SRV records of name in the order to try them: by priority, then by the weighted draw of
// RFC 2782 over all records, at most 16. The ctx must carry a deadline. Every error is an *Error.
func (r *Resolver) SRV(ctx context.Context, name string) ([]Target, error) {
	targets, _, err := r.Targets(ctx, name)
	return targets, err
}

// Targets is SRV, and says why the first of the records is of no use that were left out; nil: none was.
func (r *Resolver) Targets(ctx context.Context, name string) (targets []Target, left *Error, err error) {
	targets, left, fail := lookUp(ctx, r, name, dns.TypeSRV, r.readTarget)
	if fail != nil {
		return nil, nil, fail
	}
	order(targets, func(n int) int { return rand.IntN(n + 1) })
	return targets[:min(len(targets), maxTargets)], left, nil
}

// Said is what one server says.
type Said struct {
	Server  netip.AddrPort
	Targets []Target // in the order of the answer
	Err     *Error   // why there are none; nil: there are
	Took    time.Duration
}

// Each asks every server for the SRV records of name and returns what each says, in their order: where SRV returns as soon as
// the verdict is known, Each waits for all. The ctx must carry a deadline.
func (r *Resolver) Each(ctx context.Context, name string) []Said {
	all := make([]Said, len(r.Servers))
	var asked sync.WaitGroup
	for i, server := range r.Servers {
		asked.Go(func() {
			started := time.Now()
			targets, _, fail := askServer(ctx, r, server, name, dns.TypeSRV, r.readTarget)
			if fail != nil {
				fail.Name, fail.Type = name, "SRV"
			}
			all[i] = Said{server, targets, fail, time.Since(started)}
		})
	}
	asked.Wait()
	return all
}

// Addrs returns the addresses of host, at most 16, IPv4 first, otherwise as the server ordered them. A and AAAA are asked
// together; one family is enough, both must be absent to prove the host absent. Addresses that are not Usable are left out, and
// those of a family that this device Lacks are not enough. one: there are none of the other family, as is known.
// The ctx must carry a deadline. Every error is an *Error.
func (r *Resolver) Addrs(ctx context.Context, host string) (addrs []netip.Addr, one bool, err error) {
	name, err := place.HostName(host)
	if err != nil {
		return nil, false, &Error{Name: host, Type: "A", Kind: BadName, Err: errors.New("not a host name")}
	}
	ctx, cancel := context.WithCancel(ctx)
	var families sync.WaitGroup
	defer families.Wait()
	defer cancel()

	var found [2][]Target
	var fails [2]*Error
	done := make(chan int, 2)
	for i, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		families.Go(func() {
			found[i], _, fails[i] = lookUp(ctx, r, name, qtype, r.readHint)
			if fails[i] == nil && r.noWay(found[i]) {
				fails[i] = &Error{Name: name, Type: dns.TypeToString[qtype], Kind: NoWay, Addrs: merge(found[i]), Err: errNoWay}
			}
			done <- i
		})
	}
	if first := <-done; fails[first] == nil {
		defer time.AfterFunc(familyGrace, cancel).Stop()
	}
	<-done

	if fails[0] == nil || fails[1] == nil {
		none := func(e *Error) bool { return e != nil && e.Absent() }
		return merge(found[0], found[1]), none(fails[0]) || none(fails[1]), nil
	}
	if of4, of6 := fails[0], fails[1]; of4.Absent() && !of6.Absent() || of4.Kind == NoWay && !of6.Absent() { // what leaves more open
		return nil, false, of6
	}
	return nil, false, fails[0]
}

// noWay says whether this device has nothing of the versions of IP of any of these addresses.
func (r *Resolver) noWay(found []Target) bool {
	return r.Lacks != nil && !slices.ContainsFunc(found, func(t Target) bool { return !r.Lacks(t.Hint) })
}

// merge joins both families, IPv4 first, each address once.
func merge(found ...[]Target) []netip.Addr {
	var all []netip.Addr
	for _, family := range found {
		for i := range family {
			all = append(all, family[i].Hint)
		}
	}
	// An AAAA record may hide an IPv4 address (::ffff:10.0.0.1), which readHint has unwrapped.
	sort.SliceStable(all, func(i, j int) bool { return all[i].BitLen() < all[j].BitLen() })
	var once []netip.Addr
	for _, a := range all {
		if len(once) < maxAddrs && !slices.Contains(once, a) {
			once = append(once, a)
		}
	}
	return once
}

// Alias returns the name of which host is an alias (CNAME). The ctx must carry a deadline. Every error is an *Error; that of a
// host that is no alias is Absent.
func (r *Resolver) Alias(ctx context.Context, host string) (string, error) {
	names, _, fail := lookUp(ctx, r, host, dns.TypeCNAME, readAlias)
	if fail != nil {
		return "", fail
	}
	return names[0].Host, nil
}

func readAlias(_ netip.AddrPort, rr *resource, _ []*resource) (Target, *Error) {
	host, err := place.HostName(rr.target)
	if err != nil {
		return Target{}, &Error{Kind: BadTarget, Err: fmt.Errorf("alias of %.256q, which is not a host name", rr.target)}
	}
	return Target{Host: host}, nil
}

func (r *Resolver) readTarget(server netip.AddrPort, rr *resource, besides []*resource) (Target, *Error) {
	host, err := place.HostName(rr.target)
	switch {
	case rr.target == ".": // RFC 2782: the service is decidedly not available at this domain.
		return Target{}, &Error{Kind: NotOffered}
	case err != nil:
		return Target{}, &Error{Kind: BadTarget, Err: fmt.Errorf("target %.256q is not a host name", rr.target)}
	case rr.port == 0:
		return Target{}, &Error{Kind: BadPort, Err: fmt.Errorf("target %q has port 0", host)}
	}
	return Target{Host: host, Port: rr.port, Priority: rr.priority, Weight: rr.weight, Hint: r.hint(server, rr.target, besides)}, nil
}

// hint is the first usable address, of a family that this device has, of a host among those besides an answer; IPv4 first, as Addrs has it.
func (r *Resolver) hint(server netip.AddrPort, host string, besides []*resource) netip.Addr {
	var of []Target
	for _, rr := range besides {
		addr, bad := r.readHint(server, rr, nil)
		if bad == nil && strings.EqualFold(rr.owner, host) && !r.noWay([]Target{addr}) {
			of = append(of, addr)
		}
	}
	for _, addr := range merge(of) {
		return addr
	}
	return netip.Addr{}
}

func (r *Resolver) readHint(server netip.AddrPort, rr *resource, _ []*resource) (Target, *Error) {
	addr := rr.addr.Unmap()
	if !addr.IsValid() {
		return Target{}, &Error{Kind: Unreadable, Err: errUnreadable}
	}
	if r.Usable != nil {
		if err := r.Usable(server, addr); err != nil {
			return Target{}, &Error{Kind: BadAddress, Addrs: []netip.Addr{addr}, Err: err}
		}
	}
	return Target{Hint: addr}, nil
}
