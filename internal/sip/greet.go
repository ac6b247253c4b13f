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

// Greet asks for the bindings of the account, without credentials and without a Contact, so that nothing is bound
// whatever the answer (RFC 3261 section 10.2.3). It is for people who want to know what lives at the other end, and
// instead of Register.
//
// Errors: *StatusError (refused, and not for want of credentials; the Greeting is there nevertheless),
// *MalformedError, ErrNoAnswer, the cause of ctx, or what the connection returned.
func (s *Session) Greet(ctx context.Context) (Greeting, error) {
	var m *message
	err := s.take(ctx, func(ctx context.Context) (err error) {
		s.sequence++
		query := s.request("REGISTER", "sip:"+s.account.AOR.Domain, s.account.AOR.String(), s.callID, s.sequence)
		query.add("Supported", supported)
		query.add("Event", "registration")
		query.add("Content-Length", "0")
		m, err = s.roundTrip(ctx, query)
		return err
	})
	if err != nil {
		return Greeting{}, err
	}
	g := Greeting{Code: m.code, Phrase: printable(m.phrase), Server: printable(m.get("Server")), Date: date(m)}
	for _, a := range s.askers {
		offered := parseChallenges(m.all(a.challenge))
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
	if m.code < 400 || m.code == 401 || m.code == 407 {
		return g, nil
	}
	return g, s.refusal(m)
}
