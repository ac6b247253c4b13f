package sitetest

import (
	"strings"
	"testing"
)

func TestParseNamesFileAndLineOfMistakes(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a section nobody knows", "prose\n-- zones --\n", `site.txt:2: unknown section "zones"`},
		{"a section given twice", "-- zone --\n-- zone --\n", `site.txt:2: section "zone" for the second time`},
		{"a zone line that is nothing", "-- zone --\n\nfe01 banana\n", `site.txt:3: neither a behaviour nor a record: "fe01 banana": `},
		{"a record with a bad address", "-- zone --\nfe01 A 10.0.0.5 10.0.0\n", `site.txt:2: neither a behaviour nor a record: "fe01 A 10.0.0": `},
		{"a forgotten final dot", "-- zone --\nfe01.contoso.com A 10.0.0.5\n", `site.txt:2: "fe01.contoso.com A 10.0.0.5": a name with the SIP domain needs a final dot`},
		{"a forgotten final dot in a target", "-- zone --\n_sip._tls SRV 0 0 443 sip.contoso.com\n", `site.txt:2: "_sip._tls SRV 0 0 443 sip.contoso.com": a name with`},
		{"domain after records", "-- zone --\nfe01 A 10.0.0.5\ndomain example.com\n", `site.txt:3: domain has to be the first line of the section`},
		{"a name that is closed", "-- zone --\nfe01 closed\n", `site.txt:2: closed is not for one name`},
		{"a name server with an unknown behaviour", "-- zone --\nserver 10.0.0.53 asleep\n", `site.txt:2: unknown behaviour "asleep"`},
		{"a DHCP line without ack or nak", "-- dhcp --\n10.0.0.67\n", `site.txt:2: want silent, denied, ipv6, answer, ADDRESS ack|nak|reply [OPTION …], or lease FILE [OPTION …]`},
		{"option 120 with bad hex", "-- dhcp --\n10.0.0.67 ack 120=hex:0g\n", `site.txt:2: 120=hex:0g: encoding/hex: invalid byte`},
		{"option 120 with an IPv6 address", "-- dhcp --\n10.0.0.67 ack 120=ip:::1\n", `site.txt:2: 120=ip:::1: not an IPv4 address: "::1"`},
		{"option 43 without a URL", "-- dhcp --\n10.0.0.67 ack 43=web\n", `site.txt:2: 43=web: not a URL: "web"`},
		{"an unknown DHCP option", "-- dhcp --\n10.0.0.67 ack 122=x\n", `site.txt:2: 122=x: unknown option`},
		{"a registrar without transport", "-- registrars --\n10.0.0.5:5061 accept\n", `site.txt:2: want ADDRESS:PORT tls|tcp [NAME …] BEHAVIOUR [OPTION …]`},
		{"a registrar without port", "-- registrars --\n10.0.0.5 tls fe01.contoso.com accept\n", `site.txt:2: not an ip:port`},
		{"a TLS registrar without name", "-- registrars --\n10.0.0.5:5061 tls accept\n", `site.txt:2: registrar 10.0.0.5:5061: tls needs a name for the certificate`},
		{"a registrar without behaviour", "-- registrars --\n10.0.0.5:5061 tls fe01.contoso.com\n", `site.txt:2: no behaviour given`},
		{"a registrar given twice", "-- registrars --\n10.0.0.5:5060 tcp accept\n10.0.0.5:5060 tcp accept\n", `site.txt:3: registrar 10.0.0.5:5060 for the second time`},
		{"an unknown behaviour", "-- registrars --\n10.0.0.5:5060 tcp dance\n", `site.txt:2: unknown behaviour "dance"`},
		{"a DHCPv6 server at an IPv4 address", "-- dhcp --\n10.0.0.67 reply\n", `site.txt:2: not an IPv6 address: "10.0.0.67"`},
		{"a lease with an unknown option", "-- dhcp --\nlease /lease 121=x\n", `site.txt:2: 121=x: unknown option`},
		{"an unknown option", "-- registrars --\n10.0.0.5:5060 tcp accept colour=red\n", `site.txt:2: colour=red: unknown option`},
		{"an unknown certificate", "-- registrars --\n10.0.0.5:5060 tcp accept cert=golden\n", `site.txt:2: cert=golden: unknown kind of certificate "golden"`},
		{"digest without password", "-- registrars --\n10.0.0.5:5060 tcp digest user=phone1\n", `site.txt:2: digest: want user= and password=`},
		{"a status out of range", "-- registrars --\n10.0.0.5:5060 tcp status 42\n", `site.txt:2: status: want a code from 100 to 699, not "42"`},
		{"redirect to nowhere", "-- registrars --\n10.0.0.5:5060 tcp redirect\n", `site.txt:2: redirect: want SIP URIs`},
		{"lync with half an account", "-- registrars --\n10.0.0.5:5060 tcp lync user=phone1\n", `site.txt:2: lync: want user= and password=`},
		{"schemes without an account", "-- registrars --\n10.0.0.5:5060 tcp status 403 schemes=NTLM\n", `site.txt:2: status: want user= and password=`},
		{"an unknown version", "-- registrars --\n10.0.0.5:5060 tcp lync version=5\n", `site.txt:2: version=5: want a version from 2 to 4`},
		{"an unknown fault of signatures", "-- registrars --\n10.0.0.5:5060 tcp lync rspauth=late\n", `site.txt:2: rspauth=late: want wrong or missing`},
		{"a relay with an unknown option", "-- relays --\n10.0.0.30 upstairs\n", `site.txt:2: upstairs: unknown option`},
		{"a relay where a registrar is", "-- registrars --\n10.0.0.5:443 tcp accept\n-- relays --\n10.0.0.5 intranet\n", `site.txt:4: relay 10.0.0.5 for the second time, or where a registrar is`},
		{"a change of a relay that is not there", "-- change --\n+1s relays 10.0.0.30 silent\n", `site.txt:2: no relay 10.0.0.30`},
		{"a deregistration for no known reason", "-- registrars --\n10.0.0.5:5060 tcp lync\n-- change --\n+1s deregister 10.0.0.5:5060 bored\n", `site.txt:4: deregister: want one of [rejected unregistered deactivated preferred-registrar-change]`},
		{"a change without time", "-- change --\nzone servfail\n", `site.txt:2: want +DURATION before the change, not "zone"`},
		{"a change that is none", "-- change --\n+1s explode\n", `site.txt:2: unknown change "explode": known are ask, deregister, dhcp, forget, heal, network, provisioning, registrar, relays, reset, revoke, zone`},
		{"a change of a registrar that is not there", "-- change --\n+1s reset 10.0.0.5:5061\n", `site.txt:2: no registrar 10.0.0.5:5061`},
		{"a change with a mistake inside", "-- change --\n+1s zone fe01 A ten\n", `site.txt:2: neither a behaviour nor a record: "fe01 A ten": `},
		{"a section that is misspelt", "-- registrar --\n", `site.txt:1: unknown section "registrar": did you mean "registrars"?`},
		{"a section of the caller that is misspelt", "-- timelnie --\n", `site.txt:1: unknown section "timelnie": did you mean "timeline"?`},
		{"a behaviour of the zone that is misspelt", "-- zone --\nfe01 servfial\n", `site.txt:2: neither a behaviour nor a record: "fe01 servfial": "servfial": did you mean "servfail"?`},
		{"a record type that is misspelt", "-- zone --\nfe01 CNAM pool\n", `site.txt:2: neither a behaviour nor a record: "fe01 CNAM pool": "CNAM": did you mean "CNAME"?`},
		{"a behaviour of everything that is misspelt", "-- zone --\nslient\n", `site.txt:2: neither a behaviour nor a record: "slient": did you mean "silent"?`},
		{"a behaviour of a name server that is misspelt", "-- zone --\nserver 10.0.0.53 refusd\n", `site.txt:2: unknown behaviour "refusd": did you mean "refused"?`},
		{"a DHCP answer that is misspelt", "-- dhcp --\n10.0.0.67 akc\n", `site.txt:2: want silent, denied, ipv6, answer, ADDRESS ack|nak|reply [OPTION …], or lease FILE [OPTION …]: "akc": did you mean "ack"?`},
		{"a word of DHCP that is misspelt", "-- dhcp --\nslient\n", `site.txt:2: want silent, denied, ipv6, answer, ADDRESS ack|nak|reply [OPTION …], or lease FILE [OPTION …]: "slient": did you mean "silent"?`},
		{"a DHCP option that is misspelt", "-- dhcp --\n10.0.0.67 ack dealy=1s\n", `site.txt:2: dealy=1s: unknown option: did you mean "delay"?`},
		{"an option of a lease that is misspelt", "-- dhcp --\nlease /lease expire=1h\n", `site.txt:2: expire=1h: unknown option: did you mean "expires"?`},
		{"a behaviour that is misspelt", "-- registrars --\n10.0.0.5:5060 tcp acept\n", `site.txt:2: unknown behaviour "acept" (a name for the certificate has a dot): did you mean "accept"?`},
		{"an option that is misspelt", "-- registrars --\n10.0.0.5:5060 tcp accept expire=600\n", `site.txt:2: expire=600: unknown option: did you mean "expires"?`},
		{"a certificate that is misspelt", "-- registrars --\n10.0.0.5:5060 tcp accept cert=wrongnane\n", `site.txt:2: cert=wrongnane: unknown kind of certificate "wrongnane": did you mean "wrongname"?`},
		{"an algorithm that is misspelt", "-- registrars --\n10.0.0.5:5060 tcp accept algorithm=SHA256\n", `site.txt:2: algorithm=SHA256: unknown algorithm "SHA256": did you mean "SHA-256"?`},
		{"a value where none belongs", "-- registrars --\n10.0.0.5:5060 tcp accept basic=yes\n", `site.txt:2: basic=yes: basic takes no value`},
		{"no value where one belongs", "-- registrars --\n10.0.0.5:5060 tcp accept expires\n", `site.txt:2: expires: want expires=VALUE`},
		{"a number that is none", "-- registrars --\n10.0.0.5:5060 tcp accept expires=soon\n", `site.txt:2: expires=soon: want a whole number`},
		{"a location that is misspelt", "-- relays --\n10.0.0.30 intrant\n", `site.txt:2: intrant: unknown option: did you mean "intranet"?`},
		{"an option of MRAS that is misspelt", "-- relays --\nmras duraton=60\n", `site.txt:2: duraton=60: unknown option: did you mean "duration"?`},
		{"a change that is misspelt", "-- change --\n+1s hela\n", `site.txt:2: unknown change "hela": did you mean "heal"?`},
		{"a change with a behaviour that is misspelt", "-- relays --\n10.0.0.30\n-- change --\n+1s relays 10.0.0.30 slient\n", `site.txt:4: unknown behaviour "slient": did you mean "silent"?`},
		{"an event that is misspelt", "-- registrars --\n10.0.0.5:5060 tcp lync\n-- change --\n+1s deregister 10.0.0.5:5060 rejectd\n", `site.txt:4: deregister: want one of [rejected unregistered deactivated preferred-registrar-change]: did you mean "rejected"?`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("site.txt", []byte(tt.text), "timeline")
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("\n got %v\nwant %s…", err, tt.want)
			}
		})
	}
}

func TestParseLeavesTheCallersSectionsAlone(t *testing.T) {
	text := "prose -- is free\n-- cache --\nregistrar $$$ = nonsense\n-- zone --\nsilent # comment\n-- timeline --\n+0s state recalling\n"
	if _, err := Parse("site.txt", []byte(text), "cache", "timeline"); err != nil {
		t.Error(err)
	}
	if _, err := Parse("site.txt", []byte(text)); err == nil {
		t.Error("sections of nobody were accepted")
	}
}

func TestSectionReadsTheCallersLines(t *testing.T) {
	s, err := Parse("site.txt", []byte("-- policy --\nallow_tcp false # by the site\n\n# nothing\nusr phone1\n"), "policy")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	err = s.Section("policy", func(words []string) error {
		got = append(got, strings.Join(words, " "))
		if words[0] != "allow_tcp" {
			return Unknown("setting", words[0], []string{"allow_tcp", "user"})
		}
		return nil
	})
	if err == nil || err.Error() != `site.txt:5: unknown setting "usr": did you mean "user"?` {
		t.Errorf("error %v", err)
	}
	if strings.Join(got, "; ") != "allow_tcp false; usr phone1" {
		t.Errorf("lines %q", got)
	}
}
