package discover

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"homeward/internal/sitetest"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// Both DHCP steps are one question. When the second is opened between two gatherings, as last good and the TLS floor with it
// are forgotten, what DHCP has said before answers it, too.
func TestDHCPOverTCPIsAnsweredByWhatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site, err := sitetest.Parse("floor", []byte("-- zone --\npool A 10.0.0.5\n-- dhcp --\n10.0.0.67 ack 120=pool.contoso.com\n"))
		if err != nil {
			t.Fatal(err)
		}
		simulated, err := site.Start()
		if err != nil {
			t.Fatal(err)
		}
		defer site.Close()
		policy := provisioning.Policy{SIPAddress: provisioning.SIPAddress{User: "phone1", Domain: "contoso.com"}, AllowTCP: true, TLSFloor: true, AskDHCP: true}
		floored := Discover(t.Context(), &policy, wire.Wire(simulated), true)
		if _, asked := floored.Of(provisioning.DHCPTCP); asked {
			t.Fatal("a step over plain TCP was asked under the floor")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		g := Gather(ctx, &policy, wire.Wire(simulated), false, floored, nil, Patience{Limit: verdictWithNothing}, func(provisioning.Trouble) {})
		defer g.End()
		f, ok := g.Await(ctx, provisioning.DHCPTCP)
		if !ok || f.Step != provisioning.DHCPTCP || len(f.Names) != 1 || len(f.Names[0].Addrs) != 1 {
			t.Errorf("step 4: decided %v, %+v", ok, f)
		}
	})
}
