package ntlm

import (
	"bytes"
	"crypto/rc4"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// unhex reads hexadecimal digits; blanks and line breaks do not matter.
func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic(err)
	}
	return b
}

// vector is a sign-in whose numbers others have published or computed. Each number is compared, so that a mistake shows
// where it is made.
type vector struct {
	user, password, host string
	challenge            []byte
	fresh                fresh
	flags                uint32 // of our message, where they are not for our rule to choose
	want                 numbers
	bound                string // the message with a MIC, computed apart from this package; "": the server tells no time
}

// numbers are in lower-case hexadecimal.
type numbers struct {
	NTOWFv2, Proof, LM, SessionBase, EncryptedSession string
	ClientSign, ClientSeal, ServerSign, ServerSeal    string
	Message                                           string
}

// message is the AUTHENTICATE message of the sign-in.
func (v vector) message() string {
	if v.bound != "" {
		return v.bound
	}
	return v.want.Message
}

func (v vector) compute(t *testing.T) numbers {
	t.Helper()
	asked, err := parseChallenge(v.challenge)
	if err != nil {
		t.Fatal(err)
	}
	domain, user := splitUser(v.user)
	hash := hashV2(user, domain, v.password)
	r := response{
		flags: v.flags, version: v.fresh.version, domain: utf16le(domain), user: utf16le(user), host: utf16le(v.host),
	}
	base := r.prove(hash, asked, v.fresh)
	r.sessionKey = rc4Of(base, v.fresh.session[:])
	client, server := newKeys(v.fresh.session[:], "client-to-server"), newKeys(v.fresh.session[:], "server-to-client")
	x := hex.EncodeToString
	return numbers{
		NTOWFv2: x(hash), Proof: x(r.nt[:16]), LM: x(r.lm), SessionBase: x(base), EncryptedSession: x(r.sessionKey),
		ClientSign: x(client.sign), ClientSeal: x(client.seal), ServerSign: x(server.sign), ServerSeal: x(server.seal),
		Message: x(r.encode()),
	}
}

// vectorA is MS-NLMP section 4.2.4. Its challenge is for a connection, so that only the parts can be compared.
func vectorA() vector {
	return vector{
		user: `Domain\User`, password: "Password", host: "COMPUTER",
		challenge: unhex(`4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef00000000000000002400240044000000
			060070170000000f53006500720076006500720002000c0044006f006d00610069006e0001000c005300650072007600650072
			0000000000`),
		fresh: fresh{
			nonce: [8]byte(bytes.Repeat([]byte{0xaa}, 8)), session: [16]byte(bytes.Repeat([]byte{0x55}, 16)), version: ourVersion,
		},
		flags: 0xe2888235,
		want: numbers{
			NTOWFv2: "0c868a403bfd7a93a3001ef22ef02e3f", Proof: "68cd0ab851e51c96aabc927bebef6a1c",
			LM:          "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa",
			SessionBase: "8de40ccadbc14a82f15cb0ad0de95ca3", EncryptedSession: "c5dad2544fc9799094ce1ce90bc9d03e",
			ClientSign: "4788dc861b4782f35d43fd98fe1a2d39", ClientSeal: "59f600973cc4960a25480a7c196e4c58",
			ServerSign: "d04d6f10741041d1d246d64188d7a8ad", ServerSeal: "9355f3a957c1583d25c4c2f11e40390e",
			Message: "4e544c4d5353500003000000180018006c00000054005400840000000c000c00480000000800080054000000100010005c0000" +
				"0010001000d8000000358288e20501280a0000000f44006f006d00610069006e00550073006500720043004f004d00500055005400" +
				"4500520086c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa68cd0ab851e51c96aabc927bebef6a1c010100000000000000" +
				"00000000000000aaaaaaaaaaaaaaaa0000000002000c0044006f006d00610069006e0001000c005300650072007600650072000000" +
				"000000000000c5dad2544fc9799094ce1ce90bc9d03e",
		},
	}
}

