package discover

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"sync"
	"syscall"
	"time"

	"homeward/dhcpopts"
	"homeward/internal/plain"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// Our choices.
const (
	dhcpLimit  = 3600 * time.Millisecond // three questions without an answer, and time for one to the last: a slow server is not a silent one
	dhcpWindow = 500 * time.Millisecond  // for answers after the first
)

// dhcpAsk is one round of asking DHCP: it settles both DHCP steps with the first answer that carries a usable
// name ("the first DHCP response with an FQDN is used", Lync device text), and listens on for a while to notice
// servers that disagree. What the system's client keeps, and what DHCPv6 says, is used when no such answer comes.
type dhcpAsk struct {
	policy provisioning.Policy
	wire   wire.Wire
	notice func(provisioning.Trouble)
	settle func(provisioning.Finding) // with what is found; called once
	window func()                     // ends the round soon; it may be called more than once

	mu      sync.Mutex
	sources []dhcpSource
	dropped []dhcpopts.Dropped
	settled bool
}

// closing returns what ends a round soon after it is called first.
func closing(cancel func()) func() {
	return sync.OnceFunc(func() { time.AfterFunc(dhcpWindow, cancel) })
}

// take notes what a source said. A usable name in answer to DHCPINFORM decides; any other usable name waits for
// one as long as other answers do.
func (d *dhcpAsk) take(s dhcpSource) {
	d.mu.Lock()
	for i := range d.sources {
		earlier := &d.sources[i]
		// A lease is of the past, and the two versions are two questions: that they differ is no fault of a server.
		if detail := disagreement(&earlier.Answer, &s.Answer); detail != "" && earlier.rank == s.rank && s.rank != leased {
			d.notice(DHCPTrouble(provisioning.DHCPConflict, detail))
			break
		}
	}
	d.sources = append(d.sources, s)
	d.mu.Unlock()
	if s.rank == informed && s.Answer.Type != dhcpopts.Unusable {
		d.notice(SlowDHCP(&s.Answer))
	}
	named := s.Problem == "" && slices.ContainsFunc(s.Answer.SIP.Names, d.usable)
	if named || s.rank == informed && s.Answer.Type != dhcpopts.Unusable {
		d.window()
	}
	if named && s.rank == informed {
		d.decide(func() provisioning.Finding { return d.finding(nil) })
	}
}

// drop notes what came and was not read.
func (d *dhcpAsk) drop(dropped []dhcpopts.Dropped) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dropped = append(d.dropped, dropped...)
}

// decide settles, once.
func (d *dhcpAsk) decide(finding func() provisioning.Finding) {
	d.mu.Lock()
	first := !d.settled
	d.settled = true
	d.mu.Unlock()
	if first {
		d.settle(finding())
	}
}

func (d *dhcpAsk) usable(name string) bool {
	reason, _ := d.policy.NameReason(provisioning.DHCPTLS, name, provisioning.TLS)
	return reason == ""
}

// inOrder returns what was said so far, what is believed first before the rest.
func (d *dhcpAsk) inOrder() []dhcpSource {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := append([]dhcpSource(nil), d.sources...)
	sort.SliceStable(all, func(i, j int) bool { return all[i].rank < all[j].rank })
	return all
}

// notAsked is why DHCP could not be asked at all.
type notAsked struct{ error }

func (e *notAsked) Unwrap() error { return e.error }

// onlySix is why DHCP could not be asked over IPv4, where it was asked over IPv6.
type onlySix struct{ error }

func (e *onlySix) Unwrap() error { return e.error }

// sixLacks is what is wrong where DHCP was asked over IPv6 alone, and names no Registrar. problem is why over IPv6 alone.
func sixLacks(answered bool, problem error) provisioning.Trouble {
	fault := provisioning.FaultDHCPSilentSix
	if answered {
		fault = provisioning.FaultDHCPNoOptionSix
	}
	return fault.Met(provisioning.Facts{"problem": plain.Words(problem)})
}

// unasked says why nobody said anything; err is what ask returned.
func (d *dhcpAsk) unasked(err error) provisioning.Reason {
	not := new(notAsked)
	switch {
	case !d.policy.AskDHCP:
		return provisioning.DHCPNoLease
	case errors.As(err, &not):
		return unaskable(not.error)
	default:
		return provisioning.DHCPSilent
	}
}

