package provisioning

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// heedChanges hands changes of the network to the phases, at once or as soon as restraint allows. What happens
// meanwhile is one change, and none if all is as it was: whoever tells of changes goes on comparing.
func (a *Agent) heedChanges(ctx context.Context) {
	var flaps flapping
	for {
		select {
		case change := <-a.wire.Changes:
			a.noticed(change)
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(flaps.holdOff()):
		case <-ctx.Done():
			return
		}
	}
}

// noticed leaves a change to the phase that heeds it. One that waits already makes it look at the same network.
func (a *Agent) noticed(change string) {
	select {
	case a.changes <- change:
	default:
	}
}

// unlessChanged does something that a change of the network shall end, by leave. It returns the change, or "".
func (a *Agent) unlessChanged(leave, do func()) (change string) {
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case change = <-a.changes:
			leave()
		case <-done:
		}
	})
	do()
	close(done)
	watch.Wait()
	return change
}

// checkPath says what is wrong with the way to the Registrar of a registration, as far as this device knows without
// sending anything: a connected datagram socket has looked up the route. The connection is dead when its address is
// not the one the route begins with.
func (a *Agent) checkPath(ctx context.Context, reg *registration) error {
	conn, err := a.wire.Dial(ctx, "udp", netip.AddrPortFrom(reg.Addr, reg.Candidate.Port).String())
	if err != nil {
		return &attemptError{connecting, err}
	}
	defer conn.Close()
	was, is := addrOf(reg.Local), addrOf(conn.LocalAddr())
	if was != is {
		return &addressChangedError{was, is}
	}
	return nil
}

// addrOf returns the IP address of a socket's end; the zero Addr: it has none.
func addrOf(end net.Addr) netip.Addr {
	addrPort, err := netip.ParseAddrPort(end.String())
	if err != nil {
		return netip.Addr{}
	}
	return addrPort.Addr().Unmap().WithZone("")
}