// vectorB was captured between an Office Communicator and a server, both 2007 R2.
func vectorB() vector {
	return vector{
		user: `COSMO\User`, password: "Pa$$word", host: "COSMO-OCS-R2",
		challenge: unhex(`4E544C4D53535000020000000000000038000000F38298E2DD1BAAF4E7E218D1000000000000000096009600380000000502CE0E0000000F
			02000A0043004F0053004D004F000100180043004F0053004D004F002D004F00430053002D00520032000400160063006F0073006D006F002E006C00
			6F00630061006C000300300063006F0073006D006F002D006F00630073002D00720032002E0063006F0073006D006F002E006C006F00630061006C00
			0500160063006F0073006D006F002E006C006F00630061006C0000000000`),
		fresh: fresh{
			nonce:   [8]byte(unhex("D6AE875CB0FDAA41")),
			session: [16]byte(unhex("6742FBE37BB1946B49D86A525BD29A9B")),
			now:     binary.LittleEndian.Uint64(unhex("59519A1727B9CA01")),
			version: string(unhex("0502CE0E0000000F")),
		},
		flags: 0x62988255,
		want: numbers{
			NTOWFv2: "164b086e00d2f393529fa3a98209f99e", Proof: "8dc0c800ae76eca606d2b9fbebd04731",
			LM:          "a1e92efe4e078bf7c5c0049acc6166c2d6ae875cb0fdaa41",
			SessionBase: "02959b1d938e14ccc8412639311cdd49", EncryptedSession: "31cb739e1ca80a498591e8ae797115e4",
			ClientSign: "ea5e87c195ae65338f7c023e7600690d", ClientSeal: "83013a189002d3abad49c4c8f605ecc8",
			ServerSign: "0151fe94dba8c83f3c6a6e5444ae54b4", ServerSeal: "2a2e34e8d420c039e8f31cb9e8e0cd88",
			Message: strings.ToLower("4E544C4D53535000030000001800180072000000C600C6008A0000000A000A00480000000800080052000000180018005A0000001000" +
				"100050010000558298620502CE0E0000000F43004F0053004D004F00550073006500720043004F0053004D004F002D004F00430053002D0052003200A1" +
				"E92EFE4E078BF7C5C0049ACC6166C2D6AE875CB0FDAA418DC0C800AE76ECA606D2B9FBEBD04731010100000000000059519A1727B9CA01D6AE875CB0FD" +
				"AA410000000002000A0043004F0053004D004F000100180043004F0053004D004F002D004F00430053002D00520032000400160063006F0073006D006F" +
				"002E006C006F00630061006C000300300063006F0073006D006F002D006F00630073002D00720032002E0063006F0073006D006F002E006C006F006300" +
				"61006C000500160063006F0073006D006F002E006C006F00630061006C00000000000000000031CB739E1CA80A498591E8AE797115E4"),
		},
	}
}

// vectorD is invented: a phone and a Lync 2013 pool whose challenge tells the time.
func vectorD() vector {
	challenge, err := base64.StdEncoding.DecodeString("TlRMTVNTUAACAAAAAAAAADgAAADzgpjiAQIDBAUGBwgAAAAAAAAAAJ4AngA4AAAABgGxHQAAAA8CAA4AQwBPAE4AVABP" +
		"AFMATwABAAgARgBFADAAMQAEAB4AYwBvAG4AdABvAHMAbwAuAGUAeABhAG0AcABsAGUAAwAoAGYAZQAwADEALgBjAG8AbgB0AG8AcwBvAC4AZQB4AGEAbQBwAGwA" +
		"ZQAFAB4AYwBvAG4AdABvAHMAbwAuAGUAeABhAG0AcABsAGUABwAIAAAAWvZM9dQBAAAAAA==")
	if err != nil {
		panic(err)
	}
	return vector{
		user: `CONTOSO\phone1`, password: "Passw0rd!", host: "PHONE-0011",
		challenge: challenge,
		fresh: fresh{
			nonce: [8]byte(unhex("1112131415161718")), session: [16]byte(unhex("000102030405060708090A0B0C0D0E0F")),
			now:     0xdead, // the challenge tells another time
			version: ourVersion,
		},
		flags: 0x62988255,
		want: numbers{
			NTOWFv2: "d9de06aecbaac32ccf9af8e150aab47b", Proof: "8381497d610a1201d7a04d59320f17f5",
			LM:          "e7515568beed78a3963fdaa356442ff21112131415161718",
			SessionBase: "123e04f2c7b12e9564d02e30c7e1455d", EncryptedSession: "6a08dffedf7bb791b36f7add336140b2",
			ClientSign: "9b52e70996bd32c71f2398b552d207d2", ClientSeal: "157cc91ead98fd67ff4911a6c338be2c",
			ServerSign: "24708083b479de7c5807cac27aeefbce", ServerSeal: "537dc0b821115fd8177313be127b7d90",
			Message: strings.ToLower("4E544C4D53535000030000001800180076000000CE00CE008E0000000E000E00480000000C000C00560000001400140062000000" +
				"100010005C010000558298620501280A0000000F43004F004E0054004F0053004F00700068006F006E0065003100500048004F004E0045002D003000" +
				"300031003100E7515568BEED78A3963FDAA356442FF211121314151617188381497D610A1201D7A04D59320F17F5010100000000000000005AF64CF5" +
				"D40111121314151617180000000002000E0043004F004E0054004F0053004F0001000800460045003000310004001E0063006F006E0074006F007300" +
				"6F002E006500780061006D0070006C0065000300280066006500300031002E0063006F006E0074006F0073006F002E006500780061006D0070006C00" +
				"650005001E0063006F006E0074006F0073006F002E006500780061006D0070006C0065000700080000005AF64CF5D401000000000000000" +
				"06A08DFFEDF7BB791B36F7ADD336140B2"),
		},
		bound: "4e544c4d53535000030000001800180086000000d600d6009e0000000e000e00580000000c000c0066000000140014007200000010001000" +
			"74010000558298620501280a0000000f1bf9c36190fe5cc2414960991aa76ee943004f004e0054004f0053004f00700068006f006e006500" +
			"3100500048004f004e0045002d003000300031003100000000000000000000000000000000000000000000000000b2c176007bdebbb60e6f" +
			"52fca81830d5010100000000000000005af64cf5d40111121314151617180000000002000e0043004f004e0054004f0053004f0001000800" +
			"460045003000310004001e0063006f006e0074006f0073006f002e006500780061006d0070006c0065000300280066006500300031002e00" +
			"63006f006e0074006f0073006f002e006500780061006d0070006c00650005001e0063006f006e0074006f0073006f002e00650078006100" +
			"6d0070006c0065000700080000005af64cf5d401060004000200000000000000000000005a37dae91a1dae6c3e58584cf2563c0d",
	}
}

