package provisioning

import (
	"fmt"
	"net/netip"
	"slices"
	"sort"

	"homeward/cache"
	"homeward/internal/place"
)

// Registrar is a Candidate as status shows it. used is the address in use, if one is.
func (c *Candidate) Registrar(used netip.Addr) Registrar {
	return Registrar{Endpoint: c.Endpoint, Address: used, Addresses: c.Addrs, Step: &c.Step, Via: c.Via}
}

// Kept is a Registrar as a record keeps it.
func (r *Registrar) Kept() cache.Registrar {
	kept := cache.Registrar{
		Host: r.Host, Port: r.Port, Transport: r.Transport.String(), Address: r.Address, Via: r.Via, Role: r.Role,
		Addresses: sorted(r.Addresses),
	}
	if r.Step != nil {
		kept.Step = r.Step.String()
	}
	return kept
}

// sorted are addresses in one order: name servers rotate them, and that alone is nothing to write down.
func sorted(addrs []netip.Addr) []netip.Addr {
	all := slices.Clone(addrs)
	sort.SliceStable(all, func(i, j int) bool { return all[i].Less(all[j]) })
	return all
}

// RegistrarOf reads a Registrar from a record, which is a file that others can edit, or that another version has written.
// The error says why it cannot be used. A step that this version does not know is left out: nothing depends on it.
func RegistrarOf(e *cache.Registrar) (Registrar, error) {
	host, err := place.Host(e.Host)
	if err != nil {
		return Registrar{}, fmt.Errorf("the record: %w", err)
	}
	r := Registrar{Endpoint: Endpoint{Host: host, Port: e.Port}, Address: e.Address, Addresses: e.Addresses, Via: e.Via, Role: e.Role}
	if e.Port == 0 {
		return Registrar{}, fmt.Errorf("the record: %s has no port", host)
	}
	if err := r.Transport.UnmarshalText([]byte(e.Transport)); err != nil {
		return Registrar{}, fmt.Errorf("the record: transport of %s: %w", host, err)
	}
	if step := new(Step); step.UnmarshalText([]byte(e.Step)) == nil {
		r.Step = step
	}
	return r, nil
}

// Recalled is a Registrar of a record as a Candidate of a step, at the addresses it has now.
func (r *Registrar) Recalled(step Step, addrs []netip.Addr) Candidate {
	via := "last good"
	if step == Recall {
		via = "told by a Registrar"
	}
	return Candidate{Step: step, Endpoint: r.Endpoint, Addrs: addrs, Via: via}
}

// remembered are the Registrars of a record as it lists them: those that can be used, and skips of the others.
func remembered(step Step, listed []cache.Registrar) (usable []Registrar, skipped []Skip) {
	for i := range listed {
		e := &listed[i]
		r, err := RegistrarOf(e)
		if err != nil {
			skipped = append(skipped, Skip{Step: step, Endpoint: Endpoint{Host: e.Host, Port: e.Port}, Reason: CacheDamaged, Detail: err.Error()})
			continue
		}
		usable = append(usable, r)
	}
	return usable, skipped
}

// RegistrarsOf are all Registrars of a record that can be used: the one of the last registration first, then the home pair.
func RegistrarsOf(record *cache.Record) []Registrar {
	usable, _ := remembered(LastGood, append([]cache.Registrar{record.Registrar}, record.Home...))
	return usable
}

// PairOf returns the home pair of a record, as far as it can be used: primary first, then backup.
func PairOf(record *cache.Record) []Registrar {
	pair, _ := remembered(Recall, record.Home)
	return pair
}

// HomeOf returns the home pair of a record as status shows it.
func HomeOf(record cache.Record) []Registrar {
	var home []Registrar
	for _, r := range PairOf(&record) {
		home = append(home, Registrar{Endpoint: r.Endpoint, Role: r.Role, Addresses: r.Addresses})
	}
	return home
}

// Kept is a media relay as a record keeps it. Whether it answered is of today.
func (r MediaRelay) Kept() cache.Relay {
	return cache.Relay{Host: r.Host, Addresses: sorted(r.Addresses), UDPPort: r.UDPPort, TCPPort: r.TCPPort, Location: r.Location}
}

// MediaRelayOf reads a media relay from a record.
func MediaRelayOf(r cache.Relay) MediaRelay {
	return MediaRelay{Host: r.Host, Addresses: r.Addresses, UDPPort: r.UDPPort, TCPPort: r.TCPPort, Location: r.Location}
}
