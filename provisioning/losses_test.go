package provisioning

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// What is said of losses, by how they came. Each is a minute after the one before, at the same Registrar.
func TestLosses(t *testing.T) {
	const s = time.Second
	cut := func(life, idle, survived time.Duration) Loss {
		return Loss{Reason: ConnectReset, Life: life, Idle: idle, Survived: survived}
	}
	hung := func(life, idle time.Duration) Loss {
		return Loss{Reason: SIPNoAnswer, Life: life, Idle: idle, Survived: idle / 2}
	}
	for _, test := range []struct {
		name string
		lost []Loss
		want string // the fault, and what is known of the pattern
	}{
		{"two are no news", []Loss{cut(15*s, 15*s, 0), cut(15*s, 15*s, 0)}, ""},
		{"an idle connection is closed", []Loss{cut(15*s, 15*s, 0), cut(16*s, 15300*time.Millisecond, s), cut(90*s, 15100*time.Millisecond, 10*s)}, "connect.idle-closed 15 s"},
		{"a longer pause was survived", []Loss{cut(300*s, 15*s, 95*s), cut(300*s, 15*s, 95*s), cut(301*s, 15*s, 95*s)}, "connect.life-limited 300 s"},
		{"one of them has survived a longer one", []Loss{cut(100*s, 15*s, 0), cut(300*s, 15*s, 95*s), cut(50*s, 15*s, 0)}, "connect.lost-often"},
		{"each in its own way", []Loss{cut(100*s, 5*s, 20*s), cut(300*s, 15*s, 20*s), cut(50*s, 9*s, 20*s)}, "connect.lost-often"},
		{"at once", []Loss{cut(s, s, 0), cut(s, s, 0), cut(s, s, 0)}, "connect.lost-often"},
		{"by the network of the device", []Loss{cut(15*s, 15*s, 0), cut(15*s, 15*s, 0), {Reason: AddressChanged, Life: 15 * s, Idle: 15 * s}}, "connect.lost-variously"},
		{"each time by the network of the device", []Loss{{Reason: AddressChanged}, {Reason: AddressChanged}, {Reason: AddressChanged}}, "connect.lost-often device"},
		{"by different faults of the Registrar", []Loss{{Reason: BindingLost}, {Reason: SIPUnavailable}, {Reason: BindingLost}}, "connect.lost-variously registrar"},
		{"by the Registrar, and by silence, which is on no side", []Loss{{Reason: BindingLost}, {Reason: SIPNoAnswer}, {Reason: BindingLost}}, "connect.lost-variously"},
		{"by all sides", []Loss{{Reason: BindingLost}, {Reason: AddressChanged}, {Reason: ConnectUnreachable}}, "connect.lost-variously"},
		{"after a long time", []Loss{cut(7200*s, 900*s, 60*s), cut(7300*s, 930*s, 60*s), cut(7400*s, 920*s, 60*s)}, "connect.idle-closed 15 minutes"},
		// mend-110: silence on a connection that has worked says nothing of whose side it is on.
		{"silence, after which a new connection works at once", []Loss{hung(51*s, 0), hung(51500*time.Millisecond, 0), hung(51*s, 0)}, "connect.goes-silent 51 s each time"},
		{"as before, after one that had lasted", []Loss{hung(400*s, 0), hung(51*s, 0), hung(52*s, 0), hung(51*s, 0)}, "connect.goes-silent 51 s the last 3 times"},
		{"as before, after a reset", []Loss{cut(51*s, 30*s, 40*s), hung(51*s, 0), hung(52*s, 0), hung(51*s, 0)}, "connect.goes-silent 51 s the last 3 times"},
		{"silence after different times", []Loss{hung(51*s, 0), hung(58*s, 0), hung(54*s, 0)}, "connect.goes-silent each time"},
		{"as before, after a reset", []Loss{cut(51*s, 30*s, 40*s), hung(51*s, 0), hung(58*s, 0), hung(54*s, 0)}, "connect.lost-variously"},
		{"silence of a connection that is idle", []Loss{hung(51*s, 51*s), hung(51*s, 51*s), hung(51*s, 51*s)}, "connect.idle-closed 51 s"},
		{"silence, and no new connection at once", []Loss{hung(20*s, 0), hung(30*s, 0), hung(25*s, 0)}, "connect.lost-often"},
	} {
		var l LossLog
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for i, loss := range test.lost {
			loss.Host, loss.At = "fe01", now.Add(time.Duration(i)*time.Minute)
			l.Note(loss)
		}
		lately := l.Lately(now.Add(5 * time.Minute))
		if len(lately) != 1 || lately[0].LastHour != len(test.lost) {
			t.Errorf("%s: %+v", test.name, lately)
			continue
		}
		trouble := lately[0].Trouble()
		got := ""
		if !trouble.None() {
			got = strings.Join(strings.Fields(fmt.Sprint(string(trouble.Fault), " ", trouble.fact("idle"), trouble.fact("life"), " ", trouble.fact("times"), " ", trouble.OnSide())), " ")
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// However many losses there are, and at however many Registrars, the log holds no more than it may, and counts right.
func TestLossesAreBounded(t *testing.T) {
	var l LossLog
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := begin
	for range 3 * minutesADay {
		l.Note(Loss{Endpoint: Endpoint{Host: "fe01"}, At: now})
		now = now.Add(time.Minute)
	}
	one := l.Lately(now)[0]
	if one.LastHour != 59 || one.LastDay != minutesADay-1 || len(l.places[0].last) != lossesTimed { // this minute has none yet
		t.Errorf("one a minute: %+v, %d timed", one, len(l.places[0].last))
	}
	for i := range 2 * maxLossPlaces {
		now = now.Add(time.Second)
		l.Note(Loss{Endpoint: Endpoint{Host: fmt.Sprintf("fe%d", i+2)}, At: now})
	}
	var hosts []string
	for _, lost := range l.Lately(now) {
		hosts = append(hosts, lost.Host)
	}
	slices.Sort(hosts)
	if got := strings.Join(hosts, " "); got != "fe6 fe7 fe8 fe9" {
		t.Errorf("of %d Registrars those are remembered: %s", 2*maxLossPlaces+1, got)
	}
	if left := l.Lately(now.Add(48 * time.Hour)); len(left) != 0 {
		t.Errorf("two days later: %+v", left)
	}
	l.Note(Loss{Endpoint: Endpoint{Host: "fe9"}, At: begin.Add(-time.Hour)}) // a clock that was set back
	if len(l.places) != maxLossPlaces {
		t.Errorf("%d places", len(l.places))
	}
}

// A link that is lost over and over is told, until it has held for longer than between any two of the losses.
func TestMend182LinkLostOften(t *testing.T) {
	begin := time.Date(2026, 11, 30, 18, 55, 44, 0, time.UTC)
	at := []time.Time{begin.Add(-time.Hour), begin, begin.Add(13 * time.Second), begin.Add(26 * time.Second), begin.Add(4 * time.Minute)}
	for after, want := range map[time.Duration]string{
		20 * time.Second: "", 30 * time.Second: "3 times at 18:56:10", 3 * time.Minute: "", 5 * time.Minute: "4 times at 18:59:44", 8 * time.Minute: "", 9 * time.Minute: "",
	} {
		now := begin.Add(after)
		known := slices.DeleteFunc(slices.Clone(at), func(lost time.Time) bool { return lost.After(now) })
		said := ""
		if often := LinkLostOften("eth0", known, now); !often.None() {
			said = often.fact("count") + " at " + strings.TrimSuffix(often.fact("last"), " UTC")
		}
		if said != want {
			t.Errorf("after %v: %q, want %q", after, said, want)
		}
	}
	if lost := LinkLostSince("eth0", at, begin.Add(3*time.Minute)); lost.What() != "the link of eth0 was lost at 18:59:44 UTC" {
		t.Error(lost.What())
	}
}
