package sip

import (
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// keyed is an association whose keys are known: the message keys of the vectors, and a signing key for each direction.
func keyed(version int, target, signClient, sealClient, signServer, sealServer string) *association {
	key := func(text string) []byte {
		b, err := hex.DecodeString(text)
		if err != nil {
			panic(err)
		}
		return b
	}
	sign := func(seal, sign string, text string) string {
		const sequence = "\x64\x00\x00\x00"
		message := md5Of(string(key(seal)) + sequence)
		return "01000000" + hex.EncodeToString(scramble(message, mac(key(sign), sequence+text)[:8])) + "64000000"
	}
	return &association{
		scheme: "NTLM", realm: poolRealm, target: target, version: version,
		sign:   func(text string) string { return sign(sealClient, signClient, text) },
		verify: func(text, proof string) bool { return strings.EqualFold(proof, sign(sealServer, signServer, text)) },
	}
}

// The vectors of Office Communicator (B) and of a Lync pool (D), from the messages they were taken of to the signatures.
func TestSignatures(t *testing.T) {
	for _, test := range []struct {
		name              string
		association       *association
		crand             string
		request, response string // headers, and the signature
		answer, rspauth   string
	}{
		{
			name: "B: Office Communicator 2007 R2",
			association: keyed(4, "cosmo-ocs-r2.cosmo.local",
				"ea5e87c195ae65338f7c023e7600690d", "83013a189002d3abad49c4c8f605ecc8", "0151fe94dba8c83f3c6a6e5444ae54b4", "2a2e34e8d420c039e8f31cb9e8e0cd88"),
			crand:    "13317733",
			request:  "From: <sip:user@cosmo.local>;tag=3e49177a52;epid=c8ca638a15\r\nTo: <sip:user@cosmo.local>\r\nCall-ID: 4037df9284354df39065195bd57a4b14\r\nCSeq: 3 REGISTER\r\n",
			response: "0100000029618e9651b65a7764000000",
			answer: `Authentication-Info: NTLM rspauth="01000000E615438A917661BE64000000", srand="9616454F", snum="1", opaque="2BDBAC9D", qop="auth", targetname="cosmo-ocs-r2.cosmo.local", realm="SIP Communications Service"` +
				"\r\nFrom: \"User\"<sip:user@cosmo.local>;tag=3e49177a52;epid=c8ca638a15\r\nTo: <sip:user@cosmo.local>;tag=5E61CCD925D17E043D9A74835A88F664\r\n" +
				"Call-ID: 4037df9284354df39065195bd57a4b14\r\nCSeq: 3 REGISTER\r\nContact: <sip:10.0.0.1>;expires=7200\r\nExpires: 7200\r\n",
			rspauth: "01000000E615438A917661BE64000000",
		},
		{
			name: "D: a phone and a Lync 2013 pool",
			association: keyed(4, "fe01.contoso.example",
				"9b52e70996bd32c71f2398b552d207d2", "157cc91ead98fd67ff4911a6c338be2c", "24708083b479de7c5807cac27aeefbce", "537dc0b821115fd8177313be127b7d90"),
			crand:    "0a1b2c3d",
			request:  "f: sip:phone1@contoso.example;tag=77aa88bb99;epid=a1b2c3d4e5\r\nt: sip:phone1@contoso.example\r\ni: 5f1e2d3c4b5a69788796a5b4c3d2e1f0\r\nCSeq: 3 REGISTER\r\n",
			response: "010000000483ad5148816e2064000000",
			answer: `Proxy-Authentication-Info: NTLM qop="auth", srand="DEADBEEF", snum="1", rspauth="0100000099a67e529ba8c8b264000000", targetname="fe01.contoso.example", realm="SIP Communications Service", version=4` +
				"\r\nFROM: <sip:phone1@contoso.example>;tag=77aa88bb99;epid=a1b2c3d4e5\r\nTO: <sip:phone1@contoso.example>;tag=AABBCCDDEEFF00112233445566778899\r\n" +
				"CALL-ID: 5f1e2d3c4b5a69788796a5b4c3d2e1f0\r\nCSEQ: 3 REGISTER\r\nEXPIRES: 7200\r\n",
			rspauth: "0100000099a67e529ba8c8b264000000",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := test.association
			request, err := parseOne([]byte("REGISTER sip:x SIP/2.0\r\n" + test.request + "\r\n"))
			if err != nil {
				t.Fatal(err)
			}
			if got := a.sign(a.text(request, []string{a.scheme, test.crand, "1", a.realm, a.target})); got != test.response {
				t.Errorf("response=%s, want %s", got, test.response)
			}
			answer, err := parseOne([]byte("SIP/2.0 200 OK\r\n" + test.answer + "\r\n"))
			if err != nil {
				t.Fatal(err)
			}
			n := ntlmScheme{agreement: agreement{stage: proving, next: *a}}
			if err := n.verify(answer); err != nil || n.stage != proven {
				t.Error(err)
			}
			for i, h := range answer.headers { // nothing that is signed can be changed, and nothing else is signed
				changed := *answer
				changed.headers = append([]header{}, answer.headers...)
				changed.headers[i] = parseHeader(strings.NewReplacer("1", "2", "cosmo.local", "cosmos.local", "contoso.example", "contosos.example").Replace(h.raw))
				if changed.headers[i] == h {
					changed.headers[i] = parseHeader(h.raw + "0")
				}
				if err := n.verify(&changed); (err == nil) != strings.EqualFold(h.name, "Contact") {
					t.Errorf("%s: %v", changed.headers[i].raw, err)
				}
			}
		})
	}
}

