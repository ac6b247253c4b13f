package check

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/tools/txtar"

	"homeward/cache"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// formerly asks the name servers of a record, of which none can be reached, and returns whom a packet was meant for, and what is said of it.
func formerly(ctx context.Context, t *testing.T, nameServers string) (asked []string, said provisioning.Facts) {
	t.Helper()
	var mu sync.Mutex
	dial := func(ctx context.Context, _, address string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if !slices.Contains(asked, address) {
			asked = append(asked, address)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return nil, &net.OpError{Op: "dial", Err: context.DeadlineExceeded}
	}
	policy := provisioning.Policy{SIPAddress: provisioning.SIPAddress{User: "phone1", Domain: "contoso.com"}}
	record := cache.Record{
		SIPAddress: policy.SIPAddress.String(), RegisteredAt: time.Now(), Network: &cache.Network{NameServers: nameServers},
		Registrar: cache.Registrar{Host: "pool01.contoso.com", Port: 5061, Transport: "tls", Step: "internal-tls", Address: netip.MustParseAddr("10.0.0.5")},
	}
	o := Options{Policy: policy, Wire: wire.Wire{Dial: dial}, Record: record}
	e := newEye(&o)
	lost := provisioning.Finding{Source: provisioning.Source{Step: provisioning.InternalTLS, Source: "dns", Query: "_sipinternaltls._tcp.contoso.com", Verdict: provisioning.Failed}}
	f := &Facts{Options: o, Memory: e.memory, Here: &provisioning.Now{Network: &provisioning.Network{NameServers: "10.0.0.1:53"}}, Found: provisioning.Findings{lost}}
	e.askFormer(ctx, f)
	slices.Sort(asked)
	return asked, f.Asked
}

// A record that is damaged, or made by somebody else, leads no packets to ports of other services, and none to more name servers than a
// device keeps.
func TestMend240NameServersOfADamagedRecord(t *testing.T) {
	many := "10.0.0.53:25, 10.0.0.53:22, 127.0.0.1:53, 224.0.0.251:5353, 255.255.255.255:53, 0.0.0.0:53, 10.0.0.53:0"
	for i := range 40 {
		many += fmt.Sprintf(", 10.0.1.%d:53", i)
	}
	asked, said := formerly(t.Context(), t, many)
	if want := []string{"10.0.1.0:53", "10.0.1.1:53", "10.0.1.2:53"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
	if want := "10.0.1.0:53, 10.0.1.1:53, 10.0.1.2:53"; said["gone"] != want {
		t.Errorf("said %v, want that these are gone: %s", said, want)
	}
}

// Where the time of the check is over, nobody has asked the name servers of before, and nothing is said of them.
func TestMend241NoTimeToAskTheNameServersOfBefore(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the time is over"))
	if _, said := formerly(ctx, t, "10.0.0.53:53"); said != nil {
		t.Errorf("said %v", said)
	}
}

// Connections that are made to see whether one is served have ended when that is known: nothing is noted of them while a report is made.
func TestMend242NoConnectionIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		archive := txtar.Parse([]byte("-- zone --\nfe01 A 10.0.0.5\n-- registrars --\n10.0.0.5:5061 tls fe01.contoso.com accept\n"))
		site, o := deviceAt(t, archive, "left.txtar")
		defer site.Close()
		dial := o.Wire.Dial
		var begun, open atomic.Int32
		o.Wire.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if network != "tcp" || begun.Add(1) == 1 {
				return dial(ctx, network, address)
			}
			open.Add(1)
			defer open.Add(-1)
			<-ctx.Done()
			<-time.After(time.Second) // until that is noticed
			return nil, ctx.Err()
		}
		at := provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061, Transport: provisioning.TLS}
		served := newEye(&o).oneServed(t.Context(), &provisioning.Candidate{Step: provisioning.InternalTLS, Endpoint: at}, netip.MustParseAddr("10.0.0.5"))
		if left := open.Load(); !served || left != 0 {
			t.Errorf("served: %v, with %d connections left behind", served, left)
		}
	})
}
