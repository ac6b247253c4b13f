package discover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/homeward-agent/homeward/dhcpopts"
	"github.com/homeward-agent/homeward/provisioning"
)

// notAsked is why DHCP could not be asked at all.
type notAsked struct{ error }

func (e *notAsked) Unwrap() error { return e.error }

// unasked says why nobody said anything; err is what ask returned.
func (d *dhcpAsk) unasked(err error) provisioning.Reason {
	not := new(notAsked)
	switch {
	case !d.policy.AskDHCP && !d.policy.ReadLease:
		return provisioning.DHCPOff
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
	case slices.ContainsFunc([]error{dhcpopts.ErrNoRoute, dhcpopts.ErrNoAddress, syscall.ENETDOWN, syscall.ENETUNREACH}, notThere):
		return provisioning.DHCPNoNetwork
	default:
		return provisioning.DHCPNotPermitted
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
	both.Go(func() { _ = d.inform6(ctx) })
	err := d.inform(ctx)
	both.Wait()
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

func (d *dhcpAsk) inform(ctx context.Context) error {
	conn, err := d.wire.Listen(ctx, d.policy.Interface)
	if err != nil {
		return &notAsked{err}
	}
	defer conn.Close()
	return dhcpopts.Inform(ctx, conn, func(a dhcpopts.Answer) { d.take(answerSource(a)) })
}

func answerSource(a dhcpopts.Answer) dhcpSource {
	return dhcpSource{Who: a.Server.String(), Option: "option 120", Answer: a, rank: informed}
}

// inform6 asks by DHCPv6 (RFC 3319), which the Lync device text does not know.
func (d *dhcpAsk) inform6(ctx context.Context) error {
	conn, err := d.wire.Listen6(ctx, d.policy.Interface)
	if err != nil {
		return err
	}
	defer conn.Close()
	return dhcpopts.Inform6(ctx, conn, func(a dhcpopts.Answer) {
		d.take(dhcpSource{Who: a.Server.String(), Option: option6(a.SIP), Answer: a, rank: informed6})
	})
}

func option6(s dhcpopts.SIPServers) string {
	if len(s.Names) == 0 && len(s.Addrs) > 0 {
		return "option 22"
	}
	return "option 21"
}

// readLeases takes what the system's DHCP client keeps.
func (d *dhcpAsk) readLeases() error {
	leases, err := d.wire.Leases(d.policy.Interface, d.policy.LeaseHooks)
	for _, l := range leases {
		s := dhcpSource{
			Who: "lease " + l.File, Option: "option 120", rank: leased,
			Answer: dhcpopts.Answer{Server: l.Server, Type: "ack", SIP: l.SIP, Vendor: l.Vendor},
		}
		if l.IPv6 {
			s.Option = option6(l.SIP)
		}
		// What expired before this program was built was written by a clock that nobody had set yet: such a device
		// gets its lease first and the time after. The lease is of the address that the device has.
		if !l.Expires.IsZero() && !time.Now().Before(l.Expires) && l.Expires.After(d.policy.Built) {
			s.Problem = "has expired at " + l.Expires.UTC().Format(time.RFC3339)
		}
		d.take(s)
	}
	return err
}
