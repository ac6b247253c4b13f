package provisioning

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/homeward-agent/homeward/provisioning/internal/sip"
)

// RFC 5626 §4.5: each delay is drawn from the upper half of 30 s doubled, and at most 1800 s.
func TestDelaysAreThoseOfRFC5626(t *testing.T) {
	r := newRestraint()
	for i := range 20 {
		top := min(30*time.Second<<i, 1800*time.Second)
		if got := r.delay(0); got < top/2 || got >= top {
			t.Errorf("delay %d: %v is not between %v and %v", i, got, top/2, top)
		}
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	r := newRestraint()
	if got := r.delay(5 * time.Second); got < 5*time.Second || got > 5500*time.Millisecond {
		t.Errorf("the first time as asked: 5 s, waited %v", got)
	}
	if got := r.delay(time.Second); got < 30*time.Second {
		t.Errorf("a Registrar that goes on asking for 1 s is not asked every second: waited %v", got)
	}
	if got := r.delay(time.Hour); got < time.Hour {
		t.Errorf("never sooner than asked: 1 h, waited %v", got)
	}
}

func TestCredentialsRestAfterTwoRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRestraint()
		refused := &sip.CredentialsError{Status: &sip.StatusError{Code: 401}}
		c := Candidate{Host: "fe01.contoso.com", Port: 5061}
		r.failed(c, refused)
		if got := r.delay(0); got >= time.Minute {
			t.Errorf("after one refusal: waited %v", got)
		}
		r.succeeded(c)
		r.failed(c, refused)
		if got := r.delay(0); got >= 2*time.Minute {
			t.Errorf("a success in between does not count: waited %v", got)
		}
		r.failed(c, refused)
		if got := r.delay(0); got != 30*time.Minute {
			t.Errorf("after two refusals: waited %v, want 30m", got)
		}
	})
}

func TestLookupsSlowDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		since := time.Now()
		for range 1000 {
			if got := lookupDelay(since); got < 1500*time.Millisecond || got > 2500*time.Millisecond {
				t.Fatalf("at first: %v", got)
			}
		}
		time.Sleep(5*time.Minute + 1)
		for range 1000 {
			if got := lookupDelay(since); got < 7500*time.Millisecond || got > 12500*time.Millisecond {
				t.Fatalf("after five minutes: %v", got)
			}
		}
	})
}
