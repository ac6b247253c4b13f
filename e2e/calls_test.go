//go:build linux

package e2e

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// startBaresip starts a phone of the same account on the device. Who is called is told on ctrl_tcp.
func startBaresip(t *testing.T, s *site, p place) *process {
	t.Helper()
	program(t, "baresip")
	program(t, "nc.openbsd")
	dir := t.TempDir()
	site := strings.NewReplacer("PASSWORD", password, "/etc/ssl/certs/ca-certificates.crt", s.ca.file,
		"@REGISTRAR@", fmt.Sprintf("sip:%s:%d;transport=%s", p.host, p.port, p.transport))
	for name, example := range map[string]string{"accounts": "accounts.in", "config": "config"} {
		write(t, dir, name, site.Replace(read(t, filepath.Join(examples, "baresip", example))))
	}
	return start(t, s.device, "baresip", "-f", dir)
}

// call sends INVITE to the user from the segment, and returns the status lines of the answers up to the final one, which
// is acknowledged. ringing is called when the first phone rings.
func call(t *testing.T, s *site, p place, ringing func()) (answers []string) {
	t.Helper()
	c, id := dialPlace(t, s, p), rand.Text()
	request := func(method string) string {
		return strings.ReplaceAll(fmt.Sprintf(`%s sip:%s@%s SIP/2.0
Via: SIP/2.0/%s 10.0.0.1:40001;branch=z9hG4bK%[6]s
Max-Forwards: 70
From: <sip:phone2@%[3]s>;tag=1
To: <sip:%[2]s@%[3]s>
Call-ID: %[6]s
CSeq: 1 %[1]s
Contact: <sip:phone2@10.0.0.1:40001;transport=%[5]s>
`, method, sipUser, sipDomain, strings.ToUpper(p.transport), p.transport, id), "\n", "\r\n")
	}
	const offer = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 40002 RTP/AVP 0\r\n"
	fmt.Fprintf(c, "%sContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", request("INVITE"), len(offer), offer)
	for in := bufio.NewScanner(c); in.Scan(); {
		code, isStatus := strings.CutPrefix(in.Text(), "SIP/2.0 ")
		if !isStatus {
			continue
		}
		answers = append(answers, code)
		switch {
		case strings.HasPrefix(code, "180"):
			ringing()
		case code[0] != '1':
			fmt.Fprintf(c, "%sContent-Length: 0\r\n\r\n", request("ACK"))
			return answers
		}
	}
	t.Fatalf("the call came to no end: %q", answers)
	return nil
}

// TestMend23PhoneHasTheLastWord: a proxy forks a call to homeward's binding and to a phone of the same account. Whatever
// the phone answers is what the caller hears: busy here.
func TestMend23PhoneHasTheLastWord(t *testing.T) {
	for name, filtering := range map[string]bool{"default": false, "method_filtering": true} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			here := at("internal-tls")
			startDnsmasqDNS(t, s.dns, zoneWith(here))
			r := startKamailio(t, s, settings{methodFiltering: filtering})
			s.device.address(t, "add", deviceAddr)
			d := newDevice(t, s, `dhcp = "off"`)
			d.boot(t)
			d.awaitRegistered(t)
			want := map[bool]string{false: "501", true: "405"}[filtering] // the proxy's own word, if it asks nobody
			if alone := call(t, s, here, func() {}); !strings.HasPrefix(alone[len(alone)-1], want) {
				t.Errorf("a call to homeward alone is answered %q, want %s", alone, want)
			}

			startBaresip(t, s, here)
			eventually(t, "the phone has a binding", func() error {
				if known := r.contacts(t); len(known) != 2 {
					return fmt.Errorf("the Registrar has %+v", known)
				}
				return nil
			})
			answers := call(t, s, here, func() { rejectCall(t, s) })
			if last := answers[len(answers)-1]; !strings.HasPrefix(last, "486 ") {
				t.Errorf("the caller hears %q, and not that the phone is busy", answers)
			}
			if asked := strings.Contains(r.output(t), "call answered 501"); asked == filtering {
				t.Errorf("homeward was asked: %v", asked)
			}
		})
	}
}

// rejectCall is the user of the phone, who does not take the call.
func rejectCall(t *testing.T, s *site) {
	t.Helper()
	const hangUp = `{"command":"hangup"}`
	file := write(t, t.TempDir(), "hangup", fmt.Sprintf("%d:%s,", len(hangUp), hangUp))
	s.device.run(t, "sh", "-c", "nc.openbsd -N 127.0.0.1 4444 <"+file)
}
