package trust

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// counting is a curve that counts how often it is asked for, which every check of a signature does.
type counting struct {
	elliptic.Curve
	asked *int
}

func (c counting) Params() *elliptic.CurveParams {
	*c.asked++
	return c.Curve.Params()
}

// counter counts checks of signatures, whoever makes them.
type counter struct{ asked, each int }

// watch makes the keys of certificates count, and the first of them show what one check counts.
func (n *counter) watch(t *testing.T, chain []*x509.Certificate) {
	t.Helper()
	for _, c := range chain {
		key := *c.PublicKey.(*ecdsa.PublicKey)
		key.Curve = counting{key.Curve, &n.asked}
		c.PublicKey = &key
	}
	_ = chain[1].CheckSignature(chain[0].SignatureAlgorithm, chain[0].RawTBSCertificate, chain[0].Signature)
	if n.each, n.asked = n.asked, 0; n.each == 0 {
		t.Fatal("no check is counted")
	}
}

func (n *counter) checks() int { return n.asked / n.each }

// signed makes a certificate by names and keys alone, as nobody honest would.
func signed(t *testing.T, issuer string, by *ecdsa.PrivateKey, key *ecdsa.PublicKey, template x509.Certificate) *x509.Certificate {
	t.Helper()
	template.NotAfter, template.BasicConstraintsValid = time.Now().Add(24*time.Hour), true
	der, err := x509.CreateCertificate(rand.Reader, &template, &x509.Certificate{Subject: pkix.Name{CommonName: issuer}, PublicKey: by.Public()}, key, by)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// decoys is a chain in which two authorities sign each other in turn, and as many as fit into a handshake have the name of one of them,
// and a key that has signed the last certificate alone.
func decoys(t *testing.T) (chain []*x509.Certificate) {
	t.Helper()
	keys := make([]*ecdsa.PrivateKey, 6)
	for i := range keys {
		keys[i] = newKey(t)
	}
	authority := func(name string, number int) x509.Certificate {
		return x509.Certificate{SerialNumber: big.NewInt(int64(number)), Subject: pkix.Name{CommonName: name}, IsCA: true, KeyUsage: x509.KeyUsageCertSign}
	}
	chain = append(chain, signed(t, "A", keys[1], &keys[0].PublicKey, x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"fe01.contoso.com"}}))
	for i := range 4 {
		names := []string{"A", "B", "A"}[i%2:]
		chain = append(chain, signed(t, names[1], keys[i+2], &keys[i+1].PublicKey, authority(names[0], 10+i)))
	}
	for i := range 500 {
		chain = append(chain, signed(t, "Z", keys[0], &keys[5].PublicKey, authority("A", 1000+i)))
	}
	return chain
}

// A server that sends hundreds of certificates, among which the path is to be sought, costs no more than a few signatures: no deadline
// ends their check.
func TestMend102DecoysInAChain(t *testing.T) {
	chain := decoys(t)
	for name, test := range map[string]struct {
		err error // of the verification
		own []*x509.Certificate
	}{
		"nobody knows the authority": {x509.UnknownAuthorityError{Cert: chain[0]}, nil},
		"not for servers":            {x509.CertificateInvalidError{Cert: chain[0], Reason: x509.IncompatibleUsage}, chain[5:15]},
		"over":                       {x509.CertificateInvalidError{Cert: chain[2], Reason: x509.Expired}, nil},
	} {
		var n counter
		n.watch(t, chain)
		e := describe("fe01.contoso.com", chain, Settings{Roots: x509.NewCertPool(), Own: test.own}, test.err)
		if n.checks() > maxChecks || n.checks() == 0 {
			t.Errorf("%s: %d signatures are checked, %d may be", name, n.checks(), maxChecks)
		}
		if len(e.Sent) != 6 || len(e.Others) > 0 {
			t.Errorf("%s: %d are of the chain, and %d others are told", name, len(e.Sent), len(e.Others))
		}
	}
	var n counter
	n.watch(t, chain)
	if got := show(tls.ConnectionState{PeerCertificates: chain}); n.checks() > maxChecks || n.checks() == 0 || got.Sent != len(chain) {
		t.Errorf("shown: %d signatures are checked, %d may be", n.checks(), maxChecks)
	}
}

