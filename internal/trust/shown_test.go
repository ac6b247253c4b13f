package trust

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"slices"
	"testing"
	"time"
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

// A chain is valid while all of it is; of several chains, one is enough.
func TestValidAt(t *testing.T) {
	root := certify(t, nil, "root", certifies())
	young := func(c *x509.Certificate) { c.NotBefore = time.Now().Add(-time.Hour) }
	middle := certify(t, root, "middle", certifies(young))
	leaf := certify(t, middle, "leaf", serves())
	settings := Settings{Roots: x509.NewCertPool()}
	settings.Roots.AddCert(root.cert)
	_, chains, err := verify("fe01.contoso.com", []*x509.Certificate{leaf.cert, middle.cert}, settings)
	if err != nil {
		t.Fatal(err)
	}
	s := Shown{Chains: validities(chains)}
	if now := time.Now(); !s.ValidAt(now) || s.ValidAt(now.Add(-2*time.Hour)) || s.ValidAt(now.Add(48*time.Hour)) {
		t.Errorf("%v", s.Chains)
	}
	s.Chains = append(s.Chains, Validity{time.Now().Add(-9 * time.Hour), time.Now()})
	if !s.ValidAt(time.Now().Add(-2 * time.Hour)) {
		t.Error("the other chain is valid then")
	}
}

// What takes time to read is read only for a chain that the other roots do not prove; that one is judged by all of them.
func TestLateRoots(t *testing.T) {
	root, other := certify(t, nil, "root", certifies()), certify(t, nil, "other", certifies())
	chain := []*x509.Certificate{certify(t, root, "leaf", serves()).cert}
	pool := func(of ...*made) *x509.CertPool {
		p := x509.NewCertPool()
		for _, c := range of {
			p.AddCert(c.cert)
		}
		return p
	}
	for name, row := range map[string]struct {
		roots, late *x509.CertPool
		read, want  string
	}{
		"proven at once": {pool(root), pool(root, other), "", ""},
		"proven late":    {pool(other), pool(other, root), "read", ""},
		"not proven":     {pool(other), pool(other, expiredTwin(t, root)), "read", "expired"},
	} {
		read, got := "", ""
		err := Prove("fe01.contoso.com", chain, &Settings{Roots: row.roots, LateRoots: func() *x509.CertPool { read += "read"; return row.late }})
		var e *CertificateError
		switch {
		case errors.As(err, &e) && e.Problem == Expired && e.Of.Subject == "CN=root":
			got = "expired"
		case err != nil:
			got = err.Error()
		}
		if read != row.read || got != row.want {
			t.Errorf("%s: roots: %q, got %q, want %q and %q", name, read, got, row.read, row.want)
		}
	}
}

// A device without a clock takes a chain only if all of it is valid at the latest moment that it knows to have passed; the time
// of this machine plays no part in it.
func TestWithoutAClock(t *testing.T) {
	floor := time.Now()
	root := certify(t, nil, "root", certifies())
	pool := x509.NewCertPool()
	pool.AddCert(root.cert)
	settings := Settings{Roots: pool, Floor: floor, Clock: func() time.Time { return time.Unix(0, 0) }}
	for name, test := range map[string]struct {
		middle, leaf []func(*x509.Certificate)
		floor        time.Time
		want         Problem // 0: it is taken
	}{
		"valid at the floor":                {nil, nil, floor, 0},
		"no floor":                          {nil, nil, time.Time{}, NotYetValid},
		"the server's begins later":         {nil, []func(*x509.Certificate){yetToCome}, floor, ClockWrong},
		"that of an authority begins later": {[]func(*x509.Certificate){yetToCome}, nil, floor, ClockWrong},
		"that of an authority has ended":    {[]func(*x509.Certificate){over}, nil, floor, ClockWrong}, // by the clock, which is what is wrong first
		"valid, but for another":            {nil, []func(*x509.Certificate){func(c *x509.Certificate) { c.DNSNames = []string{"fe02.contoso.com"} }}, floor, WrongName},
	} {
		middle := certify(t, root, "middle", certifies(test.middle...))
		leaf := certify(t, middle, "fe01.contoso.com", serves(test.leaf...))
		s := settings
		s.Floor = test.floor
		err := Prove("fe01.contoso.com", []*x509.Certificate{leaf.cert, middle.cert}, &s)
		var e *CertificateError
		if errors.As(err, &e); (err == nil) != (test.want == 0) || err != nil && e.Problem != test.want {
			t.Errorf("%s: %v, problem %v, want %v", name, err, e, test.want)
		}
	}
}

