package certprov

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"homeward/internal/sitetest"
)

const (
	serviceURL = "https://web01.contoso.com:443/CertProv/CertProvisioningService.svc"
	instance   = "urn:uuid:7446beda-e8b3-53b7-a965-b85a66a31cfc"
	right      = "correct-horse"
	webLine    = `10.0.0.8:443 tls web01.contoso.com web user=CONTOSO\phone1 password=correct-horse phone=4711 pin=9263 `
)

var errElsewhere = errors.New("not under contoso.com")

var theKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// enrol goes the whole way to a certificate at a site whose web server has some options.
func enrol(t *testing.T, options string, login Login) (der []byte, ticket Ticket, log []sitetest.Entry, err error) {
	t.Helper()
	log = at(t, options, func(t *testing.T, _ *sitetest.Site, e *Enrolment) { der, ticket, err = e.wholeWay(t, login) })
	return der, ticket, log, err
}

// at does something at a site whose web server has some options.
func at(t *testing.T, options string, do func(*testing.T, *sitetest.Site, *Enrolment)) (log []sitetest.Entry) {
	t.Helper()
	theKey()
	synctest.Test(t, func(t *testing.T) {
		site, parseErr := sitetest.Parse("site", []byte("-- registrars --\n"+webLine+options+"\n"))
		if parseErr != nil {
			t.Fatal(parseErr)
		}
		wire, startErr := site.Start()
		if startErr != nil {
			t.Fatal(startErr)
		}
		defer site.Close()
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(site.Roots())
		e := Enrolment{UserAgent: "homeward/1.0", Dial: func(ctx context.Context, host string, port uint16) (net.Conn, error) {
			if !strings.HasSuffix(host, ".contoso.com") {
				return nil, errElsewhere
			}
			conn, err := wire.Dial(ctx, "tcp", netip.AddrPortFrom(netip.MustParseAddr("10.0.0.8"), port).String())
			if err != nil {
				return nil, err
			}
			return tls.Client(conn, &tls.Config{ServerName: host, RootCAs: roots}), nil
		}}
		defer e.Close()
		do(t, site, &e)
		log = site.Log()
	})
	return log
}

func (e *Enrolment) wholeWay(t *testing.T, login Login) ([]byte, Ticket, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	service, err := e.Discover(ctx, serviceURL)
	if err != nil {
		return nil, Ticket{}, err
	}
	ticket, err := e.Ticket(ctx, service, "phone1@contoso.com", login)
	if err != nil {
		return nil, Ticket{}, err
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "phone1@contoso.com"}}, theKey())
	if err != nil {
		t.Fatal(err)
	}
	der, err := e.Certificate(ctx, service, ticket, Request{User: "phone1@contoso.com", Instance: instance, PKCS10: request})
	return der, ticket, err
}

func withPassword(password string) Login {
	return Login{User: `CONTOSO\phone1`, Password: func() string { return password }, Workstation: "phone1.contoso.com"}
}

func withPIN(pin string) Login {
	return Login{User: "4711", Password: func() string { return pin }, PIN: true}
}

// Every way to a ticket leads to a certificate, at a service that checks what a real one is known to check.
func TestWaysToACertificate(t *testing.T) {
	for name, row := range map[string]struct {
		options string
		login   Login
		by      string
	}{
		"NTLM":                        {"services=ntlm", withPassword(right), "ntlm"},
		"NTLM under Negotiate":        {"services=negotiate", withPassword(right), "ntlm"},
		"a password in the message":   {"services=password,cert", withPassword(right), "password"},
		"all of them":                 {"", withPassword(right), "ntlm"},
		"a PIN":                       {"", withPIN("9263"), "pin"},
		"a prefix declared above":     {"spoils=outer", withPassword(right), "ntlm"},
		"a certificate in a PKCS#7":   {"spoils=pkcs7", withPassword(right), "ntlm"},
		"answers that come after 14s": {"delay=14s", withPassword(right), "ntlm"},
	} {
		t.Run(name, func(t *testing.T) {
			der, ticket, log, err := enrol(t, row.options, row.login)
			if err != nil {
				t.Fatalf("%v\n%s", err, sitetest.Timeline(log))
			}
			c, err := x509.ParseCertificate(der)
			if err != nil || c.Subject.CommonName != "phone1@contoso.com" || !theKey().PublicKey.Equal(c.PublicKey) {
				t.Errorf("got %v, %v", c.Subject, err)
			}
			if ticket.By != row.by {
				t.Errorf("by %s, want %s", ticket.By, row.by)
			}
		})
	}
}

