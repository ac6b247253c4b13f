package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// Our choices.
const (
	networkQuiet    = 500 * time.Millisecond // without an event: what belongs together has happened
	networkPatience = 5 * time.Second        // with events and no end of them
	networkPoll     = 30 * time.Second       // for what comes without an event: name servers, other systems
	leastSleep      = 5 * time.Second        // less is a clock that is read twice
)

// NetworkWatch compares the network of the device with what it was, and offers every difference until somebody takes
// it. What has become as it was by then is not a difference. Events of the system only say when to look.
type NetworkWatch struct {
	resolvers func() ([]netip.AddrPort, error)
	way       func() (string, error) // the interface to which the default route leads
	slept     func() time.Duration   // since the start of the device
	log       *slog.Logger
	changes   chan string
	besides   func()
	awake     <-chan struct{}
	unread    string          // why the name servers could not be read last, which was said; "": they could
	events    []io.ReadCloser // each read is an event
	lately    lately
	told      network // what the last change that was taken has led to
}

// NewNetworkWatch looks at the network as it is now; what changes from now on is told by Run. resolvers returns the
// name servers in use, and way the interface to which the default route leads; awake is joined.
func NewNetworkWatch(resolvers func() ([]netip.AddrPort, error), way func() (string, error), awake *Awake, log *slog.Logger) *NetworkWatch {
	w := &NetworkWatch{resolvers: resolvers, way: way, slept: slept, log: log, changes: make(chan string), besides: func() {}, awake: awake.join()}
	for _, open := range []func() (io.ReadCloser, error){subscribe, wakings} { // before the first look: a change in between would never be noticed
		events, err := open()
		switch {
		case err == nil:
			w.events = append(w.events, events)
		case !errors.Is(err, errors.ErrUnsupported):
			log.Warn("changes of the network are noticed with a delay", "err", err)
		}
	}
	w.told = w.look(network{})
	return w
}

// lately is when the link by which this device reaches others was lost.
type lately struct {
	mu    sync.Mutex
	iface string
	at    []time.Time
}

// Our choice: more losses of the link than that are forgotten, the first ones first.
const mostLost = 64

// LinkLost returns that, the first time first.
func (w *NetworkWatch) LinkLost() (iface string, at []time.Time) {
	w.lately.mu.Lock()
	defer w.lately.mu.Unlock()
	return w.lately.iface, slices.Clone(w.lately.at)
}

// lost notes that a link was lost.
func (l *lately) lost(iface string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.iface != iface {
		l.iface, l.at = iface, nil
	}
	if len(l.at) == mostLost {
		l.at = l.at[1:]
	}
	l.at = append(l.at, time.Now())
}

// Besides has f called whenever Run looks without an event, about every 30 s: the process is awake then. It is called before Run.
func (w *NetworkWatch) Besides(f func()) { w.besides = f }

// Changes returns where changes are taken, in words: "gone: 10.0.0.21/24 on eth0; new: 10.0.0.22/24 on eth0".
func (w *NetworkWatch) Changes() <-chan string { return w.changes }

