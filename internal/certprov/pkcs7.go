package certprov

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
)

// Our choices: a chain has four certificates and 8 KB.
const (
	maxChain        = 64 << 10
	maxCertificates = 16
)

var (
	oidData       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
)

// parseChain reads the certificates of a PKCS#7 message that signs nothing (RFC 2315 section 9.1, RFC 5652 section 5), in DER:
// so servers of Microsoft send certificates.
func parseChain(der []byte) ([]*x509.Certificate, error) {
	var outer struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"explicit,tag:0"`
	}
	var signed struct {
		Version      int
		Digests      asn1.RawValue `asn1:"set"`
		Inner        asn1.RawValue
		Certificates asn1.RawValue `asn1:"optional,tag:0"`
		Revoked      asn1.RawValue `asn1:"optional,tag:1"`
		Signers      asn1.RawValue `asn1:"set"`
	}
	if len(der) > maxChain {
		return nil, errors.New("a chain that is too long")
	}
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) > 0 || !outer.Type.Equal(oidSignedData) {
		return nil, errors.New("no PKCS#7 message with certificates")
	}
	if rest, err := asn1.Unmarshal(outer.Content.Bytes, &signed); err != nil || len(rest) > 0 || signed.Version != 1 && signed.Version != 3 {
		return nil, errors.New("no PKCS#7 message with certificates")
	}
	var inner struct{ Type asn1.ObjectIdentifier }
	if _, err := asn1.Unmarshal(signed.Inner.FullBytes, &inner); err != nil || !inner.Type.Equal(oidData) || len(signed.Signers.Bytes) > 0 {
		return nil, errors.New("a PKCS#7 message that signs something")
	}
	certificates, err := x509.ParseCertificates(signed.Certificates.Bytes)
	switch {
	case err != nil:
		return nil, err
	case len(certificates) == 0, len(certificates) > maxCertificates:
		return nil, errors.New("a chain without certificates, or with too many")
	}
	return certificates, nil
}

// leafOf returns the certificate of a chain that is for a public key, in DER.
func leafOf(chain []*x509.Certificate, public []byte) []byte {
	for _, c := range chain {
		if bytes.Equal(c.RawSubjectPublicKeyInfo, public) {
			return c.Raw
		}
	}
	return nil
}
