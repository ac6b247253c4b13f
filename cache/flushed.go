package cache

import (
	"net/netip"
	"slices"
	"sort"
)

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
	return append(dropped, before.Flushed...)
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

func (r *Record) holdings() []holding {
	var list []holding
	add := func(h holding) {
		if i := slices.IndexFunc(list, h.same); i < 0 {
			h.addresses = slices.Clone(h.addresses)
			list = append(list, h)
		} else {
			list[i].addresses = append(list[i].addresses, h.addresses...)
		}
	}
	for i, e := range append([]Registrar{r.Registrar}, r.Home...) {
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
		addrs := slices.DeleteFunc(list[i].addresses, func(a netip.Addr) bool { return !a.IsValid() })
		sort.SliceStable(addrs, func(i, j int) bool { return addrs[i].Less(addrs[j]) })
		list[i].addresses = slices.Compact(addrs)
	}
	return list
}
