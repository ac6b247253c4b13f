package sitetest

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Vector B is public (an OCS 2007 R2 and a Communicator), vector D was invented.
var vectors = []struct {
	name, account, password string
	challenge, token        string // hex
	key                     string
	request, response       string // text and its signature
	reply, rspauth          string
}{
	{
		name: "B", account: `COSMO\User`, password: "Pa$$word",
		challenge: "4E544C4D53535000020000000000000038000000F38298E2DD1BAAF4E7E218D1000000000000000096009600380000000502CE0E0000000F02000A0043004F0053004D004F000100180043004F0053004D004F002D004F00430053002D00520032000400160063006F0073006D006F002E006C006F00630061006C000300300063006F0073006D006F002D006F00630073002D00720032002E0063006F0073006D006F002E006C006F00630061006C000500160063006F0073006D006F002E006C006F00630061006C0000000000",
		token:     "4E544C4D53535000030000001800180072000000C600C6008A0000000A000A00480000000800080052000000180018005A0000001000100050010000558298620502CE0E0000000F43004F0053004D004F00550073006500720043004F0053004D004F002D004F00430053002D0052003200A1E92EFE4E078BF7C5C0049ACC6166C2D6AE875CB0FDAA418DC0C800AE76ECA606D2B9FBEBD04731010100000000000059519A1727B9CA01D6AE875CB0FDAA410000000002000A0043004F0053004D004F000100180043004F0053004D004F002D004F00430053002D00520032000400160063006F0073006D006F002E006C006F00630061006C000300300063006F0073006D006F002D006F00630073002D00720032002E0063006F0073006D006F002E006C006F00630061006C000500160063006F0073006D006F002E006C006F00630061006C00000000000000000031CB739E1CA80A498591E8AE797115E4",
		key:       "6742FBE37BB1946B49D86A525BD29A9B",
		request:   "<NTLM><13317733><1><SIP Communications Service><cosmo-ocs-r2.cosmo.local><4037df9284354df39065195bd57a4b14><3><REGISTER><sip:user@cosmo.local><3e49177a52><sip:user@cosmo.local><><><><>",
		response:  "0100000029618e9651b65a7764000000",
		reply:     "<NTLM><9616454F><1><SIP Communications Service><cosmo-ocs-r2.cosmo.local><4037df9284354df39065195bd57a4b14><3><REGISTER><sip:user@cosmo.local><3e49177a52><sip:user@cosmo.local><5E61CCD925D17E043D9A74835A88F664><><><7200><200>",
		rspauth:   "01000000e615438a917661be64000000",
	},
	{
		name: "D", account: `CONTOSO\phone1`, password: "Passw0rd!",
		challenge: "4e544c4d53535000020000000000000038000000f38298e2010203040506070800000000000000009e009e00380000000601b11d0000000f02000e0043004f004e0054004f0053004f0001000800460045003000310004001e0063006f006e0074006f0073006f002e006500780061006d0070006c0065000300280066006500300031002e0063006f006e0074006f0073006f002e006500780061006d0070006c00650005001e0063006f006e0074006f0073006f002e006500780061006d0070006c0065000700080000005af64cf5d40100000000",
		token:     "4E544C4D53535000030000001800180076000000CE00CE008E0000000E000E00480000000C000C00560000001400140062000000100010005C010000558298620501280A0000000F43004F004E0054004F0053004F00700068006F006E0065003100500048004F004E0045002D003000300031003100E7515568BEED78A3963FDAA356442FF211121314151617188381497D610A1201D7A04D59320F17F5010100000000000000005AF64CF5D40111121314151617180000000002000E0043004F004E0054004F0053004F0001000800460045003000310004001E0063006F006E0074006F0073006F002E006500780061006D0070006C0065000300280066006500300031002E0063006F006E0074006F0073006F002E006500780061006D0070006C00650005001E0063006F006E0074006F0073006F002E006500780061006D0070006C0065000700080000005AF64CF5D40100000000000000006A08DFFEDF7BB791B36F7ADD336140B2",
		key:       "000102030405060708090A0B0C0D0E0F",
		request:   "<NTLM><0a1b2c3d><1><SIP Communications Service><fe01.contoso.example><5f1e2d3c4b5a69788796a5b4c3d2e1f0><3><REGISTER><sip:phone1@contoso.example><77aa88bb99><sip:phone1@contoso.example><><><><>",
		response:  "010000000483ad5148816e2064000000",
		reply:     "<NTLM><DEADBEEF><1><SIP Communications Service><fe01.contoso.example><5f1e2d3c4b5a69788796a5b4c3d2e1f0><3><REGISTER><sip:phone1@contoso.example><77aa88bb99><sip:phone1@contoso.example><AABBCCDDEEFF00112233445566778899><><><7200><200>",
		rspauth:   "0100000099a67e529ba8c8b264000000",
	},
}

