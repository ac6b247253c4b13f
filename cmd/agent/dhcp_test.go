package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/dhcpopts"
	"homeward/internal/golden"
	"homeward/provisioning"
	"homeward/provisioning/discover"
)

// server67 is a server that says the options of o.
func server67(o lyncOptions) dhcpopts.Answer {
	return dhcpopts.Answer{Server: netip.MustParseAddr("10.0.0.67"), Took: 4 * time.Millisecond, Type: "ack", SIP: o.sip, Vendor: o.vendor}
}

// onPool01 is what a site should say.
func onPool01(t *testing.T) lyncOptions {
	t.Helper()
	o, err := encodeOptions([]string{"pool01.contoso.com"}, "web.contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// changed returns the bytes of an option with a part exchanged.
func changed(raw []byte, old, new string) []byte {
	return bytes.Replace(raw, []byte(old), []byte(new), 1)
}

// surveys are sites, by the name of the golden files.
func surveys(t *testing.T) map[string]discover.DHCPSurvey {
	o := onPool01(t)
	good := server67(o)
	good.NTP = []netip.Addr{netip.MustParseAddr("10.0.0.13")}
	good.NameServers = []netip.Addr{netip.MustParseAddr("10.0.0.53"), netip.MustParseAddr("10.0.0.54")}

	asText := server67(o)
	asText.SIP = dhcpopts.ParseSIPServers([]byte("pool01.contoso.com"))
	asText.Vendor = dhcpopts.ParseVendor(changed(o.vendor.Raw, "\x03443", "\x02\x01\xbb"))

	cut := server67(o)
	cut.SIP = dhcpopts.ParseSIPServers(o.sip.Raw[:9]) // the mark is beyond the last byte of a line
	cut.Vendor = dhcpopts.ParseVendor([]byte("\xf1\x04\x0a\x00\x00\x01"))

	digits := server67(o)
	digits.SIP = dhcpopts.ParseSIPServers([]byte(hex.EncodeToString(o.sip.Raw)))
	address := dhcpopts.Answer{Server: netip.MustParseAddr("10.0.0.68"), Took: 9 * time.Millisecond, Type: "ack",
		SIP: dhcpopts.ParseSIPServers([]byte("\x0110.99.0.2"))}

	other := dhcpopts.Answer{
		Server: netip.MustParseAddr("10.0.0.68"), Took: 9 * time.Millisecond, Type: "ack",
		SIP: dhcpopts.ParseSIPServers([]byte("\x01\x0a\x00\x00\x05")),
	}
	nak := dhcpopts.Answer{Server: netip.MustParseAddr("10.0.0.69"), Took: 11 * time.Millisecond, Type: "nak"}
	conflict := "10.0.0.67 says pool01.contoso.com, 10.0.0.68 says 10.0.0.5"

	return map[string]discover.DHCPSurvey{
		"dhcp":         {Interface: "eth0", Answers: []dhcpopts.Answer{good}},
		"dhcp-problem": {Interface: "eth0", Answers: []dhcpopts.Answer{asText}, Reason: provisioning.DHCPMalformed, Detail: "option 120 from 10.0.0.67: " + asText.SIP.Problem},
		"dhcp-cut":     {Interface: "eth0", Answers: []dhcpopts.Answer{cut}, Reason: provisioning.DHCPMalformed, Detail: "option 120 from 10.0.0.67: " + cut.SIP.Problem},
		"dhcp-typed": {
			Interface: "eth0", Answers: []dhcpopts.Answer{digits, address}, Reason: provisioning.DHCPMalformed, Detail: "from 10.0.0.67: " + digits.SIP.Problem,
		},
		"dhcp-unusable": {
			Interface: "eth0", Reason: provisioning.DHCPMalformed, Detail: "from 10.0.0.68: the answer cannot be used: it is OFFER, not ACK",
			Answers: []dhcpopts.Answer{
				{Server: netip.MustParseAddr("10.0.0.68"), Took: 9 * time.Millisecond, Type: dhcpopts.Unusable, Problem: "it is OFFER, not ACK"},
				{Server: netip.MustParseAddr("10.0.0.69"), Took: 9 * time.Millisecond, Type: "ack", SIP: o.sip, Problem: "option 43 at byte 272 is longer than the message of 277 bytes, what stands before it is used"},
			},
		},
		"dhcp-conflict": {
			Interface: "eth0", Answers: []dhcpopts.Answer{good, other, nak}, Conflict: conflict,
			Reason: provisioning.DHCPVendorClass, Detail: "10.0.0.68 sends option 43 only to ms-uc-client",
		},
		"dhcp-silent": {Interface: "eth0", Reason: provisioning.DHCPSilent},
	}
}

// A malformed answer is a failure if nothing else helps.
func TestHowASurveyEnds(t *testing.T) {
	all := surveys(t)
	six := all["dhcp-typed"]
	six.Six = []dhcpopts.Answer{{Type: "reply", SIP: dhcpopts.SIPServers{Names: []string{"pool01.contoso.com"}}}}
	all["dhcp-typed, and DHCPv6"] = six
	ends := map[string]int{"dhcp-silent": exitNotRegistered, "dhcp-typed": exitNotRegistered, "dhcp-cut": exitNotRegistered}
	for name, s := range all {
		got := 0
		if f := new(failure); errors.As(surveyFailure(&s, provisioning.Trouble{}), &f) {
			got = f.code
		}
		if got != ends[name] {
			t.Errorf("%s: it ends with %d, want %d", name, got, ends[name])
		}
	}
}

// A device with no address but one of its own making is told that, and not to set the interface.
func TestMend219NoAddressFromDHCP(t *testing.T) {
	s := discover.DHCPSurvey{Reason: provisioning.DHCPNoNetwork, Detail: "there is no default route"}
	off := provisioning.FaultOnlySelfMadeAddress.Met(provisioning.Facts{"interface": "eth0", "addresses": "169.254.77.12/16"})
	const want = "dhcp-no-network: this device is not on the network: eth0 has only a self-assigned address, 169.254.77.12/16, and none from DHCP"
	if f := new(failure); !errors.As(surveyFailure(&s, off), &f) || f.Error() != want || f.code != exitFailed || strings.Contains(f.hints[0], "interface") {
		t.Errorf("%+v, want %q", f, want)
	}
}

func TestSurvey(t *testing.T) {
	for name, s := range surveys(t) {
		t.Run(name, func(t *testing.T) {
			var text, object bytes.Buffer
			if err := printSurvey(newPage(&text), &s); err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, "testdata/golden/"+name+".txt", text.Bytes())
			if err := printJSON(&object, newDHCPAnswer(&s)); err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, "testdata/golden/"+name+".json", object.Bytes())
		})
	}
}

