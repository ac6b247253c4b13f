package agent

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/signin"
	"github.com/homeward-agent/homeward/provisioning/wire"
)

// A fleet on the backup looks at its primary after half the interval to one and a half of it, spread; after a primary
// that came and went, after twice that.
func TestLookAtPrimaryIsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signer := signin.New(provisioning.Policy{}, wire.Wire{}, "a1b2c3d4e5", nil, signin.Owner{})
		l := &lookout{search: &search{gatherer: gatherer{signer: signer}}}
		l.primary = provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "pool01.contoso.com"}, Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.5")}}
		for _, interval := range []time.Duration{primaryInterval, 2 * primaryInterval} {
			var sooner, later int
			for range 100 {
				started := time.Now()
				l.rewind()
				<-l.timer
				switch wait := time.Since(started); {
				case wait < interval/2 || wait >= interval*3/2:
					t.Errorf("the primary is looked at after %v, where %v is the interval", wait, interval)
				case wait < interval:
					sooner++
				default:
					later++
				}
			}
			if sooner == 0 || later == 0 {
				t.Errorf("%d looks sooner than after %v, %d later", sooner, interval, later)
			}
			signer.Restraint().Returned() // once, and again at once: it did not hold
			signer.Restraint().Returned()
		}
	})
}
