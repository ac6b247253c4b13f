package certprov

import (
	"crypto/sha1"
	"encoding/hex"
	"testing"
	"time"
)

// Numbers that two other implementations have computed, and a canonicaliser of XML has accepted. Never edit them.
func TestVectors(t *testing.T) {
	count := func(from byte) []byte {
		b := make([]byte, 32)
		for i := range b {
			b[i] = from + byte(i)
		}
		return b
	}
	key := proofKey(count(0), count(0x20))
	at := time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC)
	signed := timestamp(at, at.Add(8*time.Hour))
	info := hmacSHA1.signedInfo(part{timestampID, signed})
	sum := sha1.Sum([]byte(info))
	for _, row := range []struct{ what, got, want string }{
		{"proof key", hex.EncodeToString(key), "df59132c2af6d230e4337732076a14561694be12838cc00203d63c816653d75b"},
		{"Timestamp", signed, `<wsu:Timestamp xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd" wsu:Id="timestamp"><wsu:Created>2026-11-28T08:00:00Z</wsu:Created><wsu:Expires>2026-11-28T16:00:00Z</wsu:Expires></wsu:Timestamp>`},
		{"SignedInfo", info, `<SignedInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></CanonicalizationMethod><SignatureMethod Algorithm="http://www.w3.org/2000/09/xmldsig#hmac-sha1"></SignatureMethod><Reference URI="#timestamp"><Transforms><Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></Transform></Transforms><DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"></DigestMethod><DigestValue>WKdNzdErPxr2A9FUah92JAwotpw=</DigestValue></Reference></SignedInfo>`},
		{"SHA-1 of SignedInfo", hex.EncodeToString(sum[:]), "124ae36a78027a8be71705212cdbbe1dcd914544"},
		{"SignatureValue", signatureValue(key, info), "Od1LcD6zSPpJ67wsvBgY5iMFnOM="},
	} {
		if row.got != row.want {
			t.Errorf("%s:\ngot  %s\nwant %s", row.what, row.got, row.want)
		}
	}
	if len(signed) != 239 || len(info) != 535 {
		t.Errorf("%d and %d bytes", len(signed), len(info))
	}
}
