package agent_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"homeward/cache"
	"homeward/internal/sitetest"
	"homeward/provisioning"
)

// watch stands at the wire and knows what may never happen. It is written from the rules (ADR 31) and shares nothing with
// the code that obeys them.
type watch struct {
	world *world
	site  *sitetest.Site

	mu     sync.Mutex
	wrong  []string
	began  time.Time
	born   time.Duration // of this life, after that
	store  *cache.DB
	lives  bool            // the agent, and not a check
	floor  bool            // the record had it
	failed map[string]bool // addresses that showed a bad certificate in this life
	seen   int             // entries of the site's log
}

func (w *watch) complain(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	who := "a check"
	if w.lives {
		who = "the agent"
	}
	if text := who + ": " + fmt.Sprintf(format, args...); len(w.wrong) < 8 && !slices.Contains(w.wrong, text) {
		w.wrong = append(w.wrong, text)
	}
}

// begin is the start of a life.
func (w *watch) begin(store *cache.DB, lives bool) {
	w.store, w.lives, w.failed, w.born = store, lives, map[string]bool{}, time.Since(w.began)
	w.floor = w.floor || w.hasFloor()
}

func (w *watch) hasFloor() bool {
	record, ok := w.store.Load()
	return ok && record.TLSFloor
}

// end looks at what a life has left behind.
func (w *watch) end(store *cache.DB) {
	record, ok := store.Load()
	if w.floor && (!ok || !record.TLSFloor) {
		w.complain("the floor is lowered")
	}
	w.readLog()
	if !ok || w.world.planted {
		return
	}
	for _, e := range append([]cache.Registrar{record.Registrar}, record.Home...) {
		w.judgeName("last good", e.Host)
		for _, addr := range e.Addresses {
			w.judgeClass("last good", addr)
		}
	}
	for _, r := range record.MediaRelays {
		for _, addr := range r.Addresses {
			w.judgeClass("a media relay", addr)
		}
	}
}

func (w *watch) isOff() bool { return w.world.policy.Naming == provisioning.NamingOff }

func (w *watch) isStrict() bool { return w.world.policy.Naming == provisioning.NamingStrict }

func (w *watch) isConfigured(host string) bool {
	return slices.ContainsFunc(w.world.policy.Manual, func(m provisioning.ManualServer) bool { return m.Host == host })
}

// judgeName: what nobody has proven who names it.
func (w *watch) judgeName(what, host string) {
	if !w.isOff() && strings.HasSuffix(host, ".evil.net") || !w.isOff() && host == "evilcontoso.com" {
		w.complain("%s: the name %s", what, host)
	}
}

// judgeClass: addresses that are no other host's, by their bytes.
func (w *watch) judgeClass(what string, addr netip.Addr) {
	if !isOtherHost(addr) {
		w.complain("%s: the address %s", what, addr)
	}
}

func isOtherHost(addr netip.Addr) bool {
	b := addr.AsSlice()
	if len(b) == 16 && bytes.Equal(b[:12], []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}) {
		b = b[12:]
	}
	if len(b) == 4 {
		return b[0] != 0 && b[0] != 127 && b[0] < 224 && (b[0] != 169 || b[1] != 254)
	}
	switch {
	case b[0] == 0x20 && b[1] == 0x02:
		return isOtherHost(netip.AddrFrom4([4]byte(b[2:6])))
	case b[0] == 0 && b[1] == 0x64 && b[2] == 0xff && b[3] == 0x9b:
		return isOtherHost(netip.AddrFrom4([4]byte(b[12:])))
	}
	return b[0]>>4 == 2 || b[0]>>4 == 3 || b[0] == 0xfc || b[0] == 0xfd
}

// dial wraps the dialling of a site.
func (w *watch) dial(inner func(ctx context.Context, network, address string) (net.Conn, error)) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		at := netip.MustParseAddrPort(address)
		if at.String() != "10.0.0.53:53" {
			w.judgeDial(network, at)
		}
		conn, err := inner(ctx, network, address)
		if err != nil || network != "tcp" || at.Port() == 53 {
			return conn, err
		}
		return &tapped{Conn: conn, watch: w, at: at}, nil
	}
}

