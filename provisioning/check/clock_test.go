package check

import (
	"encoding/binary"
	"testing"
	"time"
)

// ntpAnswer is what a server of stratum 2 says at a moment.
func ntpAnswer(cookie string, at time.Time, change func(m []byte)) []byte {
	m := make([]byte, ntpSize)
	m[0], m[1] = 4<<3|ntpServes, 2
	copy(m[24:32], cookie)
	for _, i := range []int{32, 40} {
		binary.BigEndian.PutUint32(m[i:], uint32(at.Unix()-ntpEpoch.Unix())) // the era is cut off, as it is on the wire
		binary.BigEndian.PutUint32(m[i+4:], uint32(int64(at.Nanosecond())<<32/int64(time.Second)))
	}
	if change != nil {
		change(m)
	}
	return m
}

func TestReadTime(t *testing.T) {
	now := time.Date(2026, 11, 26, 15, 4, 54, 500_000_000, time.UTC)
	const took, cookie = 40 * time.Millisecond, "12345678"
	there := now.Add(took / 2) // the moment of the answer, with both ways alike
	for _, test := range []struct {
		name   string
		answer []byte
		sent   time.Time
		want   string
	}{
		{"the same time", ntpAnswer(cookie, there, nil), now, "0s"},
		{"an hour ahead", ntpAnswer(cookie, there.Add(time.Hour), nil), now, "1h0m0s"},
		{"a quarter of a second behind", ntpAnswer(cookie, there.Add(-250*time.Millisecond), nil), now, "-250ms"},
		{"our clock was never set", ntpAnswer(cookie, there, nil), time.Unix(0, 0), there.Sub(time.Unix(0, 0)).Truncate(time.Second).String()},
		{"the second era", ntpAnswer(cookie, now.AddDate(12, 0, 0).Add(took/2), nil), now.AddDate(12, 0, 0), "0s"},
		{"longer", append(ntpAnswer(cookie, there, nil), make([]byte, 20)...), now, "0s"},
		{"cut off", ntpAnswer(cookie, there, nil)[:ntpSize-1], now, "answers with something else than the time"},
		{"nothing", nil, now, "answers with something else than the time"},
		{"to another question", ntpAnswer("87654321", there, nil), now, "answers with something else than the time"},
		{"our question comes back", ntpAnswer(cookie, there, func(m []byte) { m[0] = ntpQuestion }), now, "answers with something else than the time"},
		{"denied", ntpAnswer(cookie, there, func(m []byte) { m[1] = 0; copy(m[12:], "DENY") }), now, "refuses to answer (DENY)"},
		{"never set", ntpAnswer(cookie, there, func(m []byte) { m[0] |= ntpUnsynced << 6 }), now, "does not know the time itself"},
		{"too far from any clock", ntpAnswer(cookie, there, func(m []byte) { m[1] = 16 }), now, "does not know the time itself"},
	} {
		ahead, err := readTime(test.answer, [8]byte([]byte(cookie)), test.sent, took)
		got := ahead.Round(10 * time.Millisecond).String()
		if test.sent.Unix() == 0 {
			got = ahead.Truncate(time.Second).String()
		}
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

func FuzzReadTime(f *testing.F) {
	f.Add(ntpAnswer("12345678", time.Unix(1795694812, 0), nil))
	f.Fuzz(func(t *testing.T, m []byte) {
		if _, err := readTime(m, [8]byte([]byte("12345678")), time.Unix(1795694812, 0), time.Second); err == nil && len(m) < ntpSize {
			t.Errorf("%d bytes are the time", len(m))
		}
	})
}

// What a time server says counts when no Registrar has proven its clock, and the advice names the server.
func TestTimeServersAreHeard(t *testing.T) {
	f := &Facts{TimeServers: []TimeServer{
		{Source: option42, Name: "10.0.0.66", Problem: "does not answer"},
		{Source: option42, Name: "10.0.0.67", Ahead: 2 * time.Hour},
		{Source: option42, Name: "10.0.0.68", Ahead: -2500 * time.Millisecond},
	}}
	if got, want := clockProblem(f), "the clock of 10.0.0.67 is 2h ahead"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := f.timeServers(option42), "10.0.0.66 (does not answer), 10.0.0.67 (2h ahead), 10.0.0.68 (3s behind)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := f.clockAdvice("").do, "let this device set its clock by 10.0.0.67, which DHCP option 42 names and which tells the time"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
