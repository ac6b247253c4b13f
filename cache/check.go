package cache

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"homeward/internal/place"
)

// check says why a record cannot be what this package wrote. The files can be edited by others, so
// a right checksum proves nothing about the meaning.
func (r *Record) check() error {
	switch {
	case r.Generation > maxGeneration:
		return fmt.Errorf("generation %d is beyond reach", r.Generation)
	case !plainText(r.Scheme):
		return fmt.Errorf("scheme %.40q", r.Scheme)
	case !plainText(r.User):
		return fmt.Errorf("login name %.40q", r.User)
	case !plainText(r.Issuer):
		return fmt.Errorf("issuer %.40q", r.Issuer)
	case !plainText(r.EndpointID):
		return fmt.Errorf("endpoint id %.40q", r.EndpointID)
	case len(r.Flushed) > maxFlushed:
		return fmt.Errorf("more than %d entries of what was flushed", maxFlushed)
	}
	for i := range r.Flushed {
		f := &r.Flushed[i]
		if err := f.check(); err != nil {
			return fmt.Errorf("flushed: %w", err)
		}
	}
	if r.empty() {
		return nil
	}
	if err := r.Vouched.check(); err != nil {
		return err
	}
	if _, err := place.ParseSIPAddress(r.SIPAddress); err != nil {
		return fmt.Errorf("SIP address %.40q", r.SIPAddress)
	}
	if err := r.Registrar.check(); err != nil {
		return fmt.Errorf("registrar: %w", err)
	}
	if !r.Network.plain() || r.Inside != nil && (!r.Inside.plain() || !plainText(r.Inside.Host)) {
		return errors.New("text about the network")
	}
	for _, at := range []time.Time{r.RegisteredAt, r.lastInside(), r.PasswordChanged} {
		if year := at.UTC().Year(); year < 0 || year > 9999 { // as it is written, whatever zone it was read in
			return fmt.Errorf("registered in the year %d", year)
		}
	}
	if len(r.Home) > maxEntries || len(r.MediaRelays) > maxEntries {
		return fmt.Errorf("more than %d entries", maxEntries)
	}
	for i := range r.Home {
		e := &r.Home[i]
		if err := e.check(); err != nil {
			return fmt.Errorf("home: %w", err)
		}
	}
	for _, m := range r.MediaRelays {
		if err := m.check(); err != nil {
			return fmt.Errorf("media relay: %w", err)
		}
	}
	return nil
}

func (e *Registrar) check() error {
	switch {
	case !host(e.Host):
		return fmt.Errorf("host %.40q", e.Host)
	case e.Port == 0:
		return fmt.Errorf("%s has port 0", e.Host)
	case e.Transport != "tls" && e.Transport != "tcp":
		return fmt.Errorf("transport %.40q of %s", e.Transport, e.Host)
	case !plainText(e.Step) || !plainText(e.Via) || !plainText(e.Role):
		return fmt.Errorf("text about %s", e.Host)
	case e.Address.IsValid() && !usable(e.Address):
		return fmt.Errorf("address %s of %s", e.Address, e.Host)
	}
	return checkAddresses(e.Addresses)
}

func (m Relay) check() error {
	switch {
	case m.Host == "" && len(m.Addresses) == 0:
		return errors.New("it has neither name nor address")
	case m.Host != "" && !host(m.Host):
		return fmt.Errorf("host %.40q", m.Host)
	case !plainText(m.Location):
		return fmt.Errorf("location of %s", m.Host)
	}
	return checkAddresses(m.Addresses)
}

func (r *Record) lastInside() (at time.Time) {
	if r.Inside != nil {
		at = r.Inside.At
	}
	return at
}

func (n *Network) plain() bool {
	return n == nil || plainText(n.Subnet+n.Gateway+n.NameServers+n.DHCPServer+n.Step)
}

func checkAddresses(list []netip.Addr) error {
	if len(list) > maxEntries {
		return fmt.Errorf("more than %d addresses", maxEntries)
	}
	for _, a := range list {
		if !usable(a) {
			return fmt.Errorf("address %s", a)
		}
	}
	return nil
}

// host accepts a host name or an IP address: option 120 and manual configuration may give either.
func host(s string) bool {
	a, err := netip.ParseAddr(s)
	return hostName(s) || err == nil && usable(a)
}

// hostName accepts a host name without final dot, in upper case too: whoever reads the record brings it into normal form.
func hostName(s string) bool {
	name, err := place.HostName(s)
	return err == nil && len(name) == len(s)
}

// usable accepts an address that a packet can be sent to. Loopback is one: a Registrar may run on
// the device itself. Scoped addresses are not: the interface of today may have another name tomorrow.
func usable(a netip.Addr) bool {
	broadcast := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	return a.IsValid() && a.Zone() == "" && !a.IsUnspecified() && !a.IsMulticast() && a.Unmap() != broadcast
}

func plainText(s string) bool {
	return len(s) <= maxText && utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}

// leaveOut drops the optional entries that a later start would refuse, and says which: one odd
// Media Relay must not keep the device from remembering its Registrar.
func (r *Record) leaveOut() (reasons []string) {
	home, relays := r.Home[:0], r.MediaRelays[:0]
	for i := range r.Home {
		e := &r.Home[i]
		if err := e.check(); err != nil {
			reasons = append(reasons, fmt.Sprintf("home: %v", err))
			continue
		}
		home = append(home, *e)
	}
	for _, m := range r.MediaRelays {
		if err := m.check(); err != nil {
			reasons = append(reasons, fmt.Sprintf("media relay: %v", err))
			continue
		}
		relays = append(relays, m)
	}
	r.Home, r.MediaRelays = home, relays
	if !plainText(r.Issuer) {
		r.Issuer, reasons = "", append(reasons, fmt.Sprintf("issuer %.40q", r.Issuer))
	}
	return reasons
}

func (f Flushed) check() error {
	switch year := f.At.Year(); {
	case year < 0 || year > 9999:
		return fmt.Errorf("in the year %d", year)
	case !plainText(f.Kind):
		return fmt.Errorf("kind %.40q", f.Kind)
	case f.Host != "" && !host(f.Host):
		return fmt.Errorf("host %.40q", f.Host)
	}
	return checkAddresses(f.Addresses)
}

func (v Vouched) check() error {
	if len(v.Hosts) > maxEntries+1 || !plainText(v.Under) || !plainText(v.Seal) {
		return errors.New("vouched: too many hosts, or odd text")
	}
	for _, h := range v.Hosts {
		if !host(h) {
			return fmt.Errorf("vouched: host %.40q", h)
		}
	}
	return nil
}