// judgeDial: where not even a SYN goes.
func (w *watch) judgeDial(network string, at netip.AddrPort) {
	what, addr := "dial "+network+" "+at.String(), at.Addr().String()
	literal := strings.HasPrefix(addr, "10.0.3.") || strings.HasPrefix(addr, "10.0.4.") || strings.HasPrefix(addr, "2001:db8:3:")
	w.judgeClass(what, at.Addr())
	switch {
	case addr == device:
		w.complain("%s: the device itself", what)
	case addr == "10.0.66.100":
		w.complain("%s: an address that nobody proven has named", what)
	case strings.HasPrefix(addr, "10.0.66.") && !w.isOff():
		w.complain("%s: a name outside the SIP domain", what)
	case strings.HasPrefix(addr, "10.0.5.") && len(w.world.policy.Manual) == 0:
		w.complain("%s: is not configured", what)
	case literal && w.isStrict():
		w.complain("%s: an address under strict naming", what)
	case strings.HasPrefix(addr, "10.0.6.") && !w.toldInBand():
		w.complain("%s: nobody proven has named it", what)
	case isForeign(at.Port()) && !strings.HasPrefix(addr, "10.0.5."):
		w.complain("%s: another service", what)
	}
}

// isForeign: ports of other services, as far as the sites have some.
func isForeign(port uint16) bool {
	return port < 1024 && port != 443 || port == 6379 || port == 3306
}

// toldInBand says whether a proven Registrar has been asked in band.
func (w *watch) toldInBand() bool {
	return slices.ContainsFunc(w.site.Log(), func(e sitetest.Entry) bool {
		return e.What == "SUBSCRIBE" && w.isProven(e)
	})
}

// isProven says whether an entry is about a connection on which a name was proven.
func (w *watch) isProven(e sitetest.Entry) bool {
	cert := w.world.cert[e.Server]
	address, _, _ := strings.Cut(e.Server, ":")
	switch {
	case cert == "" || cert == "cert=expired" || cert == "cert=untrusted" || cert == "cert=wrongname" || cert == "cert=selfsigned" || cert == "cert=cnonly":
		return false
	case e.Host != "": // the site has one name for each
		return cert == e.Host || strings.HasPrefix(cert, "cert=san:"+e.Host+",")
	case w.isConfigured(address):
		return true
	case w.isOff():
		return strings.HasPrefix(cert, "cert=san:fe01.")
	default:
		return strings.HasPrefix(cert, "cert=san:fe01.contoso.com,") && !w.isStrict()
	}
}

// isOfThisLife: an answer to a life that has ended is heard by nobody.
func (w *watch) isOfThisLife(before []sitetest.Entry, e sitetest.Entry) bool {
	for _, earlier := range slices.Backward(before) {
		if earlier.What == "connect" && earlier.Server == e.Server {
			return earlier.After >= w.born
		}
	}
	return false
}

// readLog: what the site has seen since.
func (w *watch) readLog() {
	log := w.site.Log()
	over := time.Since(w.began)
	for i, e := range log {
		if i < w.seen {
			continue
		}
		switch {
		case strings.HasPrefix(e.What, "query A"):
			w.judgeName("query", e.Name)
			if e.Name == inBand && !slices.ContainsFunc(log[:i], func(e sitetest.Entry) bool { return e.What == "SUBSCRIBE" && w.isProven(e) }) {
				w.complain("query for %s, which nobody proven has named", e.Name)
			}
			if w.isStrict() && slices.Contains(inside[1:], e.Name) && !w.world.proven[e.Name] {
				w.complain("query for %s under strict naming", e.Name)
			}
		case e.What == "tls":
			w.judgeName("TLS", e.Host)
		case e.Auth != "" && w.world.cert[e.Server] != "" && !w.isProven(e):
			w.complain("credentials for %s at %s, which has shown %s for %q", e.What, e.Server, w.world.cert[e.Server], e.Host)
		case w.lives && !w.world.planted && e.What == "REGISTER" && e.Code == 200 && w.isProven(e) && !w.hasFloor() && over-e.After > 2*time.Second && w.isOfThisLife(log[:i], e):
			w.complain("registered at %s over TLS, and no floor", e.Server)
		case (e.What == "SUBSCRIBE" || e.What == "SERVICE") && w.world.cert[e.Server] == "":
			w.complain("%s asked of %s over plain TCP", e.What, e.Server)
		}
	}
	w.seen = len(log)
}

