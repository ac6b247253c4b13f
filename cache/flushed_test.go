package cache

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func addrs(texts ...string) (list []netip.Addr) {
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}

// flushedDiff compares lists of Flushed.
func flushedDiff(want, got []Flushed) string {
	return cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty())
}

func TestFlush(t *testing.T) {
	before := Record{
		Registrar: Registrar{Host: "fe01.contoso.com", Port: 5061, Transport: "tls", Address: netip.MustParseAddr("10.0.0.5"), Addresses: addrs("10.0.0.5", "10.0.0.6")},
		Home: []Registrar{
			{Host: "pool01.contoso.com", Port: 5061, Transport: "tls", Addresses: addrs("10.0.0.7")},
			{Host: "fe01.contoso.com", Port: 5061, Transport: "tls", Addresses: addrs("10.0.0.5")},
		},
		MediaRelays: []Relay{{Host: "edge01.contoso.com", Addresses: addrs("10.0.9.1")}, {Addresses: addrs("10.0.9.2")}},
	}
	at := noon.Add(time.Hour)
	earlier := Flushed{At: noon, Kind: FlushedHome, Host: "old.contoso.com", Port: 5061}
	for _, tt := range []struct {
		name   string
		change func(before, after *Record)
		want   []Flushed
	}{
		{"nothing", func(_, _ *Record) {}, nil},
		{"an address more", func(_, after *Record) {
			after.Registrar.Addresses = append(after.Registrar.Addresses, addrs("10.0.0.8")...)
		}, nil},
		{"the order of addresses", func(_, after *Record) { slices.Reverse(after.Registrar.Addresses) }, nil},
		{"an address that the home pair has still", func(_, after *Record) {
			after.Home[1].Addresses, after.Registrar.Addresses = addrs("10.0.0.6"), addrs("10.0.0.5")
		}, nil},
		{"an address", func(_, after *Record) { after.Registrar.Addresses = addrs("10.0.0.5") },
			[]Flushed{{At: at, Kind: FlushedAddress, Host: "fe01.contoso.com", Port: 5061, Addresses: addrs("10.0.0.6")}}},
		{"the Registrar becomes home", func(_, after *Record) { after.Registrar, after.Home[0] = after.Home[0], after.Registrar }, nil},
		{"a Registrar with its addresses", func(_, after *Record) { after.Registrar, after.Home = after.Home[0], after.Home[:1] },
			[]Flushed{{At: at, Kind: FlushedRegistrar, Host: "fe01.contoso.com", Port: 5061, Addresses: addrs("10.0.0.5", "10.0.0.6")}}},
		{"a home entry", func(_, after *Record) { after.Home = after.Home[1:] },
			[]Flushed{{At: at, Kind: FlushedHome, Host: "pool01.contoso.com", Port: 5061, Addresses: addrs("10.0.0.7")}}},
		{"another port is another Registrar", func(_, after *Record) { after.Home[0].Port = 443 },
			[]Flushed{{At: at, Kind: FlushedHome, Host: "pool01.contoso.com", Port: 5061, Addresses: addrs("10.0.0.7")}}},
		{"Media Relays", func(_, after *Record) { after.MediaRelays = nil }, []Flushed{
			{At: at, Kind: FlushedRelay, Host: "edge01.contoso.com", Addresses: addrs("10.0.9.1")}, {At: at, Kind: FlushedRelay, Addresses: addrs("10.0.9.2")},
		}},
		{"a Media Relay has moved", func(_, after *Record) { after.MediaRelays[0].Addresses = addrs("10.0.9.3") },
			[]Flushed{{At: at, Kind: FlushedAddress, Host: "edge01.contoso.com", Addresses: addrs("10.0.9.1")}}},
		{"what was flushed earlier comes after it", func(before, after *Record) {
			before.Flushed, after.MediaRelays = []Flushed{earlier}, after.MediaRelays[1:]
		},
			[]Flushed{{At: at, Kind: FlushedRelay, Host: "edge01.contoso.com", Addresses: addrs("10.0.9.1")}, earlier}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, after := before.clone(), before.clone()
			after.RegisteredAt = at
			tt.change(&before, &after)
			as := fmt.Sprint(before, after)
			if d := flushedDiff(tt.want, flush(before, after)); d != "" {
				t.Error(d)
			}
			if fmt.Sprint(before, after) != as {
				t.Error("the records were changed")
			}
		})
	}
}

