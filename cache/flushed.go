package cache

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// maxFlushed is our choice: what is of use to a tech who asks where an address has gone. A device whose pool
// moves flushes a few a year.
const maxFlushed = 8

// The kinds of Flushed.
const (
	FlushedRegistrar = "registrar"   // it was the Registrar in use
	FlushedHome      = "home"        // it was named as home, and was not the Registrar in use
	FlushedRelay     = "media-relay" // it was a Media Relay
	FlushedAddress   = "address"     // its host is known still: these of its addresses are not
)

// Flushed is what a Commit dropped, because the registration it records did not confirm it.
type Flushed struct {
	At        time.Time    `json:"at,omitzero"` // RegisteredAt of the record that took its place
	Kind      string       `json:"kind"`        // FlushedRegistrar, …
	Host      string       `json:"host,omitempty"`
	Port      uint16       `json:"port,omitempty"` // of a Registrar
	Addresses []netip.Addr `json:"addresses,omitempty"`
}

// flush returns what before holds and after does not, then what was flushed earlier.
func flush(before, after Record) []Flushed {
	var dropped []Flushed
	kept := after.holdings()
	for _, had := range before.holdings() {
		f := Flushed{At: after.RegisteredAt, Kind: had.kind, Host: had.host, Port: had.port, Addresses: had.addresses}
		if i := slices.IndexFunc(kept, had.same); i >= 0 {
			f.Kind = FlushedAddress
			f.Addresses = slices.DeleteFunc(f.Addresses, func(a netip.Addr) bool { return slices.Contains(kept[i].addresses, a) })
		}
		if f.Kind != FlushedAddress || len(f.Addresses) > 0 {
			f.Addresses = cut(f.Addresses)
			dropped = append(dropped, f)
		}
	}
	return slices.Concat(dropped, before.Flushed)
}

// holding is a server that a record knows, with its addresses from all places where the record names it.
type holding struct {
	kind      string
	host      string
	port      uint16
	transport string // "" for a Media Relay
	addresses []netip.Addr
}

// same says whether two records mean the same server. A Registrar may change places with its home.
func (h holding) same(other holding) bool {
	if h.host == "" { // a Media Relay that was told by its addresses alone
		return other.host == "" && slices.Equal(h.addresses, other.addresses)
	}
	return h.host == other.host && h.port == other.port && h.transport == other.transport
}

func (r Record) holdings() []holding {
	var list []holding
	add := func(h holding) {
		if i := slices.IndexFunc(list, h.same); i < 0 {
			h.addresses = slices.Clone(h.addresses)
			list = append(list, h)
		} else {
			list[i].addresses = append(list[i].addresses, h.addresses...)
		}
	}
	for i, e := range append([]Endpoint{r.Registrar}, r.Home...) {
		kind := FlushedHome
		if i == 0 {
			kind = FlushedRegistrar
		}
		add(holding{kind, e.Host, e.Port, e.Transport, append(slices.Clone(e.Addresses), e.Address)})
	}
	for _, m := range r.MediaRelays {
		add(holding{kind: FlushedRelay, host: m.Host, addresses: m.Addresses})
	}
	for i := range list {
		list[i].addresses = slices.DeleteFunc(list[i].addresses, func(a netip.Addr) bool { return !a.IsValid() })
		slices.SortFunc(list[i].addresses, netip.Addr.Compare)
		list[i].addresses = slices.Compact(list[i].addresses)
	}
	return list
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
