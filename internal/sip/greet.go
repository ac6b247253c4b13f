package sip

import (
	"context"
	"time"
)

// Greeting is how a Registrar answers someone who does not say who he is.
type Greeting struct {
	Code    int       // 200 to 699; 401 and 407 are what a Registrar of Lync says
	Phrase  string    // as sent, escaped, at most 256 bytes
	Server  string    // the Server header, escaped, at most 256 bytes; Lync writes its version: "RTC/5.0"
	Offered []string  // the schemes of a challenge, in the Registrar's order, escaped: "NTLM", "Kerberos", "TLS-DSK"
	Target  string    // targetname of a challenge: the server of the pool that answers; escaped
	CertURL string    // sts-uri of a challenge: where a client certificate is to be had; escaped (MS-SIPAE)
	Date    time.Time // the Registrar's clock; zero: not told
}

// greeting reads how a Registrar answers.
func (a *authentication) greeting(m *message) Greeting {
	g := Greeting{Code: m.code, Phrase: printable(m.phrase), Server: printable(m.get("Server")), Date: date(m)}
	for i := range a.askers {
		by := &a.askers[i]
		offered := parseChallenges(m.all(by.challenge))
		g.Offered = append(g.Offered, names(offered)...)
		for _, c := range offered {
			if g.Target == "" {
				g.Target = printable(c.params["targetname"])
			}
			if g.CertURL == "" {
				g.CertURL = printable(c.params["sts-uri"])
			}
		}
	}
	return g
}

// greet asks for the bindings of the account, and binds nothing.
func (r *registration) greet(ctx context.Context) (Greeting, error) {
	m, err := r.talk.roundTrip(ctx, r.query())
	if err == nil && r.tooBrief(m) {
		m, err = r.talk.roundTrip(ctx, r.query())
	}
	switch {
	case err != nil:
		return Greeting{}, err
	case m.code < 400 || m.code == 401 || m.code == 407:
		return r.talk.auth.greeting(m), nil
	}
	return r.talk.auth.greeting(m), r.refusal(m)
}
