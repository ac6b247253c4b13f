package sip

import (
	"net"
	"testing"
)

// Who has asked has asked, though the certificate that was to answer has come to nothing: what it refuses then is no refusal unasked.
func TestMend106AskedBeforeTheCertificateFailed(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	var failed *CertificateError
	account := certified(func(a *Account) { a.Password = "" })
	account.Identity.Failed = func(e *CertificateError) { failed = e }
	s := NewSession(ours, true, account)
	a := s.talk.auth
	if wasAsked(a) {
		t.Error("it has asked before it did")
	}
	asks := &message{code: 401}
	asks.add("WWW-Authenticate", `TLS-DSK realm="SIP Communications Service", targetname="fe01.contoso.com", version=4`)
	asks.add("Date", "Wed, 28 Jun 2000 00:00:00 GMT")
	if _, err := a.challenged(asks, false); err != nil {
		t.Fatal(err)
	}
	_, err := a.challenged(asks, true) // in place of the answer to the handshake
	if err == nil || failed == nil || a.askers[0].scheme != nil {
		t.Fatalf("the handshake goes on: %v, %v", err, failed)
	}
	if !wasAsked(a) {
		t.Error("it is taken for one that has not asked")
	}
}
