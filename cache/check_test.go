package cache

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestHost(t *testing.T) {
	for host, want := range map[string]bool{
		"fe01.contoso.com":                       true,
		"FE01.Contoso.COM":                       true,
		"registrar":                              true,
		"xn--mnchen-3ya.example":                 true,
		"1st.contoso.com":                        true,
		"10.0.0.5":                               true, // option 120 may give addresses
		"2001:db8::5":                            true,
		"127.0.0.1":                              true, // a Registrar on the device itself
		strings.Repeat("a", 63) + ".contoso.com": true,
		"":                                       false,
		".":                                      false,
		"fe01.contoso.com.":                      false,
		"fe_01.contoso.com":                      false,
		"-fe01.contoso.com":                      false,
		"fe01-.contoso.com":                      false,
		"fe01..contoso.com":                      false,
		"fe01.contoso.com\n":                     false,
		"fe01.contoso.com;reboot":                false,
		"10.0.0.5.":                              false, // an address in disguise
		"10.0.0.500":                             false,
		"0.0.0.0":                                false,
		"224.0.0.1":                              false,
		"255.255.255.255":                        false,
		"::ffff:255.255.255.255":                 false,
		"fe80::1%eth0":                           false, // eth0 may be another one tomorrow
		"münchen.example":                        false,
		strings.Repeat("a", 64) + ".contoso.com": false,
		strings.Repeat("abcdefg.", 32) + "com":   false,
	} {
		if got := (&Registrar{Host: host, Port: 1, Transport: "tls"}).check() == nil; got != want {
			t.Errorf("%q: %v, want %v", host, got, want)
		}
	}
}

func TestCheckSaysWhatMakesNoSense(t *testing.T) {
	bad := netip.MustParseAddr("0.0.0.0")
	for _, tt := range []struct {
		name   string
		change func(*Record)
		want   string
	}{
		{"another scheme", func(r *Record) { r.SIPAddress = "tel:+431234" }, `SIP address "tel:+431234"`},
		{"sips, which is not configured", func(r *Record) { r.SIPAddress = "sips:phone1@contoso.com" }, `SIP address "sips:phone1@contoso.com"`},
		{"no user", func(r *Record) { r.SIPAddress = "sip:@contoso.com" }, `SIP address "sip:@contoso.com"`},
		{"a domain that is no name", func(r *Record) { r.SIPAddress = "sip:a@b@c" }, `SIP address "sip:a@b@c"`},
		{"a line break in the SIP address", func(r *Record) { r.SIPAddress = "sip:a\r\nb@contoso.com" }, `SIP address "sip:a\r\nb@contoso.com"`},
		{"an escape sequence for the terminal", func(r *Record) { r.Registrar.Via = "\x1b[2J" }, "registrar: text about fe01.contoso.com"},
		{"a text of a novel", func(r *Record) { r.Registrar.Role = strings.Repeat("x", 257) }, "registrar: text about fe01.contoso.com"},
		{"bytes that are no text", func(r *Record) { r.EndpointID = "\xff" }, `endpoint id "\xff"`},
		{"an address that is none", func(r *Record) { r.Registrar.Address = bad }, "registrar: address 0.0.0.0 of fe01.contoso.com"},
		{"one of the addresses", func(r *Record) { r.Registrar.Addresses = []netip.Addr{bad} }, "registrar: address 0.0.0.0"},
		{"17 addresses", func(r *Record) { r.Registrar.Addresses = make([]netip.Addr, 17) }, "registrar: more than 16 addresses"},
		{"17 relays", func(r *Record) { r.MediaRelays = make([]Relay, 17) }, "more than 16 entries"},
		{"a relay of nothing", func(r *Record) { r.MediaRelays = make([]Relay, 1) }, "media relay: it has neither name nor address"},
		{"a home on UDP", func(r *Record) { r.Home = []Registrar{{Host: "a", Port: 1, Transport: "udp"}} }, `home: transport "udp" of a`},
		{"the year 12026", func(r *Record) { r.RegisteredAt = noon.AddDate(10000, 0, 0) }, "registered in the year 12026"},
		{"an escape sequence in the last place inside", func(r *Record) { r.Inside = &Inside{Host: "\x1b[2J"} }, "text about the network"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := record(1)
			tt.change(&r)
			if err := r.check(); err == nil || err.Error() != tt.want {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

// What is still the year 9999 west of Greenwich is read, and cannot be written: by UTC it is the year 10000.
func TestMend178ByUTC(t *testing.T) {
	west := time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("west", -2*60*60))
	for name, change := range map[string]func(*Record){
		"the registration":      func(r *Record) { r.RegisteredAt = west },
		"the last place inside": func(r *Record) { r.Inside = &Inside{At: west} },
	} {
		r := record(1)
		change(&r)
		if err := r.check(); err == nil || err.Error() != "registered in the year 10000" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every record that is accepted can be read again.
func TestTheLongestRecordFits(t *testing.T) {
	host, text := strings.Repeat(strings.Repeat("a", 62)+".", 4)[:250], strings.Repeat("<", maxText) // JSON makes six bytes of each
	list := slices.Repeat(addrs("2001:db8:1111:2222:3333:4444:5555:6666"), maxEntries)
	e := Registrar{Host: host, Port: 65535, Transport: "tls", Address: list[0], Step: text, Via: text, Role: text, Addresses: list}
	r := Record{SIPAddress: "sip:a@" + host, Registrar: e, RegisteredAt: noon, EndpointID: text, Generation: maxGeneration}
	r.Home = slices.Repeat([]Registrar{e}, maxEntries)
	r.MediaRelays = slices.Repeat([]Relay{{Host: host, Addresses: list, UDPPort: 65535, TCPPort: 65535, Location: text}}, maxEntries)
	r.Flushed = slices.Repeat([]Flushed{{At: noon, Kind: text, Host: host, Port: 65535, Addresses: list}}, maxFlushed)
	r.Scheme, r.Network, r.Inside = text, &Network{Step: text}, &Inside{Network: Network{Step: text}, Host: text, At: noon}
	r.Vouched = Vouched{Hosts: slices.Repeat([]string{host}, maxEntries+1), Under: text, Seal: text}
	sealed, err := seal(r)
	if err != nil || r.check() != nil || len(sealed) > maxSecondCopy {
		t.Errorf("%d bytes, want at most %d; %v, %v", len(sealed), maxSecondCopy, err, r.check())
	}
}
