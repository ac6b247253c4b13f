package sip

import (
	"encoding/base64"
	"errors"

	"homeward/internal/ntlm"
)

// ntlmScheme signs in with NTLM in the manner of MS-SIPAE, versions 2 to 4, and signs every message from then on. While asking,
// it asks for a challenge.
type ntlmScheme struct {
	agreement
	user     string
	host     string // name of this device
	password func() string
	tls      bool
	token    func() string // our proof, for the next request; a function, because fmt cannot look into it
}

func (n *ntlmScheme) answer(c challenge, again bool) error {
	data, err := base64.StdEncoding.DecodeString(c.params["gssapi-data"])
	switch {
	case err != nil:
		return errors.New("NTLM with gssapi-data that is not base64")
	case n.stage == proving:
		return errRefused
	case n.inForce():
		if again {
			return errRefused
		}
		return nil
	case len(data) == 0 && n.stage == asking:
		return errors.New("NTLM is offered again in place of a challenge")
	}
	n.offered(c)
	if n.stage = asking; len(data) == 0 {
		return nil
	}
	err = n.prove(data)
	if err != nil {
		n.stage = fresh
	}
	return err
}

// prove prepares the answer to a CHALLENGE message.
func (n *ntlmScheme) prove(challenge []byte) error {
	message, security, err := ntlm.Authenticate(challenge, ntlm.Credentials{
		User: n.user, Password: n.password, Host: n.host,
		// Servers that speak version 2 may know no better.
		WeakSignatures: n.tls && n.next.version == 2,
	})
	if err != nil {
		return err
	}
	text := base64.StdEncoding.EncodeToString(message)
	n.token = func() string { return text }
	n.next.sign, n.next.verify = security.Sign, security.Verify
	n.stage, n.life = proving, associationLife-associationMargin
	return nil
}

func (n *ntlmScheme) sign(m *message) error {
	if n.begin(m) {
		return nil
	}
	if n.stage == asking {
		m.add(n.field, n.next.credentials()+`, gssapi-data=""`+n.version())
		return nil
	}
	proof := ""
	if n.next.version > 3 { // from version 4 on, the last message of the sign-in is the first one signed
		proof = n.next.proof(m)
	}
	m.add(n.field, n.next.credentials()+", gssapi-data="+quote(n.token())+n.version()+proof)
	n.shown = ntlm.LoginName(n.user)
	return nil
}
