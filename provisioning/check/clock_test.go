package check

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"homeward/dhcpopts"
	"homeward/internal/golden"
	"homeward/provisioning"
	"homeward/provisioning/signin"
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
		{"cut off", ntpAnswer(cookie, there, nil)[:ntpSize-1], now, "answers with something other than the time"},
		{"nothing", nil, now, "answers with something other than the time"},
		{"to another question", ntpAnswer("87654321", there, nil), now, "answers with something other than the time"},
		{"our question comes back", ntpAnswer(cookie, there, func(m []byte) { m[0] = ntpQuestion }), now, "answers with something other than the time"},
		{"denied", ntpAnswer(cookie, there, func(m []byte) { m[1] = 0; copy(m[12:], "DENY") }), now, "refuses to answer (DENY)"},
		{"never set", ntpAnswer(cookie, there, func(m []byte) { m[0] |= ntpUnsynced << 6 }), now, "does not know the time itself"},
		{"as far from a clock as may be", ntpAnswer(cookie, there, func(m []byte) { m[1] = 15 }), now, "0s"},
		{"without a time of receipt", ntpAnswer(cookie, there, func(m []byte) { clear(m[32:40]) }), now, "does not know the time itself"},
		{"without a time of sending", ntpAnswer(cookie, there, func(m []byte) { clear(m[40:48]) }), now, "does not know the time itself"},
		{"too far from any clock", ntpAnswer(cookie, there, func(m []byte) { m[1] = 16 }), now, "does not know the time itself"},
	} {
		asked := map[[8]byte]time.Time{{}: test.sent.Add(-timePatience), [8]byte([]byte(cookie)): test.sent}
		ahead, err := readTime(test.answer, asked, test.sent.Add(took))
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

// RFC 4330 section 3: with bit 0 set, a time stamp is of 1968 to 2036; without, of 2036 to 2104.
func TestNTPTime(t *testing.T) {
	for stamp, want := range map[uint64]string{
		1 << 63: "1968-01-20T03:14:08Z", 1<<64 - 1<<32: "2036-02-07T06:28:15Z", 0: "2036-02-07T06:28:16Z", 1<<63 - 1<<32: "2104-02-26T09:42:23Z",
	} {
		if got := ntpTime(binary.BigEndian.AppendUint64(nil, stamp)).UTC().Format(time.RFC3339); got != want {
			t.Errorf("%#x is %s, want %s", stamp, got, want)
		}
	}
}

// The time servers that an answer names are asked at the port of NTP.
func TestNTPOf(t *testing.T) {
	var got []string
	for _, n := range ntpOf(dhcpopts.Answer{NTP: []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")}}) {
		got = append(got, netip.AddrPortFrom(n.Addrs[0], n.Port).String())
	}
	if want := []string{"10.0.0.1:123", "10.0.0.2:123"}; !slices.Equal(got, want) {
		t.Errorf("asked are %v, want %v", got, want)
	}
}

func FuzzReadTime(f *testing.F) {
	f.Add(ntpAnswer("12345678", time.Unix(1795694812, 0), nil))
	now := time.Unix(1795694812, 0)
	asked := map[[8]byte]time.Time{[8]byte([]byte("12345678")): now}
	f.Fuzz(func(t *testing.T, m []byte) {
		if _, err := readTime(m, asked, now.Add(time.Second)); err == nil && len(m) < ntpSize {
			t.Errorf("%d bytes are the time", len(m))
		}
	})
}

// A server is asked twice, what it answers to the first question late is its answer, and what anybody else sends is none.
func TestAskTime(t *testing.T) {
	garbage := func([]byte) []byte { return []byte("this is not the time") }
	right := func(q []byte) []byte { return ntpAnswer(string(q[40:]), time.Now(), nil) }
	unreachable := &net.OpError{Op: "dial", Net: "udp", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}
	for _, test := range []struct {
		name   string
		after  time.Duration
		answer []func(question []byte) []byte // what comes after each question
		dial   map[string]error               // by address
		want   string
	}{
		{"answers", 0, []func([]byte) []byte{right}, nil, "within 1s"},
		{"answers late", timePatience + 100*time.Millisecond, []func([]byte) []byte{right}, nil, "within 1s"},
		{"something else comes first", 0, []func([]byte) []byte{garbage, right}, nil, "within 1s"},
		{"something else comes", 0, []func([]byte) []byte{garbage}, nil, "answers with something other than the time"},
		{"too late", 2*timePatience + time.Millisecond, []func([]byte) []byte{right}, nil, "does not answer"},
		{"silent", 0, nil, nil, "does not answer"},
		{"no way to the first address", 0, []func([]byte) []byte{right}, map[string]error{"[2001:db8::1]:123": unreachable}, "within 1s"},
		{"no way at all", 0, nil, map[string]error{"[2001:db8::1]:123": unreachable, "10.0.0.9:123": unreachable}, "cannot be asked: network is unreachable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, e := &Facts{}, &eye{}
				e.wire.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
					if err := test.dial[address]; err != nil {
						return nil, err
					}
					ours, server := net.Pipe()
					go func() {
						defer server.Close()
						for q := make([]byte, ntpSize); ; {
							if _, err := server.Read(q); err != nil {
								return
							}
							asked := bytes.Clone(q)
							time.AfterFunc(test.after, func() {
								for _, answer := range test.answer {
									server.Write(answer(asked))
								}
							})
						}
					}()
					return ours, nil
				}
				names := []provisioning.Name{{Host: "a", Port: ntpPort, Addrs: []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("10.0.0.9")}}}
				f.TimeServers = e.askTime(t.Context(), option42, names)
				if got, want := timeServers(f, option42), "a ("+test.want+")"; got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			})
		})
	}
}

