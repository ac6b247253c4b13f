package sitetest

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/hex"
	"hash"
	"slices"
	"testing"
)

// Vectors that three implementations of the pseudorandom functions agree on.
func TestEAPKeys(t *testing.T) {
	master := make([]byte, 48)
	for i := range master {
		master[i] = byte(i)
	}
	randoms := slices.Concat(bytes.Repeat([]byte{0x11}, 32), bytes.Repeat([]byte{0x22}, 32))
	const (
		request = "<TLS-DSK><0a1b2c3d><1><SIP Communications Service><fe01.contoso.example><1234567890abcdef><4><REGISTER><sip:phone1@contoso.example><77aa88bb99><sip:phone1@contoso.example><><><><>"
		answer  = "<TLS-DSK><DEADBEEF><1><SIP Communications Service><fe01.contoso.example><1234567890abcdef><4><REGISTER><sip:phone1@contoso.example><77aa88bb99><sip:phone1@contoso.example><AABBCCDD><><><7200><200>"
	)
	for name, test := range map[string]struct {
		version           uint16
		sum               func() hash.Hash
		client            string
		response, rspauth string
	}{
		"TLS 1.0":          {tls.VersionTLS10, sha256.New, "7db5b73956f827779c14a889051cceeff590bb12af8df2db2edfcfbbb707d344", "03323b206d162996967f2fa2e3900394816de297", "b5308ddd8d5c5d1bed450653d28d383142f84bca"},
		"TLS 1.2":          {tls.VersionTLS12, sha256.New, "940502bee3d46d527e83eeecba373c3c73808ab75e7376f3eff643eb149dcd2d", "3aa54426cbe73e8ea9f8e1328af9c90a6821f0f4", "f2296e01b7b47f9326a28866e20eb82e2dd78da8"},
		"TLS 1.2, SHA-384": {tls.VersionTLS12, sha512.New384, "f07b0f852ee068b4ad570fd9ad777e0fc48203be4c14b66ecd52455f8a193b7f", "61582f75ade1b3cccd4c1b8f9888df58e2cb5d79", "904d0e0860b5912b8d25eaf59e1504763d7b6471"},
	} {
		block := eapKeys(test.version, test.sum, master, randoms)
		k := dskKeys{client: block[64:96], server: block[96:], sum: sha1.New}
		if got := hex.EncodeToString(k.client); got != test.client {
			t.Errorf("%s: client key %s", name, got)
		}
		if got := hex.EncodeToString(k.mac(true, request)); got != test.response {
			t.Errorf("%s: response %s", name, got)
		}
		if got := hex.EncodeToString(k.mac(false, answer)); got != test.rspauth {
			t.Errorf("%s: rspauth %s", name, got)
		}
	}
}

// What is in the clear becomes one record; what is not stays as it is.
func TestOneRecord(t *testing.T) {
	hello, done := []byte{22, 3, 1, 0, 2, 2, 9}, []byte{22, 3, 1, 0, 1, 14}
	long := append([]byte{22, 3, 3, 0x40, 0}, make([]byte, 1<<14)...)
	for name, test := range map[string]struct{ sent, want []byte }{
		"two messages":       {slices.Concat(hello, done), []byte{22, 3, 1, 0, 3, 2, 9, 14}},
		"an alert":           {[]byte{21, 3, 1, 0, 2, 2, 40}, []byte{21, 3, 1, 0, 2, 2, 40}},
		"what is enciphered": {[]byte{20, 3, 1, 0, 1, 1, 22, 3, 1, 0, 1, 7}, []byte{20, 3, 1, 0, 1, 1, 22, 3, 1, 0, 1, 7}},
		"more than fits":     {slices.Concat(long, []byte{22, 3, 3, 0, 1, 14}), slices.Concat(long, []byte{22, 3, 3, 0, 1, 14})},
		"nothing":            {nil, nil},
	} {
		if got := oneRecord(test.sent); !bytes.Equal(got, test.want) {
			t.Errorf("%s: %d bytes, want %d", name, len(got), len(test.want))
		}
	}
}
