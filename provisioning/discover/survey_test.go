package discover

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"homeward/dhcpopts"
	"homeward/internal/sitetest"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// TestSurveyDHCP asks simulated servers in fake time. What the survey comes to is compared as text.
func TestSurveyDHCP(t *testing.T) {
	const both = "120=pool01.contoso.com 43=https://web.contoso.com"
	for _, test := range []struct {
		name string
		site string // the section dhcp
		want string
	}{
		{"one server has both options", "10.0.0.67 ack " + both, `
1s eth0: 10.0.0.67 ack pool01.contoso.com https://web.contoso.com:443/CertProv/CertProvisioningService.svc`},
		{"two servers agree, one of them late", "10.0.0.67 ack " + both + "\n10.0.0.68 ack " + both + " delay=999ms", `
1s eth0: 10.0.0.67 ack pool01.contoso.com https://web.contoso.com:443/CertProv/CertProvisioningService.svc
10.0.0.68 ack pool01.contoso.com https://web.contoso.com:443/CertProv/CertProvisioningService.svc`},
		{"two servers disagree about the Registrar", "10.0.0.67 ack " + both + "\n10.0.0.68 ack 120=pool02.contoso.com", `
1s eth0: 10.0.0.67 ack pool01.contoso.com https://web.contoso.com:443/CertProv/CertProvisioningService.svc
10.0.0.68 ack pool02.contoso.com 
dhcp-conflict 10.0.0.67 says pool01.contoso.com, 10.0.0.68 says pool02.contoso.com
conflict 10.0.0.67 says pool01.contoso.com, 10.0.0.68 says pool02.contoso.com`},
		{"it reads the same when the other one is first", "10.0.0.68 ack 120=pool02.contoso.com\n10.0.0.67 ack " + both + " delay=100ms", `
1s eth0: 10.0.0.68 ack pool02.contoso.com 
10.0.0.67 ack pool01.contoso.com https://web.contoso.com:443/CertProv/CertProvisioningService.svc
dhcp-conflict 10.0.0.67 says pool01.contoso.com, 10.0.0.68 says pool02.contoso.com
conflict 10.0.0.67 says pool01.contoso.com, 10.0.0.68 says pool02.contoso.com`},
		{"two servers disagree about option 43", "10.0.0.67 ack " + both + "\n10.0.0.68 ack 120=pool01.contoso.com", `
1s eth0: 10.0.0.67 ack pool01.contoso.com https://web.contoso.com:443/CertProv/CertProvisioningService.svc
10.0.0.68 ack pool01.contoso.com 
dhcp-conflict option 43: 10.0.0.67 says https://web.contoso.com:443/CertProv/CertProvisioningService.svc, 10.0.0.68 says nothing
conflict option 43: 10.0.0.67 says https://web.contoso.com:443/CertProv/CertProvisioningService.svc, 10.0.0.68 says nothing`},
		{"no server answers", "silent", `
3.6s eth0: 
dhcp-silent`},
		{"DHCP cannot be asked", "denied", `
0s : 
dhcp-not-permitted permission denied`},
		{"a server refuses", "10.0.0.67 nak", `
1s eth0: 10.0.0.67 nak  
dhcp-refused from 10.0.0.67`},
		{"neither option", "10.0.0.67 ack", `
1s eth0: 10.0.0.67 ack  
dhcp-no-option from 10.0.0.67`},
		{"option 43 is missing, which names no Registrar", "10.0.0.67 ack 120=pool01.contoso.com", `
1s eth0: 10.0.0.67 ack pool01.contoso.com `},
		{"option 43 is for the vendor class in lower case", "10.0.0.67 ack " + both + " class=ms-uc-client", `
1s eth0: 10.0.0.67 ack pool01.contoso.com 
dhcp-vendor-class 10.0.0.67 sends option 43 only to ms-uc-client`},
		{"the wrong spelling is not all that is wrong", "10.0.0.67 ack class=ms-uc-client 43=https://web.contoso.com\n10.0.0.68 ack 120=pool01.contoso.com", `
1s eth0: 10.0.0.67 ack  
10.0.0.68 ack pool01.contoso.com 
dhcp-vendor-class 10.0.0.67 sends option 43 only to ms-uc-client
conflict 10.0.0.67 says nothing, 10.0.0.68 says pool01.contoso.com`},
		{"option 120 is text", "10.0.0.67 ack 120=hex:" + hex.EncodeToString([]byte("pool01.contoso.com")) + " 43=https://web.contoso.com", `
1s eth0: 10.0.0.67 ack pool01.contoso.com https://web.contoso.com:443/CertProv/CertProvisioningService.svc
dhcp-malformed option 120 from 10.0.0.67: byte 0 is 0x70 ('p'): the option was entered as text, not in encoding 0`},
		{"option 120 names nothing", "10.0.0.67 ack 120=hex:05 43=https://web.contoso.com", `
1s eth0: 10.0.0.67 ack  https://web.contoso.com:443/CertProv/CertProvisioningService.svc
dhcp-malformed from 10.0.0.67: byte 0 is 0x05, no encoding: 0 is for names, 1 for IPv4 addresses`},
		{"option 120 holds addresses", "10.0.0.67 ack 120=ip:10.0.0.5 43=https://web.contoso.com", `
1s eth0: 10.0.0.67 ack 10.0.0.5 https://web.contoso.com:443/CertProv/CertProvisioningService.svc
tls-no-name option 120 holds addresses`},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site, err := sitetest.Parse("survey", []byte("-- dhcp --\n"+test.site+"\n"))
				if err != nil {
					t.Fatal(err)
				}
				simulated, err := site.Start()
				if err != nil {
					t.Fatal(err)
				}
				defer site.Close()
				start := time.Now()
				s := SurveyDHCP(t.Context(), (*wire.Wire)(&simulated), "", nil)
				if got := fmt.Sprintf("\n%s %s: %s", time.Since(start), s.Interface, surveyText(*s)); got != test.want {
					t.Errorf("got%s\nwant%s", got, test.want)
				}
			})
		})
	}
}

