package sitetest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"
)

// issued is what the certificate service of a site has given out: tickets, and certificates, which it publishes to the
// Registrars. It is shared by all servers of the site.
type issued struct {
	mu           sync.Mutex
	tickets      map[string]ticket // by AssertionID
	certificates []published
	serial       int64
}

// ticket is a web ticket.
type ticket struct {
	user         string // "phone1@contoso.com"
	assertion    string // as sent
	key          []byte
	theirs, ours []byte // what the key is made of: the entropy of the device, and that of the service
	expires      time.Time
}

// published is a certificate that Registrars know, or will.
type published struct {
	der      []byte
	user     string // "phone1@contoso.com"
	instance string // UUID of the device, in lower case
	since    time.Time
	ends     time.Time
	revoked  bool
}

// issuerKey signs the certificates of all sites: the server itself does, and no authority of the site.
var issuerKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// issue makes a certificate for a user and a key.
func (i *issued) issue(user string, key any, begins, ends time.Time) ([]byte, error) {
	i.mu.Lock()
	i.serial++
	serial := i.serial
	i.mu.Unlock()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: user}, NotBefore: begins, NotAfter: ends,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	parent := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Communications Server"}}
	return x509.CreateCertificate(rand.Reader, template, parent, key, issuerKey())
}

func (i *issued) publish(p published) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.certificates = append(i.certificates, p)
}

// verdict is what a Registrar thinks of a certificate: "" if it takes it for the user and the device, at a time. A user or a
// device that is not known yet is anyone.
func (i *issued) verdict(der []byte, user, instance string, now time.Time) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	at := slices.IndexFunc(i.certificates, func(p published) bool { return string(p.der) == string(der) })
	if at < 0 {
		return "unknown certificate"
	}
	switch p := i.certificates[at]; {
	case p.revoked:
		return "revoked certificate"
	case now.Before(p.since):
		return "certificate not replicated yet"
	case now.After(p.ends):
		return "expired certificate"
	case user != "" && !strings.EqualFold(p.user, user):
		return "certificate of another user"
	case instance != "" && p.instance != "" && !strings.EqualFold(p.instance, instance):
		return "certificate of another endpoint"
	}
	return ""
}

// revoke takes away all certificates of a user, as Revoke-CsClientCertificate does.
func (i *issued) revoke(user string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for at := range i.certificates {
		if strings.EqualFold(i.certificates[at].user, user) {
			i.certificates[at].revoked = true
		}
	}
}

func (i *issued) keep(id string, t ticket) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.tickets == nil {
		i.tickets = map[string]ticket{}
	}
	i.tickets[id] = t
}

func (i *issued) ticket(id string) (ticket, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	t, ok := i.tickets[id]
	return t, ok
}

// secrets are what nobody but a device and the services may see of the tickets.
func (i *issued) secrets() map[string][]byte {
	i.mu.Lock()
	defer i.mu.Unlock()
	all := map[string][]byte{}
	for id, t := range i.tickets {
		all["a web ticket "+id], all["the key of ticket "+id] = []byte(id), t.key
		all["the entropy of the device, of ticket "+id], all["the entropy of the service, of ticket "+id] = t.theirs, t.ours
	}
	return all
}