// Servers go on sending what has been replaced, and what has nothing to do with their certificate: the chain is what signatures prove.
func TestMend77WhatIsSentOfTheChain(t *testing.T) {
	root, lone := certify(t, nil, "root", certifies()), certify(t, nil, "nobody", certifies())
	middle := certify(t, root, "middle", certifies())
	expired := expiredTwin(t, middle)
	namesake := certify(t, lone, "middle", certifies())
	leaf := certify(t, middle, "leaf", serves())
	for _, test := range []struct {
		name  string
		sent  []*made
		leads string
		ends  *made
		path  []*made
	}{
		{"a stranger first", []*made{leaf, lone, middle}, "CN=root", middle, []*made{leaf, middle}},
		{"a stranger alone", []*made{leaf, lone}, "CN=middle", nil, []*made{leaf}},
		{"a namesake first", []*made{leaf, namesake, middle}, "CN=root", middle, []*made{leaf, middle}},
		{"a namesake alone", []*made{leaf, namesake}, "CN=nobody", namesake, []*made{leaf}},
		{"the one before first", []*made{leaf, expired, middle}, "CN=root", middle, []*made{leaf, middle}},
		{"the one before last", []*made{leaf, middle, expired}, "CN=root", middle, []*made{leaf, middle}},
	} {
		var chain []*x509.Certificate
		for _, m := range test.sent {
			chain = append(chain, m.cert)
		}
		got := show(tls.ConnectionState{PeerCertificates: chain})
		if got.LeadsTo != test.leads || got.Complete || test.ends == nil != got.IssuerEnds.IsZero() || test.ends != nil && !got.IssuerEnds.Equal(test.ends.cert.NotAfter) {
			t.Errorf("%s: leads to %s, ends %v, complete %t", test.name, got.LeadsTo, got.IssuerEnds, got.Complete)
		}
		var want []Seen
		for _, m := range test.path {
			want = append(want, Seen{m.cert.Subject.String(), Fingerprint(m.cert)})
		}
		var e *CertificateError
		if err := Prove("fe01.contoso.com", chain, &Settings{Roots: x509.NewCertPool()}); !errors.As(err, &e) || !slices.Equal(e.Sent, want) {
			t.Errorf("%s: of the chain are %v", test.name, e.Sent)
		}
	}
}

// A server that sends a great many certificates of one name costs no more than a few signatures.
func TestMend77ManyOfOneName(t *testing.T) {
	root := certify(t, nil, "root", certifies())
	middle := certify(t, root, "middle", certifies())
	chain := []*x509.Certificate{certify(t, middle, "leaf", serves()).cert}
	for range maxSeen + 1 {
		chain = append(chain, certify(t, root, "middle", certifies()).cert)
	}
	if got := newSignatures().next(chain[0], append(chain, middle.cert)); got == nil || got.Equal(middle.cert) {
		t.Error("all of them were compared")
	}
	if got := newSignatures().strangers(chain); len(got) != maxSeen {
		t.Errorf("%d are kept", len(got))
	}
}

// What completes the chain of another server is the certificate whose key has signed the end of it, in the chain of the one that sends it.
func TestMend153Completes(t *testing.T) {
	root := certify(t, nil, "root", certifies())
	policy := certify(t, root, "policy", certifies())
	issuing, namesake := certify(t, policy, "issuing", certifies()), certify(t, policy, "issuing", certifies())
	leaf, other, foreign := certify(t, issuing, "leaf", serves()), certify(t, issuing, "other", serves()), certify(t, namesake, "foreign", serves())
	met := func(sent ...*made) (m Met) {
		for _, c := range sent {
			m.chain = append(m.chain, c.cert)
		}
		return m
	}
	whole := met(other, policy, issuing)
	pinned := func(on *made, sent ...*made) Met {
		m := met(sent...)
		m.Anchor = Fingerprint(on.cert)
		return m
	}
	second := certify(t, root, "second", certifies())
	under := certify(t, second, "under", serves())
	for _, test := range []struct {
		name  string
		m     Met
		lacks Met
		want  bool
	}{
		{"the issuer", whole, met(leaf), true},
		{"the one above the issuer", whole, met(leaf, issuing), true},
		{"the issuer, with a stranger in its place", whole, met(leaf, policy), true},
		{"another key", whole, met(foreign), false},
		{"not sent either", met(other), met(leaf), false},
		{"sent, and of no use there", met(foreign, issuing), met(leaf), false},
		{"nothing shown", Met{}, met(leaf), false},
		{"nothing to complete", whole, Met{}, false},
		{"the root, which is never worth sending", met(other, policy, issuing, root), met(under, second), false},
		{"the root, of which the fingerprint is known", pinned(root, other, policy, issuing, root), met(under, second), true},
		{"the root above a pin", pinned(issuing, other, policy, issuing, root), met(under, second), false},
		{"a root that both send", pinned(issuing, other, policy, issuing, root), met(under, second, root), false},
		{"the pin itself", pinned(issuing, other, issuing), met(leaf), true},
	} {
		if got := test.m.Completes(test.lacks); got != test.want {
			t.Errorf("%s: %t", test.name, got)
		}
	}
}
