package storm

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// RFC 5626 section 4.5: each delay is drawn from the upper half of 30 s doubled, and at most 1800 s.
func TestDelaysAreThoseOfRFC5626(t *testing.T) {
	var tries Tries
	for i := range 20 {
		top := min(30*time.Second<<i, 1800*time.Second)
		if got := tries.Failed(0, rand.N); got < top/2 || got >= top {
			t.Errorf("delay %d: %v is not between %v and %v", i, got, top/2, top)
		}
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	var tries Tries
	if got := tries.Failed(5*time.Second, rand.N); got < 5*time.Second || got > 7500*time.Millisecond {
		t.Errorf("the first time as asked: 5 s, waited %v", got)
	}
	for range 1000 {
		tries.Failures = 1
		if got := tries.Failed(time.Second, rand.N); got < 30*time.Second {
			t.Fatalf("a Registrar that goes on asking for 1 s is not asked every second: waited %v", got)
		}
	}
	if got := tries.Failed(time.Hour, rand.N); got < time.Hour || got > 90*time.Minute {
		t.Errorf("never sooner than asked: 1 h, waited %v", got)
	}
}

// Devices knock spread over some seconds, and ever more rarely where a Registrar takes connections and nothing comes of them.
func TestKnocksAreSpread(t *testing.T) {
	var tries Tries
	for in := range 8 {
		factor, early, late := time.Duration(1)<<min(in, knocksDoubled), false, false
		for range 1000 {
			after := tries.Knock(rand.N)
			if after < leastKnock*factor || after >= mostKnock*factor {
				t.Fatalf("in vain %d times: after %v", in, after)
			}
			early, late = early || after < 3*time.Second*factor, late || after > 8*time.Second*factor
		}
		if !early || !late {
			t.Errorf("in vain %d times: they are not spread", in)
		}
		tries.Knocked()
	}
	tries.Accepted()
	if after := tries.Knock(rand.N); after >= mostKnock {
		t.Errorf("after a success: %v", after)
	}
}

// After a power cut everything is repeated once in each window, and only the success of this device ends that.
func TestOnceInEachWindow(t *testing.T) {
	const window = 5 * time.Minute
	tries := Tries{Window: window}
	for range 100 {
		tries.Failures = 0
		for _, pause := range []time.Duration{tries.Failed(0, rand.N), tries.Knock(rand.N), tries.Between(time.Second, 2*time.Second, rand.N)} {
			if pause < window*19/20 || pause > window*21/20 {
				t.Fatalf("%v is not about %v", pause, window)
			}
		}
		if got := tries.Failed(10*time.Minute, rand.N); got < 10*time.Minute {
			t.Fatalf("asked for 10 minutes: %v", got)
		}
	}
	tries.Accepted()
	if got := tries.Knock(rand.N); got >= mostKnock {
		t.Errorf("after a success: %v", got)
	}
}

// The shares of many devices are even, and each has the same one each time.
func TestSharesAreEven(t *testing.T) {
	const devices, parts = 100_000, 20
	var in [parts]int
	for i := range devices {
		device := fmt.Sprintf("sip:phone%d@contoso.com %010x", i, i*7919)
		share := Share(device, time.Hour)
		if share != Share(device, time.Hour) || share < 0 || share >= time.Hour {
			t.Fatalf("the share of %s is %v", device, share)
		}
		in[share*parts/time.Hour]++
	}
	for part, n := range in {
		if n < devices/parts*19/20 || n > devices/parts*21/20 {
			t.Errorf("part %d has %d devices", part, n)
		}
	}
	if Share("any", 0) != 0 {
		t.Error("no window, and yet a share of it")
	}
}

func TestWindow(t *testing.T) {
	for _, test := range []struct{ site, asked, want time.Duration }{
		{-1, 0, Usual},
		{-1, 5 * time.Minute, 5 * time.Minute},
		{-1, time.Hour, mostAsked},
		{0, 5 * time.Minute, 0},
		{time.Hour, 5 * time.Minute, time.Hour},
	} {
		if got := Window(test.site, test.asked); got != test.want {
			t.Errorf("site %v, asked %v: %v, want %v", test.site, test.asked, got, test.want)
		}
	}
}

// An answer is waited for longer after each failure, and from the first in the queue after a power cut.
func TestPatienceGrows(t *testing.T) {
	var tries Tries
	for _, want := range []time.Duration{4, 8, 16, 32, 32} {
		if got := tries.Patience(4 * time.Second); got != want*time.Second {
			t.Errorf("after %d failures: %v", tries.Failures, got)
		}
		tries.Failures++
	}
	tries.Failures = 1 << 40
	if got := tries.Patience(time.Second); got != mostPatience {
		t.Errorf("after very many failures: %v", got)
	}
	if got := (&Tries{Window: time.Second}).Patience(time.Second); got != mostPatience {
		t.Errorf("after a power cut: %v", got)
	}
	if got := tries.Patience(time.Minute); got != time.Minute {
		t.Errorf("what usually takes a minute: %v", got)
	}
}

// A device has one turn in each window, however often its network comes and goes.
func TestTurns(t *testing.T) {
	tries := Tries{Window: 30 * time.Second}
	for _, test := range []struct{ share, since, want time.Duration }{{12, 0, 12}, {12, 5, 7}, {12, 12, 0}, {12, 13, 29}, {12, 95, 7}, {0, 0, 0}, {0, 1, 29}} {
		if got := tries.Turn(test.share*time.Second, test.since*time.Second); got != test.want*time.Second {
			t.Errorf("share %d, after %d s: %v, want %d s", test.share, test.since, got, test.want)
		}
	}
	if got := new(Tries).Turn(0, time.Second); got != 0 {
		t.Errorf("without a window: %v", got)
	}
}

// What is tried without a delay has a budget, which a registration that has held fills, or a delay.
func TestBudget(t *testing.T) {
	for name, refill := range map[string]func(*Tries){"held": (*Tries).Held, "a delay": (*Tries).Refill, "accepted": nil} {
		var tries Tries
		for n := range budget {
			if tries.Spent() {
				t.Errorf("spent after %d", n)
			}
			tries.Spend()
		}
		if refill == nil {
			refill = (*Tries).Accepted
			if refill(&tries); !tries.Spent() {
				t.Error("a Registrar that accepts the device, and may drop it, fills the budget")
			}
			continue
		}
		if refill(&tries); tries.Spent() {
			t.Errorf("%s: still spent", name)
		}
	}
}
