package identity

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var phone1 = Owner{"sip:phone1@contoso.com", "a1b2c3d4e5"}

var theKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := Key()
	if err != nil {
		panic(err)
	}
	return key
})

// issued is a certificate for a name and a key, which begins and ends as many hours from now.
func issued(t testing.TB, name string, key *rsa.PrivateKey, begins, ends time.Duration) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(begins), NotAfter: time.Now().Add(ends),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func pairFor(t testing.TB, of Owner, begins, ends time.Duration) Pair {
	t.Helper()
	name := strings.TrimPrefix(of.SIPAddress, "sip:")
	p, err := Join(theKey(), issued(t, name, theKey(), begins, ends), &Details{SIPAddress: of.SIPAddress, EndpointID: of.EndpointID, EnrolledBy: "ntlm", EnrolledAt: time.Now().UTC()})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func good(t testing.TB) Pair { return pairFor(t, phone1, -time.Hour, 100*time.Hour) }

// imported is a pair that a tech has brought.
func imported(p Pair) Pair {
	p.Details.EnrolledBy = Imported
	return p
}

func save(t testing.TB, s Store, p Pair) Pair {
	t.Helper()
	if err := s.Save(p); err != nil {
		t.Fatal(err)
	}
	return p
}

func kindOf(t testing.TB, err error) Kind {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, which is no *Error", err)
	}
	return e.Kind
}