// tapped is a connection to somewhere; the first byte tells TLS from plain TCP.
type tapped struct {
	net.Conn
	watch *watch
	at    netip.AddrPort
	plain []byte
	kind  byte
}

func (c *tapped) Write(b []byte) (int, error) {
	if c.kind == 0 && len(b) > 0 {
		c.kind = b[0]
		c.watch.judgeFirst(c.at, c.kind == 0x16, bytes.HasPrefix(b, []byte("OPTIONS ")) && !bytes.Contains(b, []byte("phone1")))
	}
	if c.kind != 0x16 {
		c.plain = append(c.plain, b...)
		c.watch.judgePlain(c.at, c.plain)
	}
	return c.Conn.Write(b)
}

// Read takes note of a certificate that cannot be believed: it has come when the server's hello has. A check looks at more
// places than the agent comes to, and at the same time; only those of the first step come before all others there.
func (c *tapped) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	w, place := c.watch, c.at.String()
	if cert := w.world.cert[place]; n > 0 && c.kind == 0x16 && strings.HasPrefix(cert, "cert=") && !strings.HasPrefix(cert, "cert=san:") &&
		(w.lives || w.world.first[place] && !w.isStrict() && !w.world.planted && len(w.world.policy.Manual) == 0) {
		w.mu.Lock()
		w.failed[c.at.Addr().String()] = true
		w.mu.Unlock()
	}
	return n, err
}

// judgeFirst: how a connection begins; a stranger asks in clear, and does not say which device it is.
func (w *watch) judgeFirst(at netip.AddrPort, secure, stranger bool) {
	addr := at.Addr().String()
	w.mu.Lock()
	failed, floor := w.failed[addr], w.floor
	w.mu.Unlock()
	floor = floor || w.hasFloor()
	switch p := w.world.policy; {
	case secure && strings.HasPrefix(addr, "10.0.3.") && !w.world.planted:
		w.complain("TLS to %s, an address from DHCP", at)
	case secure, stranger && p.AllowTCP:
	case strings.HasPrefix(addr, "10.0.2."), strings.HasPrefix(addr, "10.0.4."), strings.HasPrefix(addr, "10.0.6."):
		w.complain("plain TCP to %s, which was named over TLS", at)
	case !p.AllowTCP:
		w.complain("plain TCP to %s, which is not allowed", at)
	case p.TLSFloor && floor:
		w.complain("plain TCP to %s below the floor", at)
	case failed:
		w.complain("plain TCP to %s, whose certificate has failed", at)
	}
}

// judgePlain: all that was sent over plain TCP so far.
func (w *watch) judgePlain(at netip.AddrPort, sent []byte) {
	addr := at.Addr().String()
	if bytes.Contains(sent, []byte(canary)) {
		w.complain("the password itself to %s", at)
	}
	if !bytes.Contains(bytes.ToLower(sent), []byte("authorization:")) {
		return
	}
	named := strings.HasPrefix(addr, "10.0.5.")
	for i, host := range inside {
		named = named || addr == fmt.Sprintf("10.0.1.%d", i+1) && w.world.bySRV[host]
	}
	for i, host := range evil {
		named = named || addr == fmt.Sprintf("10.0.66.%d", i+1) && w.world.bySRV[host] && w.isOff()
	}
	if !w.world.policy.CredentialsOverTCP || !named {
		w.complain("credentials in clear to %s", at)
	}
}