// A certificate that is not valid by our clock, and is by that of the one time server, is the second witness.
func TestCertificateSecondsATimeServer(t *testing.T) {
	f := &Facts{Now: time.Date(2026, 11, 26, 15, 4, 54, 0, time.UTC), TimeServers: []TimeServer{{Name: "a", Ahead: 1000 * time.Hour}}}
	p := &Place{Probes: []*signin.Probe{{}}}
	for want, begins := range map[provisioning.Fault]time.Duration{
		provisioning.FaultClockBehind: 900 * time.Hour, // it is valid soon
		provisioning.FaultClockEither: -time.Hour,      // it is valid now
	} {
		p.Probes[0].TLS.NotBefore, p.Probes[0].TLS.NotAfter = f.Now.Add(begins), f.Now.Add(2000*time.Hour)
		f.Places = []*Place{p}
		if got := clockOff(f); got.Fault != want {
			t.Errorf("begins %s from now: %s", begins, string(got.Fault))
		}
		if got := clockWrong(f); got.None() != (want == provisioning.FaultClockEither) {
			t.Errorf("begins %s from now, for sure: %v", begins, got)
		}
	}
}

// The clock of the device is ahead, and was when it last registered: that time does not rule out a time server, by which the certificate is
// valid that has expired by ours. Without the certificate, it is not certain which of the two is wrong, and the server is not told to be off.
func TestMend307AheadSinceBefore(t *testing.T) {
	f := &Facts{Now: time.Date(2026, 12, 1, 9, 36, 0, 0, time.UTC), TimeServers: []TimeServer{{Source: option42, Name: "a", Ahead: -400 * day}}}
	f.ClockFloor = f.Now.Add(-time.Hour) // by the last registration
	p := &Place{Probes: []*signin.Probe{{}}}
	p.Probes[0].TLS.NotBefore, p.Probes[0].TLS.NotAfter = f.Now.Add(-500*day), f.Now.Add(-55*day)
	for _, test := range []struct {
		name   string
		places []*Place
		built  time.Time
		want   provisioning.Fault
		off    bool // the time server
	}{
		{"a certificate", []*Place{p}, time.Time{}, provisioning.FaultClockAhead, false},
		{"no certificate", nil, time.Time{}, provisioning.FaultClockEither, false},
		{"a build since then", []*Place{p}, f.Now.Add(-30 * day), "", true},
	} {
		f.Places, f.Policy.Built = test.places, test.built
		if got := clockOff(f); got.Fault != test.want || got.OnSide() == provisioning.SideDevice != (test.want == provisioning.FaultClockAhead) {
			t.Errorf("%s: %s on side %q", test.name, string(got.Fault), got.OnSide())
		}
		if got := serverOff(f); got.None() == test.off {
			t.Errorf("%s: the time server is %s", test.name, string(got.Fault))
		}
	}
}

