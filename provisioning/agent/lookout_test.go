package agent

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"homeward/provisioning"
	"homeward/provisioning/signin"
	"homeward/provisioning/wire"
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

// A device on the Access Edge looks for the way inside a minute later each time that it was in vain, but not ever later; once
// the Registrar inside has answered, it is looked at again soon.
func TestLookInsideMoreRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signer := signin.New(provisioning.Policy{}, wire.Wire{}, "a1b2c3d4e5", nil, signin.Owner{})
		l := &lookout{search: &search{gatherer: gatherer{signer: signer}}, better: insideAgain}
		l.primary = provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "pool01.contoso.com"}}
		for _, test := range []struct{ vain, answered, want int }{{0, 0, 1}, {1, 0, 2}, {3, 0, 4}, {7, 0, 8}, {1000, 0, 8}, {1000, 1, 1}} {
			l.vain, l.answered = test.vain, test.answered
			for range 50 {
				started := time.Now()
				l.rewind()
				<-l.timer
				if wait, want := time.Since(started), time.Duration(test.want)*primaryInterval; wait < want/2 || wait >= want*3/2 {
					t.Errorf("after %d looks in vain and %d answers, the next comes after %v", test.vain, test.answered, wait)
				}
			}
		}
	})
}
