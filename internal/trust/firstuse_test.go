package trust

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
)

// A pin trusts the chain that leads through its certificate, whatever that is; name, time and usage are verified as always.
func TestPins(t *testing.T) {
	root := certify(t, nil, "root", certifies())
	middle := certify(t, root, "middle", certifies())
	leaf := certify(t, middle, "leaf", serves())
	over := certify(t, middle, "leaf", serves(over))
	chain := []*x509.Certificate{leaf.cert, middle.cert, root.cert}
	for name, row := range map[string]struct {
		chain []*x509.Certificate
		host  string
		pin   *x509.Certificate
		ok    bool
	}{
		"the root":                 {chain, "fe01.contoso.com", root.cert, true},
		"an intermediate":          {chain, "fe01.contoso.com", middle.cert, true},
		"the server's own":         {chain, "fe01.contoso.com", leaf.cert, true},
		"one that is not sent":     {chain[:2], "fe01.contoso.com", root.cert, false},
		"another":                  {chain, "fe01.contoso.com", certify(t, nil, "root", certifies()).cert, false},
		"another name":             {chain, "fe02.contoso.com", root.cert, false},
		"over":                     {[]*x509.Certificate{over.cert, middle.cert, root.cert}, "fe01.contoso.com", root.cert, false},
		"over, and its own":        {[]*x509.Certificate{over.cert}, "fe01.contoso.com", over.cert, false},
		"sent, but not in between": {[]*x509.Certificate{certify(t, nil, "leaf", serves()).cert, root.cert}, "fe01.contoso.com", root.cert, false},
	} {
		anchor, _, err := verify(row.host, row.chain, Settings{Roots: x509.NewCertPool(), Pins: map[string]bool{Fingerprint(row.pin): true}, MinVersion: tls.VersionTLS12})
		if (err == nil) != row.ok || row.ok && anchor != Fingerprint(row.pin) {
			t.Errorf("%s: %q, %v", name, anchor, err)
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(root.cert)
	if anchor, _, err := verify("fe01.contoso.com", chain, Settings{Roots: pool, Pins: map[string]bool{Fingerprint(middle.cert): true}}); err != nil || anchor != "" {
		t.Errorf("a root comes first: %q, %v", anchor, err)
	}
}

// What is trusted on first use is an authority that the server sends, and that is strong.
func TestFirstUse(t *testing.T) {
	root := certify(t, nil, "root", certifies())
	leaf := certify(t, root, "leaf", serves())
	for name, row := range map[string]struct {
		chain []*x509.Certificate
		host  string
		ok    bool
	}{
		"leaf and root":       {[]*x509.Certificate{leaf.cert, root.cert}, "fe01.contoso.com", true},
		"the leaf alone":      {[]*x509.Certificate{leaf.cert}, "fe01.contoso.com", false},
		"self-signed":         {[]*x509.Certificate{certify(t, nil, "leaf", serves()).cert}, "fe01.contoso.com", false},
		"another name":        {[]*x509.Certificate{leaf.cert, root.cert}, "fe02.contoso.com", false},
		"of somebody else":    {[]*x509.Certificate{leaf.cert, certify(t, nil, "root", certifies()).cert}, "fe01.contoso.com", false},
		"no authority at all": {[]*x509.Certificate{certify(t, certify(t, nil, "root", serves()), "leaf", serves()).cert, root.cert}, "fe01.contoso.com", false},
		"nothing":             {nil, "fe01.contoso.com", false},
	} {
		seen, err := (&Met{chain: row.chain}).FirstUse(row.host, Settings{Roots: x509.NewCertPool()})
		if (err == nil) != row.ok || row.ok && seen.Fingerprint != Fingerprint(root.cert) {
			t.Errorf("%s: %+v, %v", name, seen, err)
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(root.cert)
	if _, err := (&Met{chain: []*x509.Certificate{leaf.cert, root.cert}}).FirstUse("fe01.contoso.com", Settings{Roots: pool}); err == nil {
		t.Error("a server that is trusted already is trusted first")
	}
}
