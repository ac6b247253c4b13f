package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// told is JSON of this program that names a device.
const told = `{"settings":{"sip_address":"sip:phone1@contoso.com","user":"CONTOSO\\svc-j%C3%B6rg"},
 "host_name":"lobby-7.site.contoso.com","mac":"02:fc:0a:00:00:01","endpoint_id":"a1b2c3d4e5"}`

// phones is a redactor that knows the device of told, and one whose SIP address is a number.
func phones() *redactor {
	r := newRedactor()
	r.learnFrom([]byte(told))
	r.learnFrom([]byte(`{"sip_address":"sip:+2001;ext=5@contoso.com"}`))
	return r
}

func TestRedact(t *testing.T) {
	r := phones()
	stands := strings.NewReplacer("<phone1>", r.token("phone1"), "<jörg>", r.token("svc-jörg"), "<host>", r.token("lobby-7"), "<mac>", r.token("02:fc:0a:00:00:01"),
		"<epid>", r.token("a1b2c3d4e5"), "<2001>", r.token("2001"), "<alice>", r.token("alice"), "<other mac>", r.token("00:11:22:33:44:55"), "<long mac>", r.token("01:00:11:22:33:44:55"))
	for _, test := range []struct{ text, want string }{
		// What is known, wherever it is and however it is written.
		{"sip:phone1@contoso.com", "sip:<phone1>@contoso.com"},
		{"SIP:PHONE1@CONTOSO.COM", "SIP:<phone1>@CONTOSO.COM"},
		{"sip%3Aphone%31%40contoso.com", "sip%3A<phone1>%40contoso.com"},
		{"sip%253Aphone1%2540contoso.com", "sip%253A<phone1>%2540contoso.com"},
		{"user phone1, phone10 and xphone1", "user <phone1>, phone10 and xphone1"},
		{`"line one\nphone1"`, `"line one\n<phone1>"`},
		{`\x00phone1\u0000phone1`, `\x00<phone1>\u0000<phone1>`},
		{`CONTOSO\svc-jörg and contoso\SVC-JÖRG`, `CONTOSO\<jörg> and contoso\<jörg>`},
		{"svc-j%c3%b6rg@corp.local", "<jörg>@corp.local"},
		{"Nov 26 10:00:00 lobby-7 homeward[1]: LOBBY-7.site.contoso.com", "Nov 26 10:00:00 <host> homeward[1]: <host>.site.contoso.com"},
		{"Contact: <sip:phone1@10.0.0.7:5061;opaque=a1b2c3d4e5>;epid=A1B2C3D4E5", "Contact: <sip:<phone1>@10.0.0.7:5061;opaque=<epid>>;epid=<epid>"},
		{"phone1phone1 phone1-phone1", "phone1phone1 <phone1>-<phone1>"},
		{"phone1", "<phone1>"},
		// A number is one in a name only.
		{"sip:2001@contoso.com sip:+2001@contoso.com tel 2001.", "sip:<2001>@contoso.com sip:+<2001>@contoso.com tel <2001>."},
		{"fe01:2001, 10.0.0.2001, 2001:db8::2001 and 2001-11-20T20:01:00.2001Z, 2001ms", "fe01:2001, 10.0.0.2001, 2001:db8::2001 and 2001-11-20T20:01:00.2001Z, 2001ms"},
		// MAC addresses, known or not, and what IPv6 makes of them.
		{"02:FC:0A:00:00:01 02-fc-0a-00-00-01 02fc0a000001 02fc.0a00.0001", "<mac> <mac> <mac> <mac>"},
		{"fe80::fc:aff:fe00:1%eth0", "fe80::fc:<mac>%eth0"},
		{"from 00:11:22:33:44:55 as 01:00:11:22:33:44:55", "from <other mac> as <long mac>"},
		{"SHA-1 00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33", "SHA-1 00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33"},
		// Others, by the form of their address.
		{"sip:alice@fabrikam.com, sips:ALICE@10.0.0.5 and Alice@contoso.com", "sip:<alice>@fabrikam.com, sips:<alice>@10.0.0.5 and <alice>@contoso.com"},
		{"sip:alice;phone-context=x@host", "sip:<alice>@host"},
		{"sip%3aalice%40contoso.com", "sip%3a<alice>%40contoso.com"},
		{"user=alice@contoso.com", "user=<alice>@contoso.com"},
		// What support needs.
		{"SRV _sipinternaltls._tcp.contoso.com fe01.contoso.com:5061 at 10.0.0.5", "SRV _sipinternaltls._tcp.contoso.com fe01.contoso.com:5061 at 10.0.0.5"},
		{"sip:pool01.contoso.com@contoso.com;gruu;opaque=srvr:HomeServer:AbCd", "sip:pool01.contoso.com@contoso.com;gruu;opaque=srvr:HomeServer:AbCd"},
		{"100%off %zz %", "100%off %zz %"},
		{"\xff phone1 \xc3", "\xff <phone1> \xc3"},
		{"", ""},
	} {
		if got, want := r.text(test.text), stands.Replace(test.want); got != want {
			t.Errorf("%q:\n got %q\nwant %q", test.text, got, want)
		}
	}
}