// unaskable says why no question could be sent.
func unaskable(err error) provisioning.Reason {
	notThere := func(kind error) bool { return errors.Is(err, kind) }
	switch {
	case errors.Is(err, dhcpopts.ErrNoInterface):
		return provisioning.DHCPNoInterface
	case errors.Is(err, errors.ErrUnsupported):
		return provisioning.DHCPNotSupported
	case slices.ContainsFunc([]error{
		dhcpopts.ErrNoRoute, dhcpopts.ErrDown, dhcpopts.ErrNoAddress, syscall.ENETDOWN, syscall.ENETUNREACH, syscall.ENODEV, syscall.ENXIO, syscall.EADDRNOTAVAIL,
	}, notThere):
		return provisioning.DHCPNoNetwork
	case errors.Is(err, fs.ErrPermission):
		return provisioning.DHCPNotPermitted
	default:
		return provisioning.Unknown
	}
}

// ask asks every source that the policy allows, until ctx ends. The leases come first, since they are there. The
// two versions of DHCP are asked at the same time: nobody waits for the one that the site does not have. The error
// joins what could not be asked or read. That DHCPv6 could not be asked is no error: most links have none.
func (d *dhcpAsk) ask(ctx context.Context) error {
	var unread error
	if d.policy.ReadLease {
		unread = d.readLeases()
	}
	if !d.policy.AskDHCP {
		return unread
	}
	var both sync.WaitGroup
	var err6 error
	both.Go(func() { err6 = d.question(ctx, true, dhcpopts.Inform6, source6) })
	err := d.question(ctx, false, dhcpopts.Inform, answerSource)
	both.Wait()
	switch {
	case err != nil && err6 != nil:
		err = &notAsked{err}
	case err != nil: // a network with IPv6 only
		err = &onlySix{err}
	}
	for _, same := range []error{dhcpopts.ErrNoInterface, dhcpopts.ErrNoRoute} {
		if errors.Is(err, same) && errors.Is(unread, same) {
			return err // said once
		}
	}
	return joinErrors(err, unread)
}

func joinErrors(first, second error) error {
	if first == nil || second == nil {
		return errors.Join(first, second)
	}
	return fmt.Errorf("%w; %w", first, second)
}

// onLinks does for each interface on which DHCP is asked, at the same time, and says why none of them could be asked. name
// is "" when there is one.
func onLinks(w *wire.Wire, iface string, six bool, ask func(link, name string) error) error {
	links := []string{iface}
	if w.Links != nil {
		var err error
		if links, err = w.Links(iface, six); err != nil {
			return err
		}
	}
	errs := make([]error, len(links))
	var all sync.WaitGroup
	for i, link := range links {
		name := link
		if len(links) == 1 {
			name = ""
		}
		all.Go(func() { errs[i] = ask(link, name) })
	}
	all.Wait()
	if slices.Contains(errs, nil) {
		return nil
	}
	return errs[0]
}

// question asks on every interface, by DHCPv6 (RFC 3319), which the Lync device text does not know, if six. The error is why it
// could not be asked, or why no answer could be heard.
func (d *dhcpAsk) question(ctx context.Context, six bool, question inform, source func(*dhcpopts.Answer) dhcpSource) error {
	return onLinks(&d.wire, d.policy.Interface, six, func(link, name string) error {
		conn, err := listen(ctx, &d.wire, link, six)
		if err != nil {
			return err
		}
		defer conn.Close()
		dropped, err := question(ctx, conn, func(a dhcpopts.Answer) {
			a.Link = name
			d.take(source(&a))
		})
		d.drop(dropped)
		return err
	})
}

// inform is how a question is asked on one interface.
type inform func(context.Context, dhcpopts.Conn, func(dhcpopts.Answer)) ([]dhcpopts.Dropped, error)

func listen(ctx context.Context, w *wire.Wire, link string, six bool) (dhcpopts.Conn, error) {
	if six {
		return w.Listen6(ctx, link)
	}
	return w.Listen(ctx, link)
}

// source6 is an answer by DHCPv6.
func source6(a *dhcpopts.Answer) dhcpSource {
	return dhcpSource{Who: Who(a), Option: option6(&a.SIP), Answer: *a, rank: informed6}
}