func TestNumbers(t *testing.T) {
	for name, v := range map[string]vector{
		"A: MS-NLMP section 4.2.4":        vectorA(),
		"B: Office Communicator 2007 R2":  vectorB(),
		"D: a phone and a Lync 2013 pool": vectorD(),
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(v.want, v.compute(t)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// The whole exchange of vectors B and D: the AUTHENTICATE message, a signed REGISTER, and its signed answer.
func TestSignIn(t *testing.T) {
	for name, test := range map[string]struct {
		vector                                 vector
		request, response, reply, confirmation string
	}{
		"B: Office Communicator 2007 R2": {
			vector:       vectorB(),
			request:      "<NTLM><13317733><1><SIP Communications Service><cosmo-ocs-r2.cosmo.local><4037df9284354df39065195bd57a4b14><3><REGISTER><sip:user@cosmo.local><3e49177a52><sip:user@cosmo.local><><><><>",
			response:     "0100000029618e9651b65a7764000000",
			reply:        "<NTLM><9616454F><1><SIP Communications Service><cosmo-ocs-r2.cosmo.local><4037df9284354df39065195bd57a4b14><3><REGISTER><sip:user@cosmo.local><3e49177a52><sip:user@cosmo.local><5E61CCD925D17E043D9A74835A88F664><><><7200><200>",
			confirmation: "01000000E615438A917661BE64000000",
		},
		"D: a phone and a Lync 2013 pool": {
			vector:       vectorD(),
			request:      "<NTLM><0a1b2c3d><1><SIP Communications Service><fe01.contoso.example><5f1e2d3c4b5a69788796a5b4c3d2e1f0><3><REGISTER><sip:phone1@contoso.example><77aa88bb99><sip:phone1@contoso.example><><><><>",
			response:     "010000000483ad5148816e2064000000",
			reply:        "<NTLM><DEADBEEF><1><SIP Communications Service><fe01.contoso.example><5f1e2d3c4b5a69788796a5b4c3d2e1f0><3><REGISTER><sip:phone1@contoso.example><77aa88bb99><sip:phone1@contoso.example><AABBCCDDEEFF00112233445566778899><><><7200><200>",
			confirmation: "0100000099a67e529ba8c8b264000000",
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := test.vector
			credentials := Credentials{User: v.user, Password: func() string { return v.password }, Host: v.host}
			message, security, err := credentials.authenticate(v.challenge, v.fresh)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(v.message(), hex.EncodeToString(message)); diff != "" {
				t.Errorf("AUTHENTICATE (-want +got)\n%s", diff)
			}
			for range 2 { // every message is signed as if it were the only one
				if got := security.Sign(test.request); got != test.response {
					t.Errorf("response=%s, want %s", got, test.response)
				}
				if !security.Verify(test.reply, test.confirmation) {
					t.Error("the Registrar's own signature is refused")
				}
			}
			for _, bad := range []struct{ why, text, signature string }{
				{"another text", test.reply + " ", test.confirmation},
				{"our own signature, sent back", test.request, test.response},
				{"no signature", test.reply, ""},
				{"too short a signature", test.reply, test.confirmation[:30]},
				{"too long a signature", test.reply, test.confirmation + "00"},
				{"no hexadecimal digits", test.reply, strings.Repeat("x", 32)},
				{"another version", test.reply, "02" + test.confirmation[2:]},
				{"another sequence number", test.reply, test.confirmation[:24] + "65000000"},
			} {
				if security.Verify(bad.text, bad.signature) {
					t.Errorf("%s: accepted", bad.why)
				}
			}
		})
	}
}

func TestMessageKeys(t *testing.T) {
	f := vectorB().fresh
	for direction, want := range map[string]string{
		"client-to-server": "9c4f4700459447d91cd5f161601e400c",
		"server-to-client": "98a7586f30f71015b079ec4f86de9c34",
	} {
		if got := hex.EncodeToString(newKeys(f.session[:], direction).message(sequence)); got != want {
			t.Errorf("RC4 key %s: got %s, want %s", direction, got, want)
		}
	}
}

// Vector A signs on a connection, where RC4 goes on from message to message; all but that is ours.
func TestChecksumOfVectorA(t *testing.T) {
	f := vectorA().fresh
	k := newKeys(f.session[:], "client-to-server")
	text := utf16le("Plaintext")
	checksum := k.checksum(0, string(text))
	cipher, err := rc4.NewCipher(k.seal)
	if err != nil {
		t.Fatal(err)
	}
	sealed, sealedChecksum := make([]byte, len(text)), make([]byte, len(checksum))
	cipher.XORKeyStream(sealed, text)
	cipher.XORKeyStream(sealedChecksum, checksum)

	got := []string{hex.EncodeToString(checksum), hex.EncodeToString(sealed), hex.EncodeToString(sealedChecksum)}
	want := []string{"70352851f2564309", "54e50165bf1936dc996020c1811b0f06fb5f", "7fb38ec5c55d4976"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Published numbers that do not belong to a whole sign-in: the Davenport page, and MS-NLMP section 4.2.3.
func TestSignKeys(t *testing.T) {
	davenport := newKeys(unhex("0102030405060708090a0b0c0d0e0f00"), "client-to-server")
	got := []string{
		hex.EncodeToString(davenport.sign),
		hex.EncodeToString(davenport.checksum(0, "jCIFS")),
		hex.EncodeToString(newKeys(unhex("EB93429A8BD952F8B89C55B87F475EDC"), "client-to-server").sign),
	}
	want := []string{"f7f97a82ec390f9c903dac4f6aceb132", "0a003602317a759a", "60e799be5c72fc92922ae8ebe961fb8d"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Vector C: a version 2 server without extended session security.
func TestWeakSignatures(t *testing.T) {
	const (
		reply        = "<NTLM><0878F41B><1><SIP Communications Service><ocs1.ocs.provo.novell.com><8592g5DCBa1694i5887m0D0Bt2247b3F38xAE9Fx><3><REGISTER><sip:gabriel@ocs.provo.novell.com><2947328781><B816D65C2300A32CFA6D371F2AF537FD><900><200>"
		confirmation = "0100000000000000BF2E52667DDF6DED"
	)
	security := newSecurity(unhex("5F029153BC025058969548615E7099BA"), false)
	if got := security.Sign(reply); got != strings.ToLower(confirmation) {
		t.Errorf("got %s, want %s", got, confirmation)
	}
	for _, test := range []struct {
		why, text, signature string
		want                 bool
	}{
		{"as captured", reply, confirmation, true},
		{"another pad", reply, "01000000DEADBEEFBF2E52667DDF6DED", true},
		{"another text", reply + " ", confirmation, false},
		{"another checksum", reply, "0100000000000000BF2E52667DDF6DEE", false},
		{"another version", reply, "0200000000000000BF2E52667DDF6DED", false},
		{"too short", reply, confirmation[:24], false},
	} {
		if got := security.Verify(test.text, test.signature); got != test.want {
			t.Errorf("%s: got %v, want %v", test.why, got, test.want)
		}
	}

	davenport := crcKey(unhex("0102030405e538b0")).mac(0, "jCIFS") // but for the pad, which is 78010900 there
	if got := hex.EncodeToString(davenport); got != "0100000000000000397420fe0e5a0f89" {
		t.Errorf("Davenport: got %s", got)
	}
}