// The clock of the device was ahead when it last registered, and is right now, as two time servers agree: nothing says otherwise.
func TestMend307SetRightSince(t *testing.T) {
	f := &Facts{Now: time.Date(2025, 10, 27, 9, 36, 0, 0, time.UTC), TimeServers: []TimeServer{{Name: "a"}, {Name: "b"}}}
	f.ClockFloor = f.Now.Add(400 * day)
	if got := clockOff(f); !got.None() {
		t.Errorf("%s", got.What())
	}
	f.TimeServers = f.TimeServers[:1]
	if got := clockOff(f); got.Fault != provisioning.FaultClockPassed {
		t.Errorf("one server alone: %s", string(got.Fault))
	}
}

const day = 24 * time.Hour

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Hour: "1h", time.Hour - time.Second: "1h", 90 * time.Second: "1m30s", 26 * time.Hour: "26h", 72 * time.Hour: "3 days", 8760 * time.Hour: "365 days", 17520 * time.Hour: "2 years",
	} {
		if got := provisioning.Apart(d); got != want {
			t.Errorf("%v is %s, want %s", d, got, want)
		}
	}
}

// Time servers that contradict each other are told, and a device that signs in is degraded.
func TestTimeServersApart(t *testing.T) {
	f := &Facts{Now: time.Date(2026, 11, 26, 15, 4, 54, 0, time.UTC)}
	f.Policy.SIPAddress = provisioning.SIPAddress{User: "phone1", Domain: "contoso.com"}
	f.TimeServers = []TimeServer{{Source: option42, Name: "10.0.0.13"}, {Source: f.timeRecord(), Name: "time01.contoso.com", Ahead: -8 * time.Hour}}
	step := provisioning.InternalTLS
	f.SignIn = &signin.SignedIn{Registrar: &provisioning.Registrar{Endpoint: provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061}, Step: &step}}
	r := judge(f)
	if r.Verdict != Degraded {
		t.Errorf("the verdict is %s", r.Verdict)
	}
	told := "two time servers: " + r.Fault + "\n\t" + strings.Join(r.Summary, "\n\t") + "\n"
	p := &Place{Candidate: provisioning.Candidate{Endpoint: f.SignIn.Registrar.Endpoint}, Probes: []*signin.Probe{{Secured: true, Answered: true}}}
	p.Probes[0].TLS.NotBefore, p.Probes[0].TLS.NotAfter, p.Probes[0].Greeting.Date = f.Now.Add(-30*day), f.Now.Add(30*day), f.Now
	off := *f
	off.Places, off.TimeServers = []*Place{p}, []TimeServer{{Source: option42, Name: "10.0.0.13", Ahead: -7 * 365 * day}}
	r = judge(&off)
	told += "one that is off: " + r.Fault + "\n\t" + strings.Join(r.Summary, "\n\t") + "\n"
	golden.Compare(t, "testdata/faults.golden", []byte(told))
	for ahead, want := range map[time.Duration]Verdict{20 * day: Degraded, tolerated: OK} { // the Registrar has the time of the device
		if off.TimeServers[0].Ahead = ahead; judge(&off).Verdict != want {
			t.Errorf("%s ahead: the verdict is not %s", ahead, want)
		}
	}
	f.TimeServers[1].Ahead = -tolerated
	if r := judge(f); r.Verdict != OK {
		t.Errorf("within what is tolerated: the verdict is %s, %q", r.Verdict, r.Summary)
	}
}

