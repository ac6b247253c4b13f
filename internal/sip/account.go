package sip

import (
	"time"

	"homeward/internal/place"
	"homeward/internal/secret"
)

// Account is who registers, and how it may prove that.
type Account struct {
	AOR        place.SIPAddress // address-of-record
	User       string           // login name: `CONTOSO\phone1`; "" or the AOR without "sip:": that address, its part before "@" for Digest
	Password   secret.Secret    // "": sign in only where no password is asked for
	Identity   *Identity        // to sign in with a certificate; nil: there is none
	Nonce      *Nonce           // of an earlier Session with the same Registrar, and of no other; nil: the first request goes out bare
	Rests      bool             // the password is not used now, whoever asks for it
	Tries      func() int       // how many proofs of it may be refused from now on, asked before each request; nil: two
	Schemes    []string         // allowed, in order of preference: "tls-dsk", "ntlm", "digest"; names unknown here are passed over
	InClear    bool             // answer over clear TCP too, where whoever listens can try passwords against the proof
	UserAgent  string           // "homeward/1.0"; see CheckUserAgent
	Host       string           // host name of this device, for NTLM: accounts may be limited to some; or ""
	EndpointID string           // epid (MS-SIPRE section 3.2.3.1), "a1b2c3d4e5"; +sip.instance is derived from it. Or ""
	Unbound    bool             // sign in without a binding; where a Registrar tells in band only whom it has bound, with a brief one
	Patience   time.Duration    // until a Registrar answers a sign-in that has a queue; below 4 s: 4 s
	Subnet     string           // of our IPv4 address, "10.0.0.0", for ms-subnet; or ""
}

// ntlmUser returns the login name as NTLM knows it: `DOMAIN\user`, or the SIP address as a user principal name.
func (a *Account) ntlmUser() string {
	if a.User != "" {
		return a.User
	}
	return a.AOR.Bare()
}

// digestUser returns the login name as Digest Registrars know it: without the SIP domain, unless the site gave another.
func (a *Account) digestUser() string {
	if a.User == "" || a.User == a.AOR.Bare() {
		return a.AOR.User
	}
	return a.User
}