// One certificate that is pinned, and sent over and over, is tried once.
func TestMend102PinnedManyTimes(t *testing.T) {
	chain := decoys(t)
	decoy := chain[5]
	chain = []*x509.Certificate{chain[0], decoy}
	var n counter
	n.watch(t, chain)
	for range 100 {
		chain = append(chain, decoy)
	}
	settings := Settings{Roots: x509.NewCertPool(), Pins: map[string]bool{Fingerprint(decoy): true}}
	if err := Prove("fe01.contoso.com", chain, &settings); problemOf(t, err) == believed {
		t.Errorf("got %v", err)
	}
	if n.checks() == 0 || n.checks() > 10 {
		t.Errorf("%d signatures are checked", n.checks())
	}
}

// A certificate may hold 200 KB of text in each place: what is told of it is short, and whole letters.
func TestMend103LongTextInACertificate(t *testing.T) {
	long := strings.Repeat("ü\x01", 60_000)
	var odd []pkix.Extension
	for i := range 20 {
		odd = append(odd, pkix.Extension{Id: append([]int{1, 2, i}, slices.Repeat([]int{99}, 1_000)...), Critical: true, Value: []byte{5, 0}})
	}
	lone := certify(t, nil, long, certifies(func(c *x509.Certificate) { c.SubjectKeyId = []byte(long) }))
	side := certify(t, nil, long+"side", certifies(func(c *x509.Certificate) { c.SubjectKeyId = []byte(long) }))
	names := func(c *x509.Certificate) { c.DNSNames = slices.Repeat([]string{strings.Repeat("a", 9_000)}, 20) }
	for want, chain := range map[Problem][]*made{
		StrangeIssuer:     {certify(t, lone, "leaf"+long, serves()), side},
		Untrusted:         {certify(t, lone, "leaf"+long, serves()), lone},
		SelfSigned:        {certify(t, nil, long, serves())},
		WrongName:         {certify(t, lone, "leaf"+long, serves(names))},
		NoName:            {certify(t, lone, "leaf"+long, serves(func(c *x509.Certificate) { c.DNSNames = nil }))},
		CriticalExtension: {certify(t, lone, "leaf"+long, serves(func(c *x509.Certificate) { c.ExtraExtensions = odd }))},
	} {
		settings := Settings{Roots: x509.NewCertPool()}
		if want == WrongName || want == NoName || want == CriticalExtension {
			settings.Roots.AddCert(lone.cert)
		}
		var sent []*x509.Certificate
		for _, m := range chain {
			sent = append(sent, m.cert)
		}
		var e *CertificateError
		if err := Prove("fe01.contoso.com", sent, &settings); !errors.As(err, &e) || e.Problem != want {
			t.Errorf("problem %d: got %.300v (%d)", want, err, problemOf(t, err))
			continue
		}
		shown := show(tls.ConnectionState{PeerCertificates: sent})
		texts := []string{e.Of.Subject, e.Of.Issuer, e.Of.Key, e.Of.IssuerKey, shown.Issuer, shown.LeadsTo, shown.IssuerName}
		for _, seen := range e.Sent {
			texts = append(texts, seen.Subject)
		}
		for _, other := range e.Others {
			texts = append(texts, other.Subject, other.Issuer, other.Key, other.IssuerKey)
		}
		for i, text := range append(texts, e.Extensions...) {
			if len(text) > 256 || !utf8.ValidString(text) {
				t.Errorf("problem %d: text %d has %d bytes", want, i, len(text))
			}
		}
		if all := e.Error(); len(all) > maxWords || len(Listed(e.Names)) > 9*maxName {
			t.Errorf("problem %d: the error has %d bytes, the names %d", want, len(all), len(Listed(e.Names)))
		}
	}
}