// What was flushed is in both copies, survives restarts, is bounded, and is no news by itself.
func TestCommitRemembersWhatItDropped(t *testing.T) {
	dir := t.TempDir()
	db := Open(dir)
	var want []Flushed
	for i := range 12 {
		r := Record{SIPAddress: "sip:phone1@contoso.com", RegisteredAt: noon.Add(time.Duration(i) * time.Hour), EndpointID: "a1b2c3d4",
			Registrar: Registrar{Host: fmt.Sprintf("fe%02d.contoso.com", i), Port: 5061, Transport: "tls", Addresses: addrs("10.0.0.5")}}
		if i > 0 {
			f := Flushed{At: r.RegisteredAt, Kind: FlushedRegistrar, Host: fmt.Sprintf("fe%02d.contoso.com", i-1), Port: 5061, Addresses: addrs("10.0.0.5")}
			want = append([]Flushed{f}, want...)
		}
		for _, again := range []bool{false, true} {
			if changed, err := db.Commit(r); changed == again || err != nil {
				t.Fatalf("commit %d: changed %v, error %v", i, changed, err)
			}
		}
		r.RegisteredAt = r.RegisteredAt.Add(refreshTime) // the time alone flushes nothing
		if _, err := db.Commit(r); err != nil {
			t.Fatal(err)
		}
	}
	want = want[:maxFlushed]
	before := fingerprint(t, dir)
	again := Open(dir)
	for name, r := range map[string]Record{"memory": load(db), "disk": load(again)} {
		if d := flushedDiff(want, r.Flushed); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if changed, err := again.Commit(load(again)); changed || err != nil {
		t.Errorf("what was loaded is news: changed %v, error %v", changed, err)
	}
	if d := diff(before, fingerprint(t, dir)); d != "" {
		t.Error(d)
	}
	if err := again.Forget(); err != nil {
		t.Fatal(err)
	}
	if r := load(Open(dir)); len(r.Flushed) > 0 {
		t.Errorf("forgotten, and %v is left", r.Flushed)
	}
}

// A record from before Flushed existed is read, and goes on with it.
func TestARecordWithoutFlushedIsReadAndGoesOn(t *testing.T) {
	dir := deviceAfter(t, 1)
	if text := string(mustRead(t, dir, "last-good.json")); strings.Contains(text, "flushed") {
		t.Fatalf("the first record of a device has flushed something: %s", text)
	}
	db := Open(dir)
	if _, err := db.Commit(record(2)); err != nil {
		t.Fatal(err)
	}
	if f := load(Open(dir)).Flushed; len(f) == 0 || f[0].Host != "fe01.contoso.com" {
		t.Errorf("flushed %v", f)
	}
}

func TestCheckOfFlushed(t *testing.T) {
	for _, tt := range []struct {
		name    string
		flushed []Flushed
		want    string
	}{
		{"nothing", nil, "<nil>"},
		{"a Registrar", []Flushed{{At: noon, Kind: FlushedRegistrar, Host: "fe01.contoso.com", Port: 5061, Addresses: addrs("10.0.0.5")}}, "<nil>"},
		{"of a later version", []Flushed{{Kind: "colour"}}, "<nil>"},
		{"no host name", []Flushed{{Host: "fe01 contoso"}}, `flushed: host "fe01 contoso"`},
		{"an address for everybody", []Flushed{{Addresses: addrs("224.0.0.1")}}, "flushed: address 224.0.0.1"},
		{"text that steers the terminal", []Flushed{{Kind: "\x1b[2J"}}, `flushed: kind "\x1b[2J"`},
		{"too many", make([]Flushed, maxFlushed+1), "more than 8 entries of what was flushed"},
		{"a year that JSON has not", []Flushed{{At: noon.AddDate(10000, 0, 0)}}, "flushed: in the year 12026"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := record(1)
			r.Flushed = tt.flushed
			if got := fmt.Sprint(r.check()); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
