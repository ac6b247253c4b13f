package cache

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"time"
)

// Record is what the latest successful registration left behind. Its JSON form is the object that
// `homeward cache show --json` prints and last-good.json holds; what is unknown is absent there.
type Record struct {
	SIPAddress  string      `json:"sip_address,omitempty"` // "sip:phone1@contoso.com": the record is worth nothing for another one
	Registrar   Registrar   `json:"registrar,omitzero"`    // the one that answered 200 OK
	Home        []Registrar `json:"home,omitempty"`        // primary first, then backup; at most 16
	MediaRelays []Relay     `json:"media_relays,omitempty"`
	// TLSFloor says that this SIP domain has registered over TLS. Forget takes it away with the record.
	TLSFloor bool `json:"tls_floor,omitempty"`
	// Told says that a Registrar named Home, by redirect or in-band provisioning: Home is the recall list.
	Told bool `json:"told,omitempty"`
	// Vouched are those of Registrar and Home that lie outside the name rule and are trusted all the same.
	Vouched Vouched `json:"vouched,omitzero"`
	Scheme  string  `json:"scheme,omitempty"` // how it signed in: "tls-dsk", "ntlm", "digest"; "": not asked for, or not known
	User    string  `json:"user,omitempty"`   // the login name that it signed in with by password; "": it was no password, or that is not known
	Issuer  string  `json:"issuer,omitempty"` // who had issued the certificate of Registrar; "": it was plain TCP, or that is not known
	// PasswordChanged is when the file of the password was changed last that signed in. Zero: it was no password, or that is not known.
	PasswordChanged time.Time `json:"password_changed,omitzero"`
	RegisteredAt    time.Time `json:"registered_at,omitzero"` // by a clock that may have been wrong; UTC, whole seconds
	Generation      uint64    `json:"generation"`             // set by Commit: one more for each change
	EndpointID      string    `json:"endpoint_id,omitempty"`  // the epid parameter, the same for the life of the device
	Network         *Network  `json:"network,omitempty"`      // where the device was then, and what had led it there
	Inside          *Inside   `json:"inside,omitempty"`       // where it was registered last by a source inside the site, if the step in network is no such source
	Flushed         []Flushed `json:"flushed,omitempty"`      // set by Commit: what it and those before it dropped, newest first, at most 8
}

// Registrar is a Registrar that was used or named, and every address its name had.
type Registrar struct {
	Host      string       `json:"host"`      // the name the certificate must prove; an IP address if there never was a name
	Port      uint16       `json:"port"`      // never 0
	Transport string       `json:"transport"` // "tls" or "tcp"
	Address   netip.Addr   `json:"address,omitzero"`
	Step      string       `json:"step,omitempty"`
	Via       string       `json:"via,omitempty"`
	Role      string       `json:"role,omitempty"`      // "primary", "backup"
	Addresses []netip.Addr `json:"addresses,omitempty"` // at most 16
}

// Relay is a Media Relay; it has a name, addresses, or both.
type Relay struct {
	Host      string       `json:"host,omitempty"`
	Addresses []netip.Addr `json:"addresses,omitempty"`
	UDPPort   uint16       `json:"udp_port,omitempty"` // 0: not offered
	TCPPort   uint16       `json:"tcp_port,omitempty"`
	Location  string       `json:"location,omitempty"` // "intranet", "internet"
}

// Network is where a device was on the network, and how discovery had led it to a Registrar. What is not known is empty. It is
// replaced, and never changed, since copies share it.
type Network struct {
	Subnet      string `json:"subnet,omitempty"`       // "10.0.0.0/24": that of the gateway
	Gateway     string `json:"gateway,omitempty"`      // "10.0.0.1": that of the default route
	NameServers string `json:"name_servers,omitempty"` // "10.0.0.53:53, 10.0.0.54:53", sorted
	DHCPServer  string `json:"dhcp_server,omitempty"`  // "10.0.0.67": that which had given it its address
	Step        string `json:"step,omitempty"`         // "internal-tls": by which discovery had led to the Registrar, or to who named it
}

// Inside is the last registration to which a source inside the site had led: only to tell what has changed since. It is replaced, and never
// changed.
type Inside struct {
	Network
	Host string    `json:"host"` // of the Registrar
	At   time.Time `json:"at"`   // UTC, whole seconds
}

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
	Kind      string       `json:"kind"`        // "registrar", "home", "media-relay", "address"
	Host      string       `json:"host,omitempty"`
	Port      uint16       `json:"port,omitempty"` // of a Registrar
	Addresses []netip.Addr `json:"addresses,omitempty"`
}

// Vouched are Registrars of a record whose names the name rule would not take from DNS or DHCP, and which Registrars that
// had proven their own names have given. A record is a file, and files can be made elsewhere: this part of it is worth
// something only on the device that wrote it, and a device drops what it has not sealed itself.
type Vouched struct {
	Hosts []string `json:"hosts"`          // at most 17: the Registrar and Home
	Under string   `json:"under"`          // the name rule that was in force: "suffix" or "strict"
	Seal  string   `json:"seal,omitempty"` // set by Commit: HMAC-SHA256 in hexadecimal digits, by the key in record.key
}

func (v Vouched) empty() bool { return len(v.Hosts) == 0 }

// Our choices.
const (
	maxEntries    = 16      // of each list: the number of addresses and targets that discovery keeps
	maxText       = 256     // bytes of a text that came from the network
	maxGeneration = 1 << 53 // beyond it JSON numbers lose their last digit; a device commits a few times a day
)

// next is the generation after one. The last there is stays the last: the database, which is written first, counts among
// equals.
func next(generation uint64) uint64 { return min(generation+1, maxGeneration) }

// empty says that the record names no Registrar: the device has never registered, or was told to forget.
func (r *Record) empty() bool { return r.Registrar.Host == "" }

// clone returns a record that shares no memory with r, in the form that a round trip through the
// disk would give it: lists cut to their limit, time in UTC and whole seconds.
func (r Record) clone() Record {
	r.RegisteredAt = r.RegisteredAt.UTC().Truncate(time.Second)
	r.PasswordChanged = r.PasswordChanged.UTC().Truncate(time.Second)
	r.Registrar.Addresses = cut(r.Registrar.Addresses)
	r.Home = cut(r.Home)
	for i := range r.Home {
		r.Home[i].Addresses = cut(r.Home[i].Addresses)
	}
	r.MediaRelays = cut(r.MediaRelays)
	for i := range r.MediaRelays {
		r.MediaRelays[i].Addresses = cut(r.MediaRelays[i].Addresses)
	}
	r.Vouched.Hosts = append([]string(nil), r.Vouched.Hosts...)
	r.Flushed = cut(r.Flushed[:min(len(r.Flushed), maxFlushed)])
	for i := range r.Flushed {
		r.Flushed[i].Addresses = cut(r.Flushed[i].Addresses)
	}
	return r
}

func cut[T any](list []T) []T {
	return append([]T(nil), list[:min(len(list), maxEntries)]...)
}

// sameMeaning compares everything but the generation, the time of registration and the seal.
func sameMeaning(a, b Record) bool {
	a.Generation, b.Generation = 0, 0
	a.RegisteredAt, b.RegisteredAt = time.Time{}, time.Time{}
	a.Vouched.Seal, b.Vouched.Seal = "", ""
	left, errLeft := json.Marshal(a)
	right, errRight := json.Marshal(b)
	return errLeft == nil && errRight == nil && bytes.Equal(left, right)
}
