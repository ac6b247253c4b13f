package cache

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// What the bits of how mean in FuzzOpenDamaged.
const (
	asDatabase     = 1 << iota // the bytes are homeward.db, not last-good.json
	asPatch                    // they are written over a sound file
	rightChecksums             // of the meta pages or of the record: what lies behind them is reached
)

// Run it with -fuzzminimizetime=1x: the inputs are large, and the fuzzer would do little but shorten them.
//
// Any bytes under either name: the start survives and says what it did, bbolt is shown only what it
// can write to, and the next commit and the next start are healthy.
func FuzzOpenDamaged(f *testing.F) {
	dir := deviceAfter(f, 3)
	db, second := mustRead(f, dir, "homeward.db"), mustRead(f, dir, "last-good.json")
	m := must(native.newestMeta(db))
	for _, page := range []uint64{0, 1, m.root, m.freelist} {
		f.Add(bytes.Clone(db[page*pageSize:][:96]), uint16(page*pageSize), byte(asDatabase|asPatch|rightChecksums))
	}
	for _, seed := range [][]byte{nil, {0}, db, db[:pageSize], second, second[:100], reseal(bytes.Clone(second), `"version": 1`, `"version": 2`)} {
		f.Add(seed, uint16(0), byte(asDatabase))
		f.Add(seed, uint16(0), byte(rightChecksums))
	}
	f.Add([]byte("fe99"), uint16(80), byte(asPatch|rightChecksums))
	f.Fuzz(func(t *testing.T, b []byte, at uint16, how byte) {
		dir, name, sound := t.TempDir(), "last-good.json", second
		if how&asDatabase != 0 {
			name, sound = "homeward.db", db
		}
		if how&asPatch != 0 {
			patch := b
			b = bytes.Clone(sound)
			copy(b[int(at)%len(b):], patch)
		}
		if i := bytes.LastIndex(b, []byte(checksumMember)); how&rightChecksums != 0 && how&asDatabase != 0 {
			b = resum(bytes.Clone(b))
		} else if how&rightChecksums != 0 && i >= 0 {
			b = append(b[:i:i], checksumLine(b[:i])...)
		}
		mustWrite(t, dir, name, b)
		store := Open(dir)
		before, ok := store.Load()
		if ok && before.check() != nil {
			t.Fatalf("loaded %+v", before)
		}
		if !ok && before.EndpointID == "" && before.Generation == 0 && len(store.Notes()) == 0 {
			t.Fatal("no record, and no word about it")
		}
		r := record(1)
		r.EndpointID = "" // the known one stays
		changed, err := store.Commit(r)
		if err != nil {
			var note Note
			if !errors.As(err, &note) || note.Code != "cache-too-new" {
				t.Fatal(err)
			}
			return
		}
		for _, n := range store.Notes() {
			if strings.Contains(n.Text, "panic") || n.Code != "cache-damaged" {
				t.Fatalf("bbolt was shown a file that it cannot use: %v", n)
			}
		}
		after := Open(dir)
		want := load(store)
		if d := diff(want, load(after)); d != "" || len(after.Notes()) > 0 || !changed && want.Generation != before.Generation {
			t.Fatalf("%s%v", d, after.Notes())
		}
	})
}

// What check accepts comes back from the disk as it was, and no change of the bytes goes unnoticed.
func FuzzRecord(f *testing.F) {
	f.Add("sip:phone1@contoso.com", "fe01.contoso.com", uint16(5061), "tls", "SRV _sipinternaltls._tcp.contoso.com", []byte{10, 0, 0, 5}, int64(1e9), uint64(7), uint(40))
	f.Add("sip:a@b.c", "10.0.0.5", uint16(5060), "tcp", "option 120", make([]byte, 16), int64(-1), uint64(1<<53), uint(0))
	f.Add("", "", uint16(0), "", "", []byte(nil), int64(0), uint64(0), uint(9))
	f.Fuzz(func(t *testing.T, sip, host string, port uint16, transport, text string, address []byte, at int64, generation uint64, flipped uint) {
		a, _ := netip.AddrFromSlice(address)
		r := Record{SIPAddress: sip, RegisteredAt: time.Unix(at%(1<<37), 0), Generation: generation, EndpointID: text, Told: port%2 == 0,
			Registrar:   Registrar{Host: host, Port: port, Transport: transport, Via: text, Address: a},
			Home:        []Registrar{{Host: host, Port: port, Transport: transport, Role: text, Addresses: []netip.Addr{a}}},
			MediaRelays: []Relay{{Host: host, Addresses: []netip.Addr{a, a}, UDPPort: port, Location: text}}}.clone()
		if r.empty() {
			r = Record{Generation: generation, EndpointID: text}
		}
		r.leaveOut()
		if r.check() != nil {
			return
		}
		sealed, err := seal(r)
		if err != nil {
			t.Fatal(err)
		}
		back, err := unseal(sealed)
		if d := diff(r, back); d != "" || err != nil {
			t.Fatal(err, d)
		}
		sealed[int(flipped%uint(len(sealed)))] ^= 1
		if _, err := unseal(sealed); err == nil {
			t.Fatalf("a flipped bit went unnoticed: %s", sealed)
		}
	})
}