// What is printed is what a tech types off: one golden file for each server.
func TestRecipes(t *testing.T) {
	both := onPool01(t)
	alone, err := encodeOptions([]string{"pool01.contoso.com", "pool02.contoso.com"}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range recipes {
		t.Run(r.server, func(t *testing.T) {
			golden.Compare(t, "testdata/golden/encode-"+r.server+".txt", []byte(r.write(both)))
			golden.Compare(t, "testdata/golden/encode-"+r.server+"-120.txt", []byte(r.write(alone)))
		})
	}
}

// Every recipe holds all of both options, in hex or in words.
func TestRecipesHoldAll(t *testing.T) {
	o := onPool01(t)
	for _, r := range recipes {
		text := r.write(o)
		plain := strings.ToUpper(strings.NewReplacer(",0x", "", ":", "").Replace(text))
		if !strings.Contains(plain, strings.ToUpper(newOption120(&o.sip).Hex)) && !strings.Contains(text, "sip-server,"+o.sip.Names[0]) {
			t.Errorf("%s: option 120 is missing:\n%s", r.server, text)
		}
		whole := strings.Contains(plain, strings.ToUpper(newOption43(&o.vendor).Hex))
		each := !slices.ContainsFunc(o.subOptions(), func(s subOption) bool { return !strings.Contains(text, `"`+s.value+`"`) })
		if !whole && !each {
			t.Errorf("%s: option 43 is missing:\n%s", r.server, text)
		}
	}
}