func option6(s *dhcpopts.SIPServers) string {
	if len(s.Names) == 0 && len(s.Addrs) > 0 {
		return "option 22"
	}
	return "option 21"
}

// readLeases takes what the system's DHCP client keeps.
func (d *dhcpAsk) readLeases() error {
	var mu sync.Mutex
	var leases []dhcpopts.Lease
	var unread error
	err := onLinks(&d.wire, d.policy.Interface, false, func(link, _ string) error {
		kept, err := d.wire.Leases(link, d.policy.LeaseHooks)
		mu.Lock()
		defer mu.Unlock()
		leases, unread = append(leases, kept...), joinErrors(unread, err)
		return nil
	})
	for i := range leases {
		l := &leases[i]
		s := dhcpSource{
			Who: "lease " + l.File, Option: "option 120", rank: leased,
			Answer: dhcpopts.Answer{Server: l.Server, Type: "ack", SIP: l.SIP, Vendor: l.Vendor},
		}
		if l.IPv6 {
			s.Option = option6(&l.SIP)
		}
		// What expired before this program was built was written by a clock that nobody had set yet: such a device
		// gets its lease first and the time after. The lease is of the address that the device has.
		if !l.Expires.IsZero() && !time.Now().Before(l.Expires) && l.Expires.After(d.policy.Built) {
			s.Problem = "has expired at " + l.Expires.UTC().Format(time.RFC3339)
		}
		d.take(s)
	}
	return joinErrors(unread, err)
}

func (g *Gathering) askDHCP(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, min(g.patience.Limit, dhcpLimit))
	defer cancel()
	d := &dhcpAsk{policy: g.policy, wire: g.wire, notice: g.notice, settle: g.settleDHCP, window: closing(cancel)}
	err := d.ask(ctx)
	d.decide(func() provisioning.Finding { return d.finding(err) })
}

// Hurried says whether DHCP had less time than where nothing else is to be had.
func (g *Gathering) Hurried() bool { return g.patience.Limit < dhcpLimit }

// settleDHCP resolves the names beside the sockets, so that later answers are heard, and decides both steps.
func (g *Gathering) settleDHCP(f provisioning.Finding) {
	took := time.Since(g.started) // without the look-ups of its names
	g.tasks.Go(func() {
		f.Source.Source, f.TookMS = "dhcp", provisioning.Milliseconds(took)
		g.addresses(provisioning.DHCPTLS, f.Names)
		for _, step := range []provisioning.Step{provisioning.DHCPTLS, provisioning.DHCPTCP} {
			if g.answers[step] != nil {
				g.settle(step, f)
			}
		}
	})
}

// finding is the best that was said, and after it what else was. err is what could not be asked or read.
func (d *dhcpAsk) finding(err error) provisioning.Finding {
	sources := d.inOrder()
	f, best := bestSource(sources, d.usable)
	if best >= 0 {
		if flaw := sources[best].flaw(); f.Reason == "" && flaw != "" {
			f.Reason, f.Detail = provisioning.DHCPMalformed, flaw
		}
		f.Trouble = sources[best].trouble(f.Reason)
		addAddresses(&f, sources, sources[best].rank)
	} else {
		f.Reason = d.unasked(err)
		if err != nil {
			f.Detail = plain.Words(err)
		}
		six := new(onlySix)
		switch t, came := unheard(d.dropped); {
		case f.Reason != provisioning.DHCPSilent:
		case !t.None():
			f.Trouble, f.Reason, f.Detail = t, t.Reason(), came
		case errors.As(err, &six):
			answered := slices.ContainsFunc(sources, func(s dhcpSource) bool { return s.rank == informed6 })
			f.Trouble, f.Query, f.Detail = sixLacks(answered, six.error), "option 21", ""
			if f.Reason = f.Trouble.Reason(); answered {
				f.Verdict = provisioning.Absent
			}
		}
	}
	for i := range sources {
		s := &sources[i]
		silent := best >= 0 && s.Problem == "" && s.Answer.SIP.Raw == nil
		if i != best && !silent && (s.rank != informed || best >= 0 && s.Answer.Link != sources[best].Answer.Link) { // answers to DHCPINFORM that differ are a conflict
			f.Detail = joinSources(f.Detail, s)
		}
	}
	return f
}