func TestEachKind(t *testing.T) {
	shown := map[Kind]bool{}
	for name, test := range map[string]struct {
		prepare func(t *testing.T, s Store)
		want    Kind
	}{
		"nothing": {func(*testing.T, Store) {}, Absent},
		"an empty directory": {func(t *testing.T, s Store) {
			if err := os.Mkdir(s.dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}, Absent},
		"a file in its place": {func(t *testing.T, s Store) {
			if err := os.WriteFile(s.dir, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, Unreadable},
		"another user": {func(t *testing.T, s Store) {
			save(t, s, pairFor(t, Owner{"sip:phone2@contoso.com", phone1.EndpointID}, 0, time.Hour))
		}, Foreign},
		"another endpoint": {func(t *testing.T, s Store) {
			save(t, s, pairFor(t, Owner{phone1.SIPAddress, "0000000000"}, 0, time.Hour))
		}, Foreign},
		"over":           {func(t *testing.T, s Store) { save(t, s, pairFor(t, phone1, -2*time.Hour, -time.Hour)) }, Expired},
		"to come":        {func(t *testing.T, s Store) { save(t, s, imported(pairFor(t, phone1, time.Hour, 2*time.Hour))) }, NotYetValid},
		"half a key":     {spoil(keyFile, func(text []byte) []byte { return text[:len(text)/2] }), Damaged},
		"no certificate": {spoil(certificateFile, func([]byte) []byte { return nil }), Damaged},
		"details of a later version": {spoil(detailsFile, func(text []byte) []byte {
			return []byte(strings.Replace(string(text), `"version": 1`, `"version": 2`, 1))
		}), Damaged},
		"the certificate of another key": {func(t *testing.T, s Store) {
			save(t, s, good(t))
			other, err := Key()
			if err != nil {
				t.Fatal(err)
			}
			text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issued(t, "phone1@contoso.com", other, 0, time.Hour)})
			if err := os.WriteFile(filepath.Join(s.dir, "1", certificateFile), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}, Damaged},
		"the certificate of another user": {func(t *testing.T, s Store) {
			save(t, s, good(t))
			text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issued(t, "phone2@contoso.com", theKey(), 0, time.Hour)})
			if err := os.WriteFile(filepath.Join(s.dir, "1", certificateFile), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}, Damaged},
	} {
		t.Run(name, func(t *testing.T) {
			s := In(t.TempDir())
			test.prepare(t, s)
			p, err := s.Load(phone1, time.Now())
			if got := kindOf(t, err); got != test.want || !p.None() || err.Error() == "" {
				t.Errorf("got %v (%v), want %v", got, err, test.want)
			}
			shown[test.want] = true
		})
	}
	for _, k := range Kinds() {
		if !shown[k] {
			t.Errorf("no file shows kind %d", k)
		}
	}
}

// spoil edits a file of a good pair.
func spoil(name string, edit func([]byte) []byte) func(*testing.T, Store) {
	return func(t *testing.T, s Store) {
		save(t, s, good(t))
		path := filepath.Join(s.dir, "1", name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, edit(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A pair is used until a newer one has proven itself, and comes back if the newer one is damaged or refused.
func TestTheOldPairStaysUntilTheNewOneIsProven(t *testing.T) {
	s, now := In(t.TempDir()), time.Now()
	load := func(want Pair, why string) Pair {
		t.Helper()
		got, err := s.Load(phone1, now)
		if err != nil || got.Fingerprint() != want.Fingerprint() {
			t.Fatalf("%s: got %s, %v, want %s", why, got.Fingerprint(), err, want.Fingerprint())
		}
		return got
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	first := save(t, s, good(t))
	check(s.Confirm(first))
	if got := load(first, "one pair"); !got.Proven || got.Refused {
		t.Errorf("proven is %v, refused %v", got.Proven, got.Refused)
	}
	second := save(t, s, good(t))
	load(second, "the newer one")
	if got, err := s.Load(phone1, now, second.Fingerprint()); err != nil || got.Fingerprint() != first.Fingerprint() {
		t.Errorf("the newer one is to be avoided: got %s, %v", got.Fingerprint(), err)
	}
	check(s.Refuse(second))
	load(first, "the newer one is refused")
	third := save(t, s, good(t))
	load(third, "the newest")
	check(os.WriteFile(filepath.Join(s.dir, "3", keyFile), []byte("x"), 0o600))
	load(first, "the newest is damaged")
	check(s.Refuse(first))
	if got := load(first, "all are refused: better than none"); !got.Refused {
		t.Error("it is not shown as refused")
	}
	fourth := save(t, s, good(t))
	check(s.Confirm(fourth))
	load(fourth, "the newest again")
	if names, err := os.ReadDir(s.dir); err != nil || len(names) != 1 {
		t.Errorf("left are %v, %v", names, err)
	}
	if had, err := s.Forget(); !had || err != nil {
		t.Errorf("forgotten: %v, %v", had, err)
	}
	if _, err := s.Load(phone1, now); kindOf(t, err) != Absent {
		t.Error(err)
	}
	if had, err := s.Forget(); had || err != nil {
		t.Errorf("forgotten again: %v, %v", had, err)
	}
}

// A clock that is behind is not what a certificate is judged by: the caller passes a time that has passed.
func TestTimes(t *testing.T) {
	s := In(t.TempDir())
	p := save(t, s, imported(good(t)))
	for _, row := range []struct {
		now  time.Time
		want Kind
		ok   bool
	}{
		{p.Certificate.Leaf.NotBefore.Add(-tolerated), 0, true},
		{p.Certificate.Leaf.NotBefore.Add(-tolerated - time.Second), NotYetValid, false},
		{p.Certificate.Leaf.NotAfter, 0, true},
		{p.Certificate.Leaf.NotAfter.Add(time.Second), Expired, false},
	} {
		_, err := s.Load(phone1, row.now)
		if (err == nil) != row.ok || err != nil && kindOf(t, err) != row.want {
			t.Errorf("at %v: %v", row.now, err)
		}
	}
}

// One that the device has asked for was valid when it came, whatever the clock shows after a power cut.
func TestItsOwnCertificateIsNeverTooEarly(t *testing.T) {
	s := In(t.TempDir())
	p := save(t, s, good(t))
	if _, err := s.Load(phone1, p.Certificate.Leaf.NotBefore.AddDate(-30, 0, 0)); err != nil {
		t.Error(err)
	}
	if _, err := s.Load(phone1, p.Certificate.Leaf.NotAfter.Add(time.Second)); kindOf(t, err) != Expired {
		t.Error(err)
	}
}

func TestImport(t *testing.T) {
	other := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issued(t, "Contoso CA", theKey(), 0, time.Hour)})
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issued(t, "Phone1@contoso.com", theKey(), 0, time.Hour)})
	der, err := x509.MarshalPKCS8PrivateKey(theKey())
	if err != nil {
		t.Fatal(err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	old := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(theKey())})
	for name, row := range map[string]struct {
		text []byte
		ok   bool
	}{
		"key, certificate":      {slices.Concat(key, certificate), true},
		"certificate, key":      {slices.Concat(certificate, key), true},
		"PKCS#1":                {slices.Concat([]byte("Bag Attributes\n"), old, certificate), true},
		"an authority before":   {slices.Concat(key, other, certificate), true},
		"no key":                {certificate, false},
		"no certificate":        {key, false},
		"two keys":              {slices.Concat(key, old, certificate), false},
		"of an authority alone": {slices.Concat(key, other), false},
		"encrypted":             {slices.Concat([]byte(strings.ReplaceAll(string(key), "PRIVATE KEY", "ENCRYPTED PRIVATE KEY")), certificate), false},
		"no PEM":                {[]byte("hello"), false},
		"nothing":               {nil, false},
	} {
		p, err := Import(row.text, Details{SIPAddress: phone1.SIPAddress})
		if (err == nil) != row.ok || p.None() == row.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// However a pair is printed, its key is not in it.
func TestTheKeyIsInNoText(t *testing.T) {
	p := good(t)
	text := fmt.Sprintf("%v %+v", p.Details, &Error{Kind: Foreign, Pair: p})
	for _, secret := range []string{theKey().D.String(), theKey().D.Text(16)} {
		if strings.Contains(text, secret) {
			t.Error("the private key is shown")
		}
	}
}

// What a request says is what the certificate service is known to take (MS-OCAUTHWS): one name, RSA, no attributes.
func TestRequest(t *testing.T) {
	der, err := Request(theKey(), "phone1@contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	r, err := x509.ParseCertificateRequest(der)
	if err != nil || r.CheckSignature() != nil || r.Subject.String() != "CN=phone1@contoso.com" || len(r.Extensions) > 0 {
		t.Errorf("got %+v, %v", r, err)
	}
	if bits := r.PublicKey.(*rsa.PublicKey).N.BitLen(); bits != 2048 {
		t.Errorf("%d bits", bits)
	}
}

// TestReadWhileItChanges: who reads while another saves, confirms or forgets sees a pair, or that there is none; never half of what
// is being taken away.
func TestReadWhileItChanges(t *testing.T) {
	s := In(t.TempDir())
	pairs := []Pair{good(t), good(t)}
	save(t, s, pairs[0])
	over := make(chan struct{})
	go func() {
		defer close(over)
		for i := range 60 {
			p := pairs[(i+1)%2]
			err := s.Save(p)
			if i%3 == 0 {
				err = errors.Join(err, s.Confirm(p))
			}
			if i%10 == 9 {
				_, forgotten := s.Forget()
				err = errors.Join(err, forgotten)
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	}()
	defer func() { <-over }()
	for reads := 0; ; reads++ {
		_, err := s.Load(phone1, time.Now())
		if err == nil {
			_, err = s.Newest()
		}
		if err != nil && kindOf(t, err) != Absent {
			t.Fatalf("read %d: %v", reads, err)
		}
		select {
		case <-over:
			return
		default:
		}
	}
}
