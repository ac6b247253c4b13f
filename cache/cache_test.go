package cache

import (
	"bytes"
	stdcmp "cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// record returns the n-th of a row of different records. Their sizes differ too, so that the database
// holds them in one page, in several, and inside the page of the bucket.
func record(n int) Record {
	r := Record{
		SIPAddress: "sip:phone1@contoso.com",
		Registrar: Registrar{Host: fmt.Sprintf("fe%02d.contoso.com", n), Port: 5061, Transport: "tls",
			Address: netip.MustParseAddr("10.0.0.5"), Step: "internal-tls", Via: "SRV _sipinternaltls._tcp.contoso.com", Role: "primary"},
		TLSFloor:     true,
		RegisteredAt: noon.Add(time.Duration(n) * time.Minute),
		EndpointID:   "a1b2c3d4",
	}
	for i := range n * 7 % maxEntries {
		r.Registrar.Addresses = append(r.Registrar.Addresses, netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}))
		r.MediaRelays = append(r.MediaRelays, Relay{Host: fmt.Sprintf("edge%02d.contoso.com", i),
			Addresses: []netip.Addr{netip.MustParseAddr("2001:db8::1")}, UDPPort: 3478, TCPPort: 443, Location: "intranet"})
	}
	return r
}

// committed returns record n as Load gives it back.
func committed(n int) Record {
	r := record(n)
	r.Generation = uint64(n)
	return r
}