// Vector C, and the text of a ringing call: what is signed in version 2 and where others assert who is meant.
func TestSignedText(t *testing.T) {
	for _, test := range []struct {
		name    string
		version int
		fields  []string
		message string
		want    string
	}{
		{
			name: "C: version 2 has 13 fields", version: 2,
			fields: []string{"NTLM", "0878F41B", "1", poolRealm, "ocs1.ocs.provo.novell.com"},
			message: "SIP/2.0 200 OK\r\nFrom: <sip:gabriel@ocs.provo.novell.com>;tag=2947328781\r\nTo: <sip:gabriel@ocs.provo.novell.com>;tag=B816D65C2300A32CFA6D371F2AF537FD\r\n" +
				"Call-ID: 8592g5DCBa1694i5887m0D0Bt2247b3F38xAE9Fx\r\nCSeq: 3 REGISTER\r\nExpires: 900\r\n\r\n",
			want: "<NTLM><0878F41B><1><SIP Communications Service><ocs1.ocs.provo.novell.com><8592g5DCBa1694i5887m0D0Bt2247b3F38xAE9Fx><3><REGISTER><sip:gabriel@ocs.provo.novell.com><2947328781><B816D65C2300A32CFA6D371F2AF537FD><900><200>",
		},
		{
			name: "an answer with upper-case names and an asserted identity", version: 4,
			fields: []string{"NTLM", "1B6D47A1", "11", poolRealm, "LOC-COMPANYT-FE03.COMPANY.COM"},
			message: "SIP/2.0 180 Ringing\r\nFROM: \"Sender\"<sip:sender@company.com>;tag=2420628112;epid=54392c3e24\r\nTO: <sip:recipient@company.com>;tag=7aee15546a;epid=3102EB8BD1\r\n" +
				"CALL-ID: 41CEg82ECa0AC8i3DD7mE673t9CF4b19DAxF780x\r\nCSEQ: 1 INVITE\r\nP-ASSERTED-IDENTITY: \"recipient\"<SIP:recipient@company.com>\r\n\r\n",
			want: "<NTLM><1B6D47A1><11><SIP Communications Service><LOC-COMPANYT-FE03.COMPANY.COM><41CEg82ECa0AC8i3DD7mE673t9CF4b19DAxF780x><1><INVITE><sip:sender@company.com><2420628112><sip:recipient@company.com><7aee15546a><SIP:recipient@company.com><><><180>",
		},
		{
			name: "a telephone number beside the asserted identity, in one header or two", version: 3,
			fields:  []string{"NTLM", "r", "1", "realm", "target"},
			message: "NOTIFY sip:x SIP/2.0\r\nFrom: sip:a@b;tag=1\r\nTo: sip:c@d;epid=2\r\nCall-ID: i\r\nCSeq: 1 NOTIFY\r\nP-Asserted-Identity: <tel:+14255550100>, \"A, B\"<sip:a@b>\r\nP-Preferred-Identity: <sip:z@z>\r\n\r\n",
			want:    "<NTLM><r><1><realm><target><i><1><NOTIFY><sip:a@b><1><sip:c@d><><sip:a@b><tel:+14255550100><>",
		},
		{
			name: "a preferred identity where none is asserted, and what is absent", version: 3,
			fields:  []string{"NTLM", "", "", "", ""},
			message: "NOTIFY sip:x SIP/2.0\r\nP-Preferred-Identity: <sips:z@z>\r\n\r\n",
			want:    "<NTLM><><><><><><><><><><><><sips:z@z><><>",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := parseOne([]byte(test.message))
			if err != nil {
				t.Fatal(err)
			}
			a := association{version: test.version}
			if diff := cmp.Diff(test.want, a.text(m, test.fields)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What we answer is signed with its status, as the public text of a ringing call has it: the answer is built here as the
// session builds it, and read again as the Registrar does.
func TestMend05AnswerIsSignedWithItsStatus(t *testing.T) {
	invite, err := parseOne([]byte("INVITE sip:recipient@company.com SIP/2.0\r\nVia: SIP/2.0/TLS 10.0.0.5:5061;branch=z9hG4bK7\r\n" +
		"FROM: \"Sender\"<sip:sender@company.com>;tag=2420628112;epid=54392c3e24\r\nTO: <sip:recipient@company.com>;epid=3102EB8BD1\r\n" +
		"CALL-ID: 41CEg82ECa0AC8i3DD7mE673t9CF4b19DAxF780x\r\nCSEQ: 1 INVITE\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	c := composer{tag: "7aee15546a"}
	built := c.response(invite, 180, "Ringing")
	sent, err := parseOne(built.encode())
	if err != nil {
		t.Fatal(err)
	}
	const want = "<NTLM><1B6D47A1><11><SIP Communications Service><LOC-COMPANYT-FE03.COMPANY.COM><41CEg82ECa0AC8i3DD7mE673t9CF4b19DAxF780x><1><INVITE><sip:sender@company.com><2420628112><sip:recipient@company.com><7aee15546a><><><><180>"
	for name, m := range map[string]*message{"built": built, "sent": sent} {
		a := association{version: 4}
		if diff := cmp.Diff(want, a.text(m, []string{"NTLM", "1B6D47A1", "11", poolRealm, "LOC-COMPANYT-FE03.COMPANY.COM"})); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// Vector C once more, up to its signature: without extended session security, as its server signed.
func TestWeakSignature(t *testing.T) {
	session, _ := hex.DecodeString("5F029153BC025058969548615E7099BA")
	a := association{scheme: "NTLM", realm: poolRealm, target: "ocs1.ocs.provo.novell.com", version: 2, verify: func(text, proof string) bool {
		sum := fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(text)))
		little, _ := hex.DecodeString("00000000" + sum[6:] + sum[4:6] + sum[2:4] + sum[:2] + "64000000")
		return strings.EqualFold(proof, "0100000000000000"+hex.EncodeToString(scramble(session, little)[4:]))
	}}
	m, err := parseOne([]byte("SIP/2.0 200 OK\r\n" +
		`Authentication-Info: NTLM rspauth="0100000000000000BF2E52667DDF6DED", srand="0878F41B", snum="1", opaque="4452DFB0", qop="auth", targetname="ocs1.ocs.provo.novell.com", realm="SIP Communications Service"` + "\r\n" +
		"From: \"Gabriel\"<sip:gabriel@ocs.provo.novell.com>;tag=2947328781;epid=1234567890\r\nTo: <sip:gabriel@ocs.provo.novell.com>;tag=B816D65C2300A32CFA6D371F2AF537FD\r\n" +
		"Call-ID: 8592g5DCBa1694i5887m0D0Bt2247b3F38xAE9Fx\r\nCSeq: 3 REGISTER\r\nExpires: 900\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.check(m); err != nil {
		t.Error(err)
	}
}