// A time server that tells a moment before the build of this program has answered, and is not believed.
func TestTimeOfThePastIsNotBelieved(t *testing.T) {
	f := &Facts{Now: time.Date(2026, 11, 26, 15, 4, 54, 0, time.UTC), TimeServers: []TimeServer{{Source: option42, Name: "a", Ahead: -11 * time.Minute}}}
	f.Policy.Built = f.Now.Add(-time.Minute)
	b := branch{facts: f}
	b.clock()
	const want = "2026-11-26T15:04:54Z; it is not known whether that is right: no Registrar or time server has given a time that can be right; DHCP option 42 names a (11m behind)"
	if got := b.checks[0].Detail; got != want {
		t.Errorf("the clock line is %q\nwant %q", got, want)
	}
}

// What time servers say counts when no Registrar has proven its clock: that of the one nearest to the device, so that one
// wrong server does not accuse it. The advice names a server that is right.
func TestTimeServersAreHeard(t *testing.T) {
	const generic = "set the clock of this device; to have it set automatically, create the SRV record _ntp._udp.contoso.com or set DHCP option 42"
	by := func(name string) string {
		return "set the clock of this device from " + name + ", which DHCP option 42 names and which gives the right time"
	}
	one := []netip.Addr{netip.MustParseAddr("10.0.0.53")}
	for _, test := range []struct {
		name      string
		servers   []TimeServer
		registrar time.Duration // how far its clock is ahead; 0: none has proven its name
		problem   string
		do        string
		says      string // the end of the clock line
	}{
		{"all agree that the device is wrong", []TimeServer{{Name: "a", Problem: "does not answer"}, {Name: "b", Ahead: 2*time.Hour + time.Minute}, {Name: "c", Ahead: 2 * time.Hour}},
			0, "2h slow compared with c", by("c"), "; DHCP option 42 names a (does not answer), b (2h1m ahead), c (2h ahead)"},
		{"one is wrong", []TimeServer{{Name: "a", Ahead: -26 * time.Hour}, {Name: "b"}, {Name: "c", Ahead: -2500 * time.Millisecond}},
			0, "", by("b"), "; within 1s of b; DHCP option 42 names a (26h behind, at 2026-11-25 13:04 UTC), b (within 1s), c (3s behind); the time servers are 26h apart, so one of them is wrong"},
		{"each says something else", []TimeServer{{Name: "a", Ahead: -26 * time.Hour}, {Name: "b", Ahead: time.Hour}},
			0, "and of b are 1h apart, and it is not certain which of them is wrong", by("b"), "; DHCP option 42 names a (26h behind, at 2026-11-25 13:04 UTC), b (1h ahead); the time servers are 27h apart, so one of them is wrong"},
		{"one alone is not enough", []TimeServer{{Name: "a", Ahead: 17520 * time.Hour}, {Name: "b", Problem: "does not answer"}},
			0, "and of a are 2 years apart (this device shows 2026-11-26 15:04 UTC, and a shows 2028-11-25 15:04 UTC), and it is not certain which of them is wrong", by("a"), "; DHCP option 42 names a (2 years ahead, at 2028-11-25 15:04 UTC), b (does not answer)"},
		{"mend 188: one, under two names", []TimeServer{{Name: "10.0.0.53", Ahead: 48 * time.Hour, addrs: one}, {Name: "dns1.contoso.com", Ahead: 48 * time.Hour, addrs: one}},
			0, "and of 10.0.0.53 are 48h apart (this device shows 2026-11-26 15:04 UTC, and 10.0.0.53 shows 2026-11-28 15:04 UTC), and it is not certain which of them is wrong", by("10.0.0.53"), "; DHCP option 42 names 10.0.0.53 (48h ahead, at 2026-11-28 15:04 UTC), dns1.contoso.com (48h ahead, at 2026-11-28 15:04 UTC)"},
		{"one is at the time of no certificate", []TimeServer{{Name: "a", Ahead: 100 * 24 * time.Hour}},
			-time.Second, "", generic, "; within 1s of fe01.contoso.com; DHCP option 42 names a (100 days ahead, at 2027-03-06 15:04 UTC, which is wrong)"},
		{"a Registrar is at the time of its own certificate no more", nil,
			100 * 24 * time.Hour, "and of fe01.contoso.com are 100 days apart (this device shows 2026-11-26 15:04 UTC, and fe01.contoso.com shows 2027-03-06 15:04 UTC), and it is not certain which of them is wrong: at the time of fe01.contoso.com its own certificate, valid from 2026-10-27 15:04 UTC to 2026-12-26 15:04 UTC, is not valid", generic, ""},
		{"a Registrar counts before them", []TimeServer{{Name: "a"}, {Name: "b", Ahead: time.Hour + time.Second}},
			time.Hour, "1h slow compared with fe01.contoso.com", by("b"), "; DHCP option 42 names a (within 1s), b (1h ahead); the time servers are 1h apart, so one of them is wrong"},
		{"5 minutes off are tolerated", []TimeServer{{Name: "a", Ahead: 5 * time.Minute}},
			0, "", by("a"), "; within 5m0s of a; DHCP option 42 names a (5m ahead)"},
		{"5 minutes apart are tolerated", []TimeServer{{Name: "a"}, {Name: "b", Ahead: 5 * time.Minute}},
			0, "", by("a"), "; within 1s of a; DHCP option 42 names a (within 1s), b (5m ahead)"},
		{"of two that are equally near, the first counts", []TimeServer{{Name: "a", Ahead: -time.Second}, {Name: "b", Ahead: time.Second}},
			0, "", by("a"), "; within 1s of a; DHCP option 42 names a (1s behind), b (1s ahead)"},
		{"the one nearest to the Registrar sets the clock", []TimeServer{{Name: "a", Ahead: time.Hour}, {Name: "b"}},
			time.Hour, "1h slow compared with fe01.contoso.com", by("a"), "; DHCP option 42 names a (1h ahead), b (within 1s); the time servers are 1h apart, so one of them is wrong"},
		{"5 minutes from the Registrar are near enough", []TimeServer{{Name: "a", Ahead: time.Hour - 5*time.Minute}},
			time.Hour, "1h slow compared with fe01.contoso.com", by("a"), "; DHCP option 42 names a (55m ahead)"},
		{"a Registrar says that they are wrong", []TimeServer{{Name: "a"}},
			time.Hour, "1h slow compared with fe01.contoso.com", generic, "; DHCP option 42 names a (within 1s)"},
		{"none answers", []TimeServer{{Name: "a", Problem: "does not answer"}},
			0, "", generic, "; it is not known whether that is right: no Registrar or time server has given a time to compare with; DHCP option 42 names a (does not answer)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &Facts{Now: time.Date(2026, 11, 26, 15, 4, 54, 0, time.UTC), TimeServers: test.servers}
			f.Policy.SIPAddress = provisioning.SIPAddress{User: "phone1", Domain: "contoso.com"}
			for i := range f.TimeServers {
				f.TimeServers[i].Source = option42
			}
			if test.registrar != 0 {
				p := &Place{Candidate: provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "fe01.contoso.com"}}, Probes: []*signin.Probe{{Secured: true}}}
				p.Probes[0].TLS.NotBefore, p.Probes[0].TLS.NotAfter = f.Now.Add(-30*day), f.Now.Add(30*day)
				p.Probes[0].Greeting.Date = f.Now.Add(test.registrar)
				f.Places = append(f.Places, p)
			}
			b := branch{facts: f}
			b.clock()
			if got, want := b.checks[0].Detail, "2026-11-26T15:04:54Z"+test.says; got != want {
				t.Errorf("the clock line is %q\nwant %q", got, want)
			}
			problem := ""
			if test.problem != "" {
				problem = "the clock of this device is " + test.problem
				if strings.HasPrefix(test.problem, "and of ") {
					problem = "the clocks of this device " + test.problem
				}
			}
			if got := clockOff(f).What(); got != problem {
				t.Errorf("the problem is %q, want %q", got, problem)
			}
			if got := setClock(f, provisioning.FaultClockBehind.Met(nil)).Do(); got != test.do {
				t.Errorf("the advice is %q, want %q", got, test.do)
			}
		})
	}
}
