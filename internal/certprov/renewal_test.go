package certprov

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"homeward/e2e/needs"
	"homeward/internal/sitetest"
)

// given is a certificate that the site has given out to the key of these tests.
func given(t *testing.T, site *sitetest.Site, user string) *tls.Certificate {
	t.Helper()
	der, err := site.Issue(user, strings.TrimPrefix(instance, "urn:uuid:"), &theKey().PublicKey, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: theKey()}
}

// A certificate gets the next one, without a password, at a service that asks for it in a form that is known, and takes it.
func TestRenewal(t *testing.T) {
	for name, row := range map[string]struct {
		options string
		user    string
		revoked bool
		renews  bool
		want    Kind // lastKind+1: a ticket
	}{
		"as Windows does it":             {"services=cert", "phone1@contoso.com", false, true, lastKind + 1},
		"with SHA-256 and the address":   {"services=cert spoils=sha256", "phone1@contoso.com", false, true, lastKind + 1},
		"by the clock of the server":     {"services=cert clock=40m", "phone1@contoso.com", false, true, lastKind + 1},
		"revoked":                        {"services=cert", "phone1@contoso.com", true, true, CredentialsRefused},
		"the certificate of another":     {"services=cert", "phone2@contoso.com", false, true, CredentialsRefused},
		"another fault":                  {"services=cert spoils=invalid", "phone1@contoso.com", false, true, Faulted},
		"a policy that is not known":     {"services=cert spoils=asymmetric", "phone1@contoso.com", false, false, NoMethod},
		"a service that has no such way": {"services=ntlm,pin", "phone1@contoso.com", false, false, NoMethod},
	} {
		t.Run(name, func(t *testing.T) {
			log := at(t, row.options, func(t *testing.T, site *sitetest.Site, e *Enrolment) {
				own := given(t, site, row.user)
				if row.revoked {
					if err := site.Apply("revoke " + row.user); err != nil {
						t.Fatal(err)
					}
				}
				service, err := e.Discover(t.Context(), serviceURL)
				if err != nil {
					t.Fatal(err)
				}
				if service.Renews() != row.renews {
					t.Errorf("renews: %v", service.Renews())
				}
				ticket, err := e.Renewal(t.Context(), service, "phone1@contoso.com", own)
				if row.want <= lastKind {
					if kind := new(Error); !errors.As(err, &kind) || kind.Kind != row.want {
						t.Errorf("got %v, want kind %d", err, row.want)
					}
					return
				}
				if err != nil || ticket.By != "certificate" {
					t.Fatal(ticket.By, err)
				}
				request, err := x509.CreateCertificateRequest(nil, &x509.CertificateRequest{Subject: mustLeaf(t, own).Subject}, theKey())
				if err != nil {
					t.Fatal(err)
				}
				if _, err := e.Certificate(t.Context(), service, ticket, Request{User: "phone1@contoso.com", Instance: instance, PKCS10: request}); err != nil {
					t.Error(err)
				}
			})
			if t.Failed() {
				t.Log(sitetest.Timeline(log))
			}
		})
	}
}