// What a service refuses or spoils ends an enrolment, and says of which kind that is. Nothing takes longer than its limit.
func TestEachKind(t *testing.T) {
	shown := map[Kind]bool{}
	for name, row := range map[string]struct {
		options string
		login   Login
		want    Kind
		id      int
		said    string // in the error
	}{
		"a wrong password":                       {"", withPassword("wrong"), CredentialsRefused, 28000, "Authentication failed."},
		"a wrong password in the message":        {"services=password", withPassword("wrong"), CredentialsRefused, 28020, "No valid security token."},
		"a wrong PIN":                            {"", withPIN("0000"), CredentialsRefused, 28020, "No valid security token."},
		"no domain controller":                   {"spoils=dc", withPassword(right), CredentialsRefused, 28000, ""},
		"the account is disabled":                {"spoils=disabled", withPassword(right), CredentialsRefused, 28034, "The account is disabled."},
		"another fault":                          {"spoils=invalid", withPassword(right), Faulted, 28032, "The web ticket is invalid."},
		"no PIN here":                            {"services=ntlm", withPIN("9263"), NoMethod, 0, "WebTicketServiceWinNtlm"},
		"no passwords here":                      {"services=pin,cert", withPassword(right), NoMethod, 0, "WebTicketServiceCert, WebTicketServicePin"},
		"down":                                   {"spoils=down", withPassword(right), Unavailable, 0, "HTTP 503"},
		"not there":                              {"spoils=missing", withPassword(right), NotFound, 0, "HTTP 404"},
		"another site":                           {"spoils=redirect", withPassword(right), Redirected, 0, "portal.example.net"},
		"a portal":                               {"spoils=html", withPassword(right), BadAnswer, 0, ""},
		"too much":                               {"spoils=huge", withPassword(right), BadAnswer, 0, "bytes"},
		"too deep":                               {"spoils=deep", withPassword(right), BadAnswer, 0, "in each other"},
		"entities":                               {"spoils=entities", withPassword(right), BadAnswer, 0, "document type"},
		"one byte a second":                      {"spoils=drip", withPassword(right), Timeout, 0, ""},
		"nothing at all":                         {"delay=1h", withPassword(right), Timeout, 0, ""},
		"a cut":                                  {"spoils=cut", withPassword(right), Cut, 0, ""},
		"no policy":                              {"spoils=policy", withPassword(right), NoService, 0, ""},
		"no ports":                               {"spoils=ports", withPassword(right), NoService, 0, ""},
		"clear text":                             {"spoils=plain", withPassword(right), BadAddress, 0, "https"},
		"other names":                            {"spoils=elsewhere", withPassword(right), Unreachable, 0, errElsewhere.Error()},
		"no ticket":                              {"spoils=noticket", withPassword(right), BadAnswer, 0, "no web ticket"},
		"the store is away":                      {"spoils=store", withPassword(right), Rejected, 0, "ErrorDataStoreUnavailable"},
		"no certificate":                         {"spoils=nocert", withPassword(right), NoCertificate, 0, ""},
		"a user that cannot be sent over NTLM":   {"", Login{Password: func() string { return right }}, BadChallenge, 0, "no user name"},
		"a certificate that only the room reads": {"spoils=badcert", withPassword(right), lastKind + 1, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, log, err := enrol(t, row.options, row.login)
			if row.want > lastKind {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Kind != row.want || e.ID != row.id || !strings.Contains(err.Error(), row.said) {
				t.Errorf("got %v (%+v), want kind %d\n%s", err, e, row.want, sitetest.Timeline(log))
			}
			shown[row.want] = true
			if last := log[len(log)-1]; last.After > 2*answerLimit && row.options != "delay=1h" {
				t.Errorf("it took %v", last.After)
			}
		})
	}
	for _, k := range Kinds() {
		if !shown[k] && k != Unknown {
			t.Errorf("nothing shows kind %d", k)
		}
	}
}

// An answer that ends in the middle of a header is cut off, however the end comes: half a line is no malformed one.
func TestACutInAHeader(t *testing.T) {
	ours, theirs := net.Pipe()
	go func() {
		http.ReadRequest(bufio.NewReader(theirs))
		io.WriteString(theirs, "HTTP/1.1 200 OK\r\nServ")
		theirs.Close()
	}()
	e := Enrolment{Dial: func(context.Context, string, uint16) (net.Conn, error) { return ours, nil }}
	defer e.Close()
	_, err := e.Discover(t.Context(), serviceURL)
	if kind := new(Error); !errors.As(err, &kind) || kind.Kind != Cut {
		t.Errorf("got %v", err)
	}
}

// No secret travels in clear but where the service asks for it, inside TLS; and none is in what is logged or told.
func TestSecretsAreInNoError(t *testing.T) {
	for _, options := range []string{"spoils=dc", "services=password spoils=dc", "spoils=invalid", "spoils=store"} {
		_, ticket, log, err := enrol(t, options, withPassword(right))
		text := err.Error() + sitetest.Timeline(log) + ticket.By
		if strings.Contains(text, right) || strings.Contains(text, encoded(right)) {
			t.Errorf("%s: %s", options, text)
		}
	}
}

// A wrong PIN is sent in two forms, each once: a third try might lock the account.
func TestAPINIsTriedTwice(t *testing.T) {
	_, _, log, err := enrol(t, "", withPIN("0000"))
	tried := 0
	for _, entry := range log {
		if strings.HasSuffix(entry.Name, "/Pin") {
			tried++
		}
	}
	if err == nil || tried != 2 {
		t.Errorf("%d tries, %v", tried, err)
	}
}

func TestAddresses(t *testing.T) {
	for _, good := range []string{serviceURL, "https://Web01.contoso.com/a?b=c", "https://10.0.0.8:8443/x", "HTTPS://web01.contoso.com"} {
		if a, err := ParseAddress(good); err != nil || a.Host == "" || a.Port == 0 || a.String() != good {
			t.Errorf("%s: %+v, %v", good, a, err)
		}
	}
	for _, bad := range []string{
		"", "http://web01.contoso.com/", "https://user:secret@web01.contoso.com/", "https://web01.contoso.com/#x", "https://", "https:web01",
		"https://web01.contoso.com:0/", "https://web01.contoso.com:99999/", "https://web01.contoso.com/a b", "https://web01.contoso.com/\r\nX: y",
		"https://" + strings.Repeat("a", 2000), "ftp://web01.contoso.com/", "https://w\u00e9b.contoso.com/", "//web01.contoso.com/",
	} {
		var e *Error
		if _, err := ParseAddress(bad); !errors.As(err, &e) || e.Kind != BadAddress {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
