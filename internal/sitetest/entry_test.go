package sitetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// A timeline tells from whom to whom, and what came back.
func TestTimeline(t *testing.T) {
	const text = `-- zone --
_sipinternaltls._tcp SRV 0 0 5061 fe01
late delay 20ms
-- dhcp --
10.0.0.67 ack 120=fe01.contoso.com delay=5ms
10.0.0.68 nak
-- registrars --
10.0.0.5:5060 tcp status 503
`
	inBubble(t, text, func(t *testing.T, s *Site, wire Wire) {
		s.Note("state discovering")
		for range 3 {
			query(t, wire, "udp", "10.0.0.53:53", "_sipinternaltls._tcp.contoso.com.", dns.TypeSRV, false)
		}
		query(t, wire, "udp", "10.0.0.53:53", "late.contoso.com.", dns.TypeA, false)
		informed(t, wire, "MS-UC-Client", 2)
		if err := s.Apply("zone silent"); err != nil {
			t.Fatal(err)
		}
		p, err := dialPhone(t.Context(), s, wire.Dial, "10.0.0.5:5060", "")
		if err != nil {
			t.Fatal(err)
		}
		defer p.conn.Close()
		p.ask("REGISTER")
		want := []string{
			"+0s         device                               state discovering",
			"+0s         udp 10.0.0.21:50001 > 10.0.0.53:53   query SRV _sipinternaltls._tcp.contoso.com -> SRV 0 0 5061 fe01.contoso.com. (3 times, the last at +0s)",
			"+0s         udp 10.0.0.21:50004 > 10.0.0.53:53   query A late.contoso.com -> NXDOMAIN, 20ms later",
			`+20ms       eth0 > dhcp                          INFORM MS-UC-Client -> ACK from 10.0.0.67 120="\x00\x04fe01\acontoso\x03com\x00", 5ms later; NAK from 10.0.0.68`,
			"+25ms       site                                 change zone silent",
			"+25ms       10.0.0.21:50005 > 10.0.0.5:5060      connect",
			"+25ms       10.0.0.21:50005 > 10.0.0.5:5060      REGISTER sip:phone1@contoso.com -> 503",
		}
		if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(Timeline(s.Log())), "\n")); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	})
}

func TestTimelineOfAllEntries(t *testing.T) {
	for _, tt := range []struct {
		e    Entry
		want string
	}{
		{Entry{Server: "10.0.0.5:5061", What: "sent NOTIFY", Name: "event", From: "10.0.0.21:1"}, "10.0.0.5:5061 > 10.0.0.21:1          NOTIFY event"},
		{Entry{Server: "10.0.0.5:5061", What: "response", From: "10.0.0.21:1", Proof: "signed", Code: 200}, "10.0.0.21:1 > 10.0.0.5:5061          response signed 200"},
		{Entry{Server: "10.0.0.5:5061", What: "REGISTER", From: "10.0.0.21:1", Auth: "NTLM", Proof: "begins", Code: 401}, "10.0.0.21:1 > 10.0.0.5:5061          REGISTER NTLM begins -> 401"},
	} {
		if got := tt.e.Line(); got != tt.want {
			t.Errorf("\n got %q\nwant %q", got, tt.want)
		}
	}
}

// Of a long timeline the beginning and the end are shown.
func TestTimelineIsBounded(t *testing.T) {
	var log []Entry
	for i := range 1000 {
		log = append(log, Entry{After: time.Duration(i) * time.Second, Server: "device", What: "note", Name: fmt.Sprint("event ", i)})
	}
	lines := strings.Split(strings.TrimSpace(Timeline(log)), "\n")
	if len(lines) != 301 || !strings.HasSuffix(lines[99], "event 99") || lines[100] != "… 700 lines are left out" || !strings.HasSuffix(lines[101], "event 800") {
		t.Errorf("%d lines: %q … %q", len(lines), lines[0], lines[len(lines)-1])
	}
}