// The suite of RFC 1320.
func TestMD4(t *testing.T) {
	for text, want := range map[string]string{
		"":               "31d6cfe0d16ae931b73c59d7e0c089c0",
		"abc":            "a448017aaf21d8525fc10ae87aa6729d",
		"message digest": "d9130a8164549fe818874806e1c7014b",
		"12345678901234567890123456789012345678901234567890123456789012345678901234567890": "e33b4ddc9c38f2199c3e7b164fcc0536",
	} {
		if got := hex.EncodeToString(md4Of([]byte(text))); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestAuthenticateAndSignAsTheVectors(t *testing.T) {
	for _, v := range vectors {
		s, err := authenticate(unhex(t, v.challenge), unhex(t, v.token), v.account, v.password)
		if err != nil || !strings.EqualFold(hex.EncodeToString(s.key), v.key) {
			t.Errorf("%s: key %x, %v", v.name, s.key, err)
		}
		if !s.verifies(v.request, unhex(t, v.response)) {
			t.Errorf("%s: the request is signed %x, want %s", v.name, s.mac(true, v.request), v.response)
		}
		if got := hex.EncodeToString(s.mac(false, v.reply)); got != v.rspauth {
			t.Errorf("%s: rspauth %s, want %s", v.name, got, v.rspauth)
		}
	}
}

// Vector C is public: protocol version 2, without extended session security.
func TestSignWithoutExtendedSessionSecurity(t *testing.T) {
	s := session{key: unhex(t, "5F029153BC025058969548615E7099BA")}
	const text = "<NTLM><0878F41B><1><SIP Communications Service><ocs1.ocs.provo.novell.com><8592g5DCBa1694i5887m0D0Bt2247b3F38xAE9Fx><3><REGISTER><sip:gabriel@ocs.provo.novell.com><2947328781><B816D65C2300A32CFA6D371F2AF537FD><900><200>"
	if got := hex.EncodeToString(s.mac(false, text)); got != "0100000000000000bf2e52667ddf6ded" {
		t.Errorf("rspauth %s", got)
	}
	if !s.verifies(text, unhex(t, "0100000012345678bf2e52667ddf6ded")) {
		t.Error("a signature with other padding is refused")
	}
}

func TestChallengeMessageIsThatOfVectorD(t *testing.T) {
	const want = "TlRMTVNTUAACAAAAAAAAADgAAADzgpjiAQIDBAUGBwgAAAAAAAAAAJ4AngA4AAAABgGxHQAAAA8CAA4AQwBPAE4AVABPAFMATwABAAgARgBFADAAMQAEAB4AYwBvAG4AdABvAHMAbwAuAGUAeABhAG0AcABsAGUAAwAoAGYAZQAwADEALgBjAG8AbgB0AG8AcwBvAC4AZQB4AGEAbQBwAGwAZQAFAB4AYwBvAG4AdABvAHMAbwAuAGUAeABhAG0AcABsAGUABwAIAAAAWvZM9dQBAAAAAA=="
	const av7 = 0x01D4F54CF65A0000
	at := time.Unix(av7/1e7-11644473600, av7%int64(1e7)*100)
	got := challengeMessage([8]byte{1, 2, 3, 4, 5, 6, 7, 8}, flagsOffered, targetInfo("CONTOSO", "fe01.contoso.example", at))
	if text := base64.StdEncoding.EncodeToString(got); text != want {
		t.Errorf("\n got %s\nwant %s", text, want)
	}
}

// Each row damages vector D.
func TestAuthenticateRefuses(t *testing.T) {
	d := vectors[1]
	for _, tt := range []struct {
		name, account, password string
		at                      int // of the byte set to value
		value                   byte
		want                    string
	}{
		{"a wrong password", d.account, "passw0rd!", 0, 'N', "wrong password"},
		{"another user", `CONTOSO\phone2`, d.password, 0, 'N', "wrong user"},
		{"another domain", `FABRIKAM\phone1`, d.password, 0, 'N', "wrong user"},
		{"a CHALLENGE sent back", d.account, d.password, 8, 2, "malformed token"},
		{"a field beyond the end", d.account, d.password, 26, 1, "malformed token"},
		{"a response of NTLMv1", d.account, d.password, 20, 24, "NTLMv1"},
		{"no datagram mode", d.account, d.password, 60, 0x15, "flags not as negotiated"},
		{"another client challenge", d.account, d.password, 0x8E + 16 + 16, 0, "wrong password"},
	} {
		token := unhex(t, d.token)
		token[tt.at] = tt.value
		if tt.want == "NTLMv1" {
			token[21] = 0
		}
		if _, err := authenticate(unhex(t, d.challenge), token, tt.account, tt.password); err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
	for n := range len(d.token) / 2 {
		if _, err := authenticate(unhex(t, d.challenge), unhex(t, d.token)[:n], d.account, d.password); err == nil {
			t.Errorf("a token cut at %d is accepted", n)
		}
	}
}
