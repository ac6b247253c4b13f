package agent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"homeward/cache"
	"homeward/internal/sitetest"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// An agent that hangs is not alive: here in telling what happens. That one which works is always heard of in time, every
// scenario asks.
func TestAliveWhenHung(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		silent := wire.Wire{Resolvers: func() ([]netip.AddrPort, error) { return nil, nil }}
		agent := New(provisioning.Policy{SIPAddress: provisioning.SIPAddress{User: "phone1", Domain: "contoso.com"}}, silent, cache.Open(dir), func(*provisioning.Event) { <-release })
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); agent.Run(ctx) }()
		synctest.Wait() // it tells that it recalls, and is stuck
		limited, cancel := context.WithTimeout(ctx, 40*time.Second)
		defer cancel()
		if err := agent.Alive(limited); err == nil {
			t.Error("it is alive")
		}
		stop()
		close(release)
		<-ended
	})
}

// What the store finds out after a start is told as well, and once.
func TestNotesOfTheStore(t *testing.T) {
	dir := t.TempDir()
	db := cache.Open(dir)
	if _, err := db.Commit(cache.Record{SIPAddress: "sip:phone1@contoso.com", Registrar: cache.Registrar{Host: "fe01.contoso.com", Port: 5061, Transport: "tls", Step: "internal-tls", Via: "SRV"}}); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if err := os.WriteFile(filepath.Join(dir, "homeward.db"), append([]byte("x"), make([]byte, 100)...), 0o600); err != nil {
		t.Fatal(err)
	}
	begin, notes := make(chan struct{}), make(chan provisioning.Event, 10)
	store := cache.OpenAfter(dir, begin)
	silent := wire.Wire{Resolvers: func() ([]netip.AddrPort, error) { return nil, nil }}
	agent := New(provisioning.Policy{SIPAddress: provisioning.SIPAddress{User: "phone1", Domain: "contoso.com"}}, silent, store, func(e *provisioning.Event) {
		if e.Kind == provisioning.StoreNote {
			notes <- *e
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); agent.Run(ctx) }()
	if e := <-notes; !strings.Contains(e.Detail, "set aside") {
		t.Errorf("told first: %q", e.Detail)
	}
	close(begin)
	if e := <-notes; !strings.Contains(e.Detail, "written again") {
		t.Errorf("told then: %q", e.Detail)
	}
	stop()
	<-ended
	if len(notes) > 0 {
		t.Errorf("told once more: %q", (<-notes).Detail)
	}
}

// What goes wrong with one copy of last good when a registration is kept is told then, and once, although the other copy holds the record.
func TestNoteOfACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site, err := sitetest.Parse(t.Name(), []byte("-- zone --\n_sipinternaltls._tcp SRV 0 0 5061 fe01\nfe01 A 10.0.0.5\n-- registrars --\n10.0.0.5:5061 tls fe01.contoso.com accept\n"))
		if err != nil {
			t.Fatal(err)
		}
		simulated, err := site.Start()
		if err != nil {
			t.Fatal(err)
		}
		defer site.Close()
		dir := t.TempDir()
		store := cache.Open(dir)
		defer store.Close()
		policy := provisioning.Policy{
			SIPAddress: provisioning.SIPAddress{User: "phone1", Domain: "contoso.com"}, TLSMin: tls.VersionTLS12, Roots: x509.NewCertPool(), Version: "test",
		}
		policy.Roots.AppendCertsFromPEM(site.Roots())
		var notes []provisioning.Event
		agent := New(policy, wire.Wire(simulated), store, func(e *provisioning.Event) {
			switch {
			case e.Kind == provisioning.Attempted && e.Reason == "": // where the file would be is something else
				if err := os.MkdirAll(filepath.Join(dir, "last-good.json", "x"), 0o700); err != nil {
					t.Error(err)
				}
			case e.Kind == provisioning.StoreNote:
				notes = append(notes, *e)
			}
		})
		ctx, stop := context.WithTimeout(t.Context(), time.Hour) // it renews several times
		defer stop()
		agent.Run(ctx)
		if len(notes) != 1 || notes[0].Reason != provisioning.CacheDamaged || !strings.Contains(notes[0].Detail, "last-good.json: it is not a regular file") {
			t.Errorf("got %+v", notes)
		}
	})
}
