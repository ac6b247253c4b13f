package dsk

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// The texts that are signed in the vectors.
const (
	request = "<TLS-DSK><0a1b2c3d><1><SIP Communications Service><fe01.contoso.example><1234567890abcdef><4><REGISTER><sip:phone1@contoso.example><77aa88bb99><sip:phone1@contoso.example><><><><>"
	answer  = "<TLS-DSK><DEADBEEF><1><SIP Communications Service><fe01.contoso.example><1234567890abcdef><4><REGISTER><sip:phone1@contoso.example><77aa88bb99><sip:phone1@contoso.example><AABBCCDD><><><7200><200>"
)

// Vectors that were computed with three other implementations of the pseudorandom function, OpenSSL among them.
func TestVectors(t *testing.T) {
	master := make([]byte, masterSize)
	for i := range master {
		master[i] = byte(i)
	}
	client, server := bytes.Repeat([]byte{0x11}, randomSize), bytes.Repeat([]byte{0x22}, randomSize)
	for _, test := range []struct {
		name                  string
		version, suite        uint16
		block, client, server string
		response, rspauth     string
	}{
		{
			name: "TLS 1.0", version: tls.VersionTLS10, suite: tls.TLS_RSA_WITH_AES_128_CBC_SHA,
			block: "B42920AD492B878C73A8ECA8333DB439ABB9AA69874E4A03E8EDEF64E6B57F07434D872077E9113F712B0C02696ED3AD1A24559B054736B0FD38901C1ABE34BA" +
				"7DB5B73956F827779C14A889051CCEEFF590BB12AF8DF2DB2EDFCFBBB707D3449E9C4697E5E1C800BEB9085490222FB3C60ECD075090850F2D199394C99D3E03",
			client: "7DB5B73956F827779C14A889051CCEEFF590BB12AF8DF2DB2EDFCFBBB707D344", server: "9E9C4697E5E1C800BEB9085490222FB3C60ECD075090850F2D199394C99D3E03",
			response: "03323b206d162996967f2fa2e3900394816de297", rspauth: "b5308ddd8d5c5d1bed450653d28d383142f84bca",
		},
		{
			name: "TLS 1.2, SHA-256", version: tls.VersionTLS12, suite: tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
			client: "940502BEE3D46D527E83EEECBA373C3C73808AB75E7376F3EFF643EB149DCD2D", server: "8038DBD140EC3DDA38EB8CD94E5C1E92FB98BBDE38983AA2D3DD2E0EAB9BEAF8",
			response: "3aa54426cbe73e8ea9f8e1328af9c90a6821f0f4", rspauth: "f2296e01b7b47f9326a28866e20eb82e2dd78da8",
		},
		{
			name: "TLS 1.2, SHA-384", version: tls.VersionTLS12, suite: tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
			client: "F07B0F852EE068B4AD570FD9AD777E0FC48203BE4C14B66ECD52455F8A193B7F", server: "825E328F7F7FFE858D703738865EC25F76E95A06F1C6EC4F8F4A0E3ABFABD359",
			response: "61582f75ade1b3cccd4c1b8f9888df58e2cb5d79", rspauth: "904d0e0860b5912b8d25eaf59e1504763d7b6471",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			block := keyBlock(test.version, test.suite, master, client, server)
			if test.block != "" && !bytes.Equal(block, unhex(test.block)) {
				t.Errorf("key block\n%X", block)
			}
			if got := block[clientKey:serverKey]; !bytes.Equal(got, unhex(test.client)) {
				t.Errorf("client key %X", got)
			}
			if got := block[serverKey:]; !bytes.Equal(got, unhex(test.server)) {
				t.Errorf("server key %X", got)
			}
			s := newSecurity(block, macHash(SHA1, test.version, test.suite))
			if got := s.Sign(request); got != test.response {
				t.Errorf("response %s", got)
			}
			if !s.Verify(answer, test.rspauth) || !s.Verify(answer, strings.ToUpper(test.rspauth)) {
				t.Error("rspauth is not taken")
			}
			for _, wrong := range []string{"", test.rspauth[2:], test.rspauth + "00", test.response, "zz" + test.rspauth[2:]} {
				if s.Verify(answer, wrong) {
					t.Errorf("%q is taken", wrong)
				}
			}
		})
	}
}

// What signs is known for SHA-1 suites and for every suite below TLS 1.2; for the others there are two ways.
func TestMAC(t *testing.T) {
	for _, test := range []struct {
		version, suite uint16
		mac            MAC
		size           int
	}{
		{tls.VersionTLS10, tls.TLS_RSA_WITH_AES_128_CBC_SHA, PRF, 40},
		{tls.VersionTLS12, tls.TLS_RSA_WITH_AES_128_CBC_SHA, PRF, 40},
		{tls.VersionTLS12, tls.TLS_RSA_WITH_AES_128_GCM_SHA256, SHA1, 40},
		{tls.VersionTLS12, tls.TLS_RSA_WITH_AES_128_GCM_SHA256, PRF, 64},
		{tls.VersionTLS12, tls.TLS_RSA_WITH_AES_256_GCM_SHA384, PRF, 96},
		{tls.VersionTLS12, tls.TLS_RSA_WITH_AES_128_CBC_SHA256, PRF, 64},
	} {
		s := newSecurity(make([]byte, blockSize), macHash(test.mac, test.version, test.suite))
		if got := len(s.Sign("text")); got != test.size {
			t.Errorf("%s, way %d: %d digits, want %d", tls.CipherSuiteName(test.suite), test.mac, got, test.size)
		}
	}
}

// However keys are printed or logged, nobody sees them.
func TestSecretsAreNotPrintable(t *testing.T) {
	block := bytes.Repeat([]byte("canary4!"), blockSize/8)
	s := newSecurity(block, macHash(SHA1, tls.VersionTLS12, tls.TLS_RSA_WITH_AES_128_CBC_SHA))
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "s", s, "in", struct{ S Security }{*s})
	for _, text := range []string{log.String(), fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %x %s %d", s, s, s, s, s, s), fmt.Sprintf("%v %+v %#v", *s, *s, *s)} {
		for _, secret := range []string{"canary4!", hex.EncodeToString([]byte("canary4!")), "99 97 110", "0x63, 0x61"} {
			if strings.Contains(text, secret) {
				t.Errorf("shown: %s", text)
			}
		}
	}
}