func mustLeaf(t *testing.T, c *tls.Certificate) *x509.Certificate {
	t.Helper()
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

// Which policies are taken for a form that is known: those of Windows Communication Foundation for a certificate over TLS, and
// nothing else.
func TestProvingOf(t *testing.T) {
	const known = `<d><Policy Id="WebTicketServiceCert_policy"><ExactlyOne><All><TransportBinding><Policy><AlgorithmSuite><Policy><Basic256/></Policy></AlgorithmSuite></Policy></TransportBinding>` +
		`<EndorsingSupportingTokens><Policy><X509Token IncludeToken="http://x/IncludeToken/AlwaysToRecipient"><Policy><WssX509V3Token10/></Policy></X509Token></Policy></EndorsingSupportingTokens></All></ExactlyOne></Policy></d>`
	signed := func(parts string) string {
		return strings.Replace(known, "</X509Token>", "</X509Token><SignedParts>"+parts+"</SignedParts>", 1)
	}
	for name, row := range map[string]struct {
		text string
		want proving
		ok   bool
	}{
		"known":                 {known, proving{rsaSHA1, false}, true},
		"a suite of OAEP's kin": {strings.Replace(known, "Basic256", "Basic128Rsa15", 1), proving{rsaSHA1, false}, true},
		"SHA-256":               {strings.Replace(known, "Basic256", "Basic256Sha256Rsa15", 1), proving{rsaSHA256, false}, true},
		"the address":           {signed(`<Header Name="To" Namespace="` + nsWSA + `"/>`), proving{rsaSHA1, true}, true},
		"endorsing and signed":  {strings.ReplaceAll(known, "EndorsingSupportingTokens", "SignedEndorsingSupportingTokens"), proving{rsaSHA1, false}, true},
		"another suite":         {strings.Replace(known, "Basic256", "Basic512", 1), proving{}, false},
		"the body":              {signed(`<Body/>`), proving{}, false},
		"everything":            {signed(``), proving{}, false},
		"another header":        {signed(`<Header Name="From" Namespace="` + nsWSA + `"/>`), proving{}, false},
		"another policy":        {strings.Replace(known, "Cert_policy", "Pin_policy", 1), proving{}, false},
		"a choice":              {strings.Replace(known, "<ExactlyOne>", "<ExactlyOne><All></All>", 1), proving{}, false},
		"asymmetric":            {strings.Replace(known, "<All>", "<All><AsymmetricBinding/>", 1), proving{}, false},
		"no binding":            {strings.ReplaceAll(known, "TransportBinding", "SymmetricBinding"), proving{}, false},
		"a token that is known": {strings.Replace(known, "AlwaysToRecipient", "Never", 1), proving{}, false},
		"derived keys":          {strings.Replace(known, "<WssX509V3Token10/>", "<RequireDerivedKeys/>", 1), proving{}, false},
		"nothing":               {"<d/>", proving{}, false},
	} {
		document, err := parseDocument([]byte(row.text))
		if err != nil {
			t.Fatal(name, err)
		}
		if got, ok := provingOf(document, PortCert); ok != row.ok || ok && got != row.want {
			t.Errorf("%s: %+v, %v", name, got, ok)
		}
	}
}

// TestXMLSec: xmlsec, which nobody of this project has written, takes the signature of a message, with its own canonical form of what
// is signed, and none over a message that was changed.
func TestXMLSec(t *testing.T) {
	xmlsec := needs.Program(t, "xmlsec1")
	at, err := ParseAddress("https://web01.contoso.com/WebTicket/WebTicketService.svc/Cert?a=b&c=d")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	key, err := x509.MarshalPKIXPublicKey(&theKey().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := filepath.Join(dir, "public.pem")
	if err := os.WriteFile(public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: key}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, how := range map[string]proving{"SHA-1": {rsaSHA1, false}, "SHA-1 and the address": {rsaSHA1, true}, "SHA-256 and the address": {rsaSHA256, true}} {
		m := message{action: actionIssue, addressed: true, namesTo: how.address, body: requestTicket(at, "phone1@contoso.com", make([]byte, entropySize))}
		if m.security, err = how.security(theKey(), []byte("a certificate"), at, time.Now()); err != nil {
			t.Fatal(err)
		}
		verify := func(text string) ([]byte, error) {
			path := filepath.Join(dir, "message.xml")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return exec.CommandContext(t.Context(), xmlsec, "--verify", "--pubkey-pem", public, "--id-attr:Id", nsWSU+":Timestamp", "--id-attr:Id", nsWSA+":To", path).CombinedOutput()
		}
		if out, err := verify(m.envelope(at)); err != nil {
			t.Errorf("%s: %v\n%s\n%s", name, err, out, m.envelope(at))
		}
		if out, err := verify(strings.Replace(m.envelope(at), "<wsu:Created>2", "<wsu:Created>3", 1)); err == nil {
			t.Errorf("%s: another time is taken\n%s", name, out)
		}
	}
}
