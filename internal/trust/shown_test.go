package trust

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
)

func TestShowLeadsTo(t *testing.T) {
	certificate := func(subject, issuer string) *x509.Certificate {
		return &x509.Certificate{RawSubject: []byte(subject), RawIssuer: []byte(issuer), Issuer: pkix.Name{CommonName: issuer}}
	}
	leaf, middle, root, other := certificate("leaf", "middle"), certificate("middle", "root"), certificate("root", "root"), certificate("other", "else")
	circle := certificate("middle", "leaf")
	for _, test := range []struct {
		name string
		sent []*x509.Certificate
		want string
	}{
		{"alone", []*x509.Certificate{leaf}, "CN=middle"},
		{"with its issuer", []*x509.Certificate{leaf, middle}, "CN=root"},
		{"with all, in disorder", []*x509.Certificate{leaf, root, middle}, "CN=root"},
		{"with another", []*x509.Certificate{leaf, other}, "CN=middle"},
		{"by itself", []*x509.Certificate{root}, "CN=root"},
	} {
		if got := show(tls.ConnectionState{PeerCertificates: test.sent}).LeadsTo; got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
	_ = show(tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf, circle}}) // ends
}