// surveyText is a line for each answer, one for the reason, and one for a conflict.
func surveyText(s DHCPSurvey) string {
	var lines []string
	for _, a := range s.Answers {
		registrars := registrarsOf(&a)
		if registrars == "nothing" {
			registrars = ""
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %s", a.Server, a.Type, registrars, a.Vendor.URL))
	}
	text := strings.Join(lines, "\n")
	if s.Reason != "" {
		text += "\n" + strings.TrimSpace(string(s.Reason)+" "+s.Detail)
	}
	if s.Conflict != "" {
		text += "\nconflict " + s.Conflict
	}
	return text
}

// What no simulated server does.
func TestSurveyJudges(t *testing.T) {
	server := netip.MustParseAddr("10.0.0.67")
	sip := dhcpopts.ParseSIPServers([]byte("\x00\x06pool01\x07contoso\x03com\x00"))
	lync, err := dhcpopts.EncodeVendor("web.contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	lower := []byte(strings.Replace(string(lync), dhcpopts.VendorClass, "ms-uc-client", 1))
	ack := func(sip dhcpopts.SIPServers, vendor []byte) []dhcpopts.Answer {
		return []dhcpopts.Answer{{Server: server, Type: "ack", SIP: sip, Vendor: dhcpopts.ParseVendor(vendor)}}
	}
	for _, test := range []struct {
		name         string
		phone, lower []dhcpopts.Answer
		err          error
		want         string
	}{
		{"both options are for the class in lower case", ack(dhcpopts.SIPServers{}, nil), ack(sip, lync), nil,
			"dhcp-vendor-class 10.0.0.67 sends option 120 and option 43 only to ms-uc-client"},
		{"option 120 alone is", ack(dhcpopts.SIPServers{}, lync), ack(sip, lync), nil,
			"dhcp-vendor-class 10.0.0.67 sends option 120 only to ms-uc-client"},
		{"the sub-option is in lower case", ack(sip, lower), ack(sip, lower), nil,
			`dhcp-vendor-class from 10.0.0.67: sub-option 1 is "ms-uc-client", not MS-UC-Client: Lync phones take the option for one of another vendor class`},
		{"everybody gets the option of another vendor, and the class in lower case its own", ack(sip, []byte{0xf1, 4, 10, 0, 0, 1}), ack(sip, lync), nil,
			"dhcp-vendor-class 10.0.0.67 sends option 43 only to ms-uc-client"},
		{"everybody gets the option of another vendor", ack(sip, []byte{0xf1, 4, 10, 0, 0, 1}), ack(sip, []byte{0xf1, 4, 10, 0, 0, 1}), nil, ""},
		{"a server that hears the class in lower case alone", ack(sip, lync), []dhcpopts.Answer{{Server: netip.MustParseAddr("10.0.0.68"), Type: "ack", SIP: sip}}, nil,
			"dhcp-vendor-class 10.0.0.68 sends option 120 only to ms-uc-client"},
		{"a port that is no text", ack(sip, []byte(strings.Replace(string(lync), "\x03443", "\x02\x01\xbb", 1))), nil, nil,
			`dhcp-malformed option 43 from 10.0.0.67: sub-option 4 is "\x01\xbb", not a port in digits, 443 is assumed`},
		{"the interface is down", nil, nil, syscall.ENETDOWN, "dhcp-no-network network is down"},
		{"the interface went down", ack(sip, lync), nil, syscall.ENETDOWN, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := DHCPSurvey{Answers: test.phone}
			s.judge(test.lower, test.err, errors.ErrUnsupported)
			if got := strings.TrimSpace(string(s.Reason) + " " + s.Detail); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// The end of ctx is the end of asking.
func TestSurveyDHCPEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site, err := sitetest.Parse("survey", []byte("-- dhcp --\nsilent\n"))
		if err != nil {
			t.Fatal(err)
		}
		simulated, err := site.Start()
		if err != nil {
			t.Fatal(err)
		}
		defer site.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		if s := SurveyDHCP(ctx, (*wire.Wire)(&simulated), "", nil); s.Reason != provisioning.DHCPSilent || time.Since(start) != 100*time.Millisecond {
			t.Errorf("%s after %s", s.Reason, time.Since(start))
		}
	})
}