func TestRedactJSON(t *testing.T) {
	r := phones()
	got := string(r.json([]byte(`{"phone1": 1, "a\"phone1": [ "phone1", "\u0070hone1", "C\\phone1<" ],` + "\n" + `"sip_address":"sip:phone1@x"}` + "\n" + `{"n":2001.5}`)))
	want := strings.ReplaceAll(`{"phone1": 1, "a\"phone1": [ "TOKEN", "TOKEN", "C\\TOKEN<" ],`+"\n"+`"sip_address":"sip:TOKEN@x"}`+"\n"+`{"n":2001.5}`, "TOKEN", r.token("phone1"))
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, broken := range []string{`{"a":"phone1`, `phone1`, `{"a":"\x","b":"phone1"}`} {
		if got := string(r.json([]byte(broken))); broken != "phone1" && strings.Contains(got, "phone1") {
			t.Errorf("%s is left as %s", broken, got)
		}
	}
}

// Tokens are the same within a bundle, and say nothing in another one.
func TestTokens(t *testing.T) {
	a, b := newRedactor(), newRedactor()
	if a.token("phone1") != a.token("PHONE%31") || a.token("phone1") == a.token("phone2") {
		t.Error("a token does not stand for one identity")
	}
	if a.token("phone1") == b.token("phone1") && a.token("phone2") == b.token("phone2") {
		t.Error("two bundles have the same tokens")
	}
	if !tokenForm().MatchString(a.token("phone1")) {
		t.Errorf("%s is not known as a token", a.token("phone1"))
	}
}

// Foreign text cannot make the redactor replace other words.
func TestNothingIsLearntFromForeignText(t *testing.T) {
	r := newRedactor()
	r.learnFrom([]byte(`{"detail":"\"sip_address\":\"sip:registered@contoso.com\"","host":"sip_address","via":"\",\"user\":\"tls\""}`))
	if len(r.known) != 0 {
		t.Errorf("it has learnt %q", r.known)
	}
}

func FuzzRedact(f *testing.F) {
	for _, seed := range []string{"sip:phone1@contoso.com", "PHONE%31", `"\nphone1"`, "fe80::fc:aff:fe00:1", "x phone1phone1", "\xc3phone1\xb6"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := phones()
		once := r.text(text)
		if f := folded(once); len(f.at) != len(f.text)+1 {
			t.Fatalf("%d bytes come from %d places", len(f.text), len(f.at))
		}
		if twice := r.text(once); twice != once {
			t.Errorf("%q becomes %q, and then %q", text, once, twice)
		}
		for _, word := range strings.FieldsFunc(once, func(c rune) bool { return c == ' ' }) {
			if strings.EqualFold(word, "phone1") || strings.EqualFold(word, "sip:phone1@contoso.com") {
				t.Errorf("%q becomes %q", text, once)
			}
		}
		quoted, err := json.Marshal(map[string]string{"detail": text})
		if err != nil {
			t.Fatal(err)
		}
		if out := r.json(quoted); !json.Valid(out) || bytes.Contains(out, []byte(`"phone1"`)) {
			t.Errorf("%s becomes %s", quoted, out)
		}
	})
}