// deviceAfter returns a directory in which records 1 to n were committed.
func deviceAfter(t testing.TB, n int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	db := Open(dir)
	for i := range n {
		if changed, err := db.Commit(record(i + 1)); !changed || err != nil {
			t.Fatalf("commit %d: changed %v, error %v", i+1, changed, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if notes := db.Notes(); len(notes) > 0 {
		t.Fatalf("notes on a healthy device: %v", notes)
	}
	return dir
}

func files(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func mustRead(t testing.TB, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustWrite(t testing.TB, dir, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// diff compares what a record says of today. What was flushed depends on the way that led to it: see
// flushed_test.go.
func diff(want, got any) string {
	return cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Record{}, "Flushed"))
}

func load(db *DB) Record { r, _ := db.Load(); return r }

func TestFirstStartOfADevice(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state") // Open makes it
	db := Open(dir)
	if r, ok := db.Load(); ok || diff(Record{}, r) != "" {
		t.Errorf("Load = %+v, %v", r, ok)
	}
	if d := diff([]string{"homeward.db"}, files(t, dir)); d != "" {
		t.Error(d)
	}
	if _, err := db.Commit(record(1)); err != nil {
		t.Error(err)
	}
	if d := diff([]string{"homeward.db", "last-good.json"}, files(t, dir)); d != "" {
		t.Error(d)
	}
	if d := diff([]Note{}, db.Notes()); d != "" {
		t.Error(d)
	}
	if d := diff(committed(1), load(Open(dir))); d != "" {
		t.Error(d)
	}
	for name, want := range map[string]fs.FileMode{"homeward.db": 0o600, "last-good.json": 0o640} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != want {
			t.Errorf("%s: mode %v, want %v (%v)", name, info.Mode(), want, err)
		}
	}
}

func TestSecondCopyIsWhatTechsRead(t *testing.T) {
	dir := t.TempDir()
	db := Open(dir)
	r := record(7)
	r.Registrar.Addresses, r.MediaRelays = r.Registrar.Addresses[:1], r.MediaRelays[:1]
	r.Home = []Registrar{{Host: "pool02.contoso.com", Port: 5061, Transport: "tls", Role: "backup"}}
	if _, err := db.Commit(r); err != nil {
		t.Fatal(err)
	}
	got, _, _ := strings.Cut(string(mustRead(t, dir, "last-good.json")), `sha256:`)
	want := `{
  "version": 1,
  "sip_address": "sip:phone1@contoso.com",
  "registrar": {
    "host": "fe07.contoso.com",
    "port": 5061,
    "transport": "tls",
    "address": "10.0.0.5",
    "step": "internal-tls",
    "via": "SRV _sipinternaltls._tcp.contoso.com",
    "role": "primary",
    "addresses": [
      "10.0.0.1"
    ]
  },
  "home": [
    {
      "host": "pool02.contoso.com",
      "port": 5061,
      "transport": "tls",
      "role": "backup"
    }
  ],
  "media_relays": [
    {
      "host": "edge00.contoso.com",
      "addresses": [
        "2001:db8::1"
      ],
      "udp_port": 3478,
      "tcp_port": 443,
      "location": "intranet"
    }
  ],
  "tls_floor": true,
  "registered_at": "2026-11-20T12:07:00Z",
  "generation": 1,
  "endpoint_id": "a1b2c3d4",
  "checksum": "`
	if d := diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestCommitWritesOnlyNews(t *testing.T) {
	later := func(d time.Duration) func(*Record) {
		return func(r *Record) { r.RegisteredAt = r.RegisteredAt.Add(d) }
	}
	for _, tt := range []struct {
		name   string
		change func(*Record)
		want   bool
	}{
		{"the same record", func(*Record) {}, false},
		{"registered an hour later", later(time.Hour), false},
		{"registered a day later: the time is refreshed", later(24 * time.Hour), true},
		{"registered before the record, by a clock that starts in 1970", later(-50 * 365 * 24 * time.Hour), false},
		{"no endpoint id given: the known one stays", func(r *Record) { r.EndpointID = "" }, false},
		{"a generation given: it is ours to count", func(r *Record) { r.Generation = 99 }, false},
		{"no list instead of an empty one", func(r *Record) { r.Home = []Registrar{} }, false},
		{"one more address", func(r *Record) { r.Registrar.Addresses = append(r.Registrar.Addresses, r.Registrar.Address) }, true},
		{"another Media Relay", func(r *Record) { r.MediaRelays = r.MediaRelays[1:] }, true},
		{"told by a Registrar", func(r *Record) { r.Told = true }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := deviceAfter(t, 1)
			before := [][]byte{mustRead(t, dir, "homeward.db"), mustRead(t, dir, "last-good.json")}
			db := Open(dir)
			r := record(1)
			tt.change(&r)
			changed, err := db.Commit(r)
			if changed != tt.want || err != nil {
				t.Errorf("Commit = %v, %v, want %v", changed, err, tt.want)
			}
			after := [][]byte{mustRead(t, dir, "homeward.db"), mustRead(t, dir, "last-good.json")}
			if written := !slices.EqualFunc(before, after, bytes.Equal); written != tt.want {
				t.Errorf("written: %v, want %v", written, tt.want)
			}
			r.Generation, r.EndpointID = 1, "a1b2c3d4"
			if tt.want {
				r.Generation = 2
			}
			if d := diff(r, load(db)); d != "" {
				t.Errorf("memory: %s", d)
			}
			if d := diff([]Note{}, db.Notes()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestRecordsShareNoMemory(t *testing.T) {
	db := Open(t.TempDir())
	r := record(1)
	if _, err := db.Commit(r); err != nil {
		t.Fatal(err)
	}
	r.MediaRelays[0].Addresses[0] = netip.MustParseAddr("10.9.9.9")
	load(db).Registrar.Addresses[0] = netip.MustParseAddr("10.9.9.9")
	if d := diff(committed(1), load(db)); d != "" {
		t.Error(d)
	}
}

func TestCommitLeavesOutWhatALaterStartWouldRefuse(t *testing.T) {
	dir := t.TempDir()
	db := Open(dir)
	r := record(1)
	r.Home = []Registrar{{Host: "pool01.contoso.com", Port: 0, Transport: "tls"}, {Host: "pool02.contoso.com", Port: 5061, Transport: "tls"}}
	r.MediaRelays = append([]Relay{{Host: "edge_1.contoso.com"}}, r.MediaRelays...)
	if _, err := db.Commit(r); err != nil {
		t.Fatal(err)
	}
	want := committed(1)
	want.Home = r.Home[1:]
	if d := diff(want, load(Open(dir))); d != "" {
		t.Error(d)
	}
	notes := []Note{
		{Code: "cache-write", Text: "left out of the record: home: pool01.contoso.com has port 0"},
		{Code: "cache-write", Text: `left out of the record: media relay: host "edge_1.contoso.com"`},
	}
	if d := diff(notes, db.Notes()); d != "" {
		t.Error(d)
	}
}

func TestCommitRefusesNonsense(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Record)
		want   string
	}{
		{"no Registrar", func(r *Record) { r.Registrar = Registrar{} }, "commit: the record names no Registrar"},
		{"no SIP address", func(r *Record) { r.SIPAddress = "" }, `commit: SIP address ""`},
		{"a transport that is none of ours", func(r *Record) { r.Registrar.Transport = "udp" }, `commit: registrar: transport "udp" of fe01.contoso.com`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := deviceAfter(t, 1)
			db := Open(dir)
			r := record(1)
			tt.change(&r)
			changed, err := db.Commit(r)
			if changed || err == nil || err.Error() != tt.want || errors.As(err, new(Note)) {
				t.Errorf("Commit = %v, %v, want %s", changed, err, tt.want)
			}
			if d := diff(committed(1), load(db)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestForgetKeepsOnlyTheEndpointID(t *testing.T) {
	dir := deviceAfter(t, 3)
	db := Open(dir)
	if err := db.Forget(); err != nil {
		t.Fatal(err)
	}
	want := Record{EndpointID: "a1b2c3d4", Generation: 4}
	for name, d := range map[string]*DB{"now": db, "after a start": Open(dir)} {
		if r, ok := d.Load(); ok || diff(want, r) != "" {
			t.Errorf("%s: Load = %+v, %v", name, r, ok)
		}
	}
	for _, name := range []string{"homeward.db", "last-good.json"} {
		if _, _, err := ReadFile(filepath.Join(dir, name)); !errors.Is(err, ErrNoRecord) {
			t.Errorf("%s: %v, want ErrNoRecord", name, err)
		}
	}
	r := record(5)
	r.EndpointID = ""
	if _, err := db.Commit(r); err != nil {
		t.Fatal(err)
	}
	want = committed(5)
	if d := diff(want, load(Open(dir))); d != "" {
		t.Error(d)
	}
}

func TestAHealthyStartWritesNothingAndLeavesNothing(t *testing.T) {
	dir := deviceAfter(t, 9)
	before := fingerprint(t, dir)
	synctest.Test(t, func(t *testing.T) { // a goroutine left behind fails the bubble
		db := Open(dir)
		if d := diff(committed(9), load(db)); d != "" {
			t.Error(d)
		}
		if _, err := db.Commit(record(9)); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if _, err := db.Commit(record(10)); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("commit after close: %v", err)
		}
	})
	if d := diff(before, fingerprint(t, dir)); d != "" {
		t.Error(d)
	}
}

// Who is in a hurry reads at once, and nothing is written before the time has come, or a Commit has.
func TestOpenAfter(t *testing.T) {
	for _, commits := range []bool{false, true} {
		dir := deviceAfter(t, 3)
		if err := os.Remove(filepath.Join(dir, "last-good.json")); err != nil {
			t.Fatal(err)
		}
		begin := make(chan struct{})
		db := OpenAfter(dir, begin)
		if d := diff(committed(3), load(db)); d != "" || len(db.Notes()) > 0 {
			t.Errorf("before it may write: (-want +got):\n%s\nnotes %v", d, db.Notes())
		}
		if before := files(t, dir); slices.Contains(before, "last-good.json") {
			t.Errorf("written before its time: %v", before)
		}
		want := committed(3)
		if commits {
			want = committed(4)
			if changed, err := db.Commit(record(4)); !changed || err != nil {
				t.Errorf("commit: changed %v, error %v", changed, err)
			}
			<-db.Settled()
		}
		close(begin)
		<-db.Settled()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		second, err := unseal(mustRead(t, dir, "last-good.json"))
		if d := diff(want, second); err != nil || d != "" {
			t.Errorf("commits %v: %v (-want +got):\n%s", commits, err, d)
		}
		if notes := db.Notes(); !commits && (len(notes) != 1 || !strings.Contains(notes[0].Text, "written again")) {
			t.Errorf("notes %v", notes)
		}
	}
}

// fingerprint tells any write to a directory: names, sizes, times and bytes.
func fingerprint(t *testing.T, dir string) map[string]string {
	t.Helper()
	prints := map[string]string{}
	for _, name := range files(t, dir) {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		prints[name] = fmt.Sprint(info.Size(), info.ModTime().UnixNano(), info.Mode())
		if info.Mode().IsRegular() && info.Size() < 1<<20 {
			prints[name] += string(mustRead(t, dir, name))
		}
	}
	return prints
}

func TestReadFileOnALaptop(t *testing.T) {
	dir := deviceAfter(t, 4)
	mustWrite(t, dir, "from-phone-17", mustRead(t, dir, "homeward.db"))
	mustWrite(t, dir, "mail-attachment", mustRead(t, dir, "last-good.json"))
	mustWrite(t, dir, "damaged", mustRead(t, dir, "homeward.db")[:5000])
	mustWrite(t, dir, "edited", bytes.Replace(mustRead(t, dir, "last-good.json"), []byte("fe04"), []byte("fe05"), 1))
	mustWrite(t, dir, "empty", nil)
	before := fingerprint(t, dir)
	for _, tt := range []struct{ name, source, err string }{
		{"homeward.db", "database", ""},
		{"last-good.json", "last-good.json", ""},
		{"from-phone-17", "database", ""},
		{"mail-attachment", "last-good.json", ""},
		{"damaged", "", "file size too small 5000"},
		{"edited", "", "the checksum of the record does not match"},
		{"empty", "", "it is empty"},
		{".", "", "it is not a regular file"},
		{"absent", "", "no such file or directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(dir, tt.name)
			want := committed(4)
			if tt.err != "" {
				want, tt.err = Record{}, "read "+path+": "+tt.err
			}
			r, source, err := ReadFile(path)
			if source != tt.source || fmt.Sprint(err) != stdcmp.Or(tt.err, "<nil>") {
				t.Errorf("source %q, error %v", source, err)
			}
			if d := diff(want, r); d != "" {
				t.Error(d)
			}
		})
	}
	if d := diff(before, fingerprint(t, dir)); d != "" {
		t.Error(d)
	}
}

// A device is known by its EndpointID before it has a record, and stays what it is.
func TestIntroduce(t *testing.T) {
	dir := t.TempDir()
	db := Open(dir)
	for _, id := range []string{"a1b2c3d4e5", "ffffffffff"} {
		if err := db.Introduce(id); err != nil {
			t.Fatal(err)
		}
	}
	for name, d := range map[string]*DB{"now": db, "after a start": Open(dir)} {
		if r, ok := d.Load(); ok || r.EndpointID != "a1b2c3d4e5" {
			t.Errorf("%s: Load = %+v, %v", name, r, ok)
		}
	}
	known := deviceAfter(t, 3)
	if err := Open(known).Introduce("ffffffffff"); err != nil {
		t.Fatal(err)
	}
	if d := diff(committed(3), load(Open(known))); d != "" {
		t.Error(d)
	}
}