// Run watches until ctx ends.
func (w *NetworkWatch) Run(ctx context.Context) error {
	happened := make(chan struct{}, 1)
	var hearing sync.WaitGroup
	defer hearing.Wait()
	for _, events := range w.events {
		hearing.Go(func() { w.hear(ctx, events, happened) })
		defer events.Close()
	}
	wait := networkPoll
	for now := w.told; ; now = w.look(now) {
		change := now.since(w.told)
		offer := w.changes
		if change == "" {
			offer = nil
		}
		select {
		case offer <- change:
			w.told = now
		case <-happened:
			settle(ctx, happened)
		case <-w.awake:
			wait = 2 * networkPoll // the next keep-alive comes before, as a rule
			w.besides()
		case <-time.After(wait):
			wait = networkPoll
			w.besides()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// hear turns what the system tells into events. Some errors are events, too.
func (w *NetworkWatch) hear(ctx context.Context, events io.Reader, happened chan<- struct{}) {
	message := make([]byte, 512) // what does not fit is dropped, and so is the rest
	for {
		_, err := events.Read(message)
		if err != nil && !isEvent(err) {
			if ctx.Err() == nil {
				w.log.Warn("changes of the network are noticed with a delay from now on", "err", err)
			}
			return
		}
		select {
		case happened <- struct{}{}:
		default:
		}
	}
}

// settle waits until no more happens.
func settle(ctx context.Context, happened <-chan struct{}) {
	enough := time.After(networkPatience)
	for {
		select {
		case <-happened:
		case <-time.After(networkQuiet):
			return
		case <-enough:
			return
		case <-ctx.Done():
			return
		}
	}
}

// network is what counts of the network of this device: sorted facts such as "10.0.0.21/24 on eth0", "link on eth0",
// "default route via 10.0.0.1 on eth0", "name server 10.0.0.53"; and how long the device has slept since its start.
type network struct {
	facts  []string
	slept  time.Duration
	linked []string // the interfaces that have a carrier, with an address or without
	way    string   // the one that the default route has led to last
}

// look returns the network as it is; before is what it was, in case that it cannot be seen. Loopback does not count, and
// neither do interfaces and addresses that reach no further than the link.
func (w *NetworkWatch) look(before network) network {
	now := network{slept: w.slept(), way: before.way}
	if way, err := w.way(); err == nil {
		now.way = way
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return before
	}
	for _, ifi := range interfaces {
		if ifi.Flags&net.FlagLoopback != 0 {
			continue
		}
		switch up := ifi.Flags&net.FlagUp != 0; {
		case up && ifi.Flags&net.FlagRunning != 0:
			now.linked = append(now.linked, ifi.Name)
		case up && slices.Contains(before.linked, ifi.Name) && (before.way == ifi.Name || before.way == ""):
			w.lately.lost(ifi.Name)
		}
		addrs, _ := ifi.Addrs() // an interface that has just gone has none
		addrs = slices.DeleteFunc(addrs, local)
		for _, addr := range addrs {
			now.facts = append(now.facts, addr.String()+" on "+ifi.Name)
		}
		if len(addrs) > 0 && ifi.Flags&net.FlagUp != 0 && ifi.Flags&net.FlagRunning != 0 {
			now.facts = append(now.facts, "link on "+ifi.Name)
		}
	}
	servers, err := w.resolvers() // none at all is a fact, too
	w.sayUnread(err, len(servers))
	for _, server := range servers {
		now.facts = append(now.facts, "name server "+server.Addr().String())
	}
	now.facts = append(now.facts, routes()...)
	slices.Sort(now.facts)
	return now
}

// sayUnread says once why the name servers, or some of them, cannot be read; a system that has no file for them is not to blame.
func (w *NetworkWatch) sayUnread(err error, used int) {
	switch {
	case err == nil || errors.Is(err, errors.ErrUnsupported):
		w.unread = ""
	case err.Error() != w.unread:
		w.unread = err.Error()
		said := "the name servers of this device cannot be read"
		if used > 0 {
			said = "not all name servers of this device are used"
		}
		w.log.Warn(said, "err", err)
	}
}

// local says whether an address of ours is of no use beyond the link. RFC 3927 addresses of IPv4 may be all a small
// network has.
func local(addr net.Addr) bool {
	n, ok := addr.(*net.IPNet)
	return !ok || n.IP.To4() == nil && n.IP.IsLinkLocalUnicast()
}

// since says what is different from what was before; "": nothing.
func (n network) since(before network) string {
	var said []string
	if gone := without(before.facts, n.facts); len(gone) > 0 {
		said = append(said, "gone: "+strings.Join(gone, ", "))
	}
	if fresh := without(n.facts, before.facts); len(fresh) > 0 {
		said = append(said, "new: "+strings.Join(fresh, ", "))
	}
	if slept := n.slept - before.slept; slept >= leastSleep {
		said = append(said, fmt.Sprintf("the device has slept for %v", slept.Round(time.Second)))
	}
	return strings.Join(said, "; ")
}

// without returns what is in facts and not in others; both are sorted.
func without(facts, others []string) []string {
	return slices.DeleteFunc(slices.Clone(facts), func(f string) bool {
		_, found := slices.BinarySearch(others, f)
		return found
	})
}
