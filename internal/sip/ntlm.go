package sip

import (
	"encoding/base64"
	"errors"
	"strconv"
	"time"

	"github.com/homeward-agent/homeward/internal/ntlm"
)

// ntlmScheme signs in with NTLM in the manner of MS-SIPAE, versions 2 to 4, and signs every message from then on.
//
//	fresh     the request goes out bare       401 with an offer: offered
//	offered   it asks for a challenge         401 with a challenge: proving
//	proving   it carries our proof            signed answer: proven        401: the proof was refused
//	proven    it is signed                    401 to REGISTER, or 8 h old: once more from the start
type ntlmScheme struct {
	user     string
	host     string // name of this device
	password func() string
	tls      bool
	field    string // header name

	stage   ntlmStage
	next    association   // about to be agreed on
	token   func() string // our proof, for the next request; a function, because fmt cannot look into it
	current *association  // what signs; nil before the first sign-in
	renewAt time.Time     // when current has to be replaced
	method  string        // of the latest request
	shown   string        // the login name of our latest proof
}

type ntlmStage uint8

const (
	ntlmFresh ntlmStage = iota
	ntlmOffered
	ntlmProving
	ntlmProven
)

// ntlmVersion reads the version of MS-SIPAE from a challenge; absent means 2, and we speak none above 4.
func ntlmVersion(c challenge) (version int, told bool, problem string) {
	text, told := c.params["version"]
	if !told {
		return 2, false, ""
	}
	version, err := strconv.Atoi(text)
	if err != nil || version < 2 {
		return 0, true, "NTLM with version " + printable(text) + " is not supported"
	}
	return min(version, 4), true, ""
}

func (n *ntlmScheme) answer(c challenge, again bool) error {
	data, err := base64.StdEncoding.DecodeString(c.params["gssapi-data"])
	switch {
	case err != nil:
		return errors.New("NTLM with gssapi-data that is not base64")
	case n.stage == ntlmProving:
		return errRefused
	case n.stage == ntlmProven && n.method != "REGISTER":
		// The association is not in doubt, for a refresh decides on that: the request is signed anew.
		if again {
			return errRefused
		}
		return nil
	case len(data) == 0 && n.stage == ntlmOffered:
		return errors.New("NTLM is offered again in place of a challenge")
	}
	version, told, _ := ntlmVersion(c)
	if n.stage == ntlmOffered && !told {
		version = n.next.version
	}
	n.next = association{
		scheme: c.scheme, realm: c.params["realm"], target: c.params["targetname"], opaque: c.params["opaque"], version: version,
	}
	if n.stage = ntlmOffered; len(data) == 0 {
		return nil
	}
	err = n.prove(data)
	if err != nil {
		n.stage = ntlmFresh
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
	n.stage = ntlmProving
	return nil
}

func (n *ntlmScheme) sign(m *message) error {
	if m.method == "" { // ours to a request of the Registrar, which was signed
		if n.current != nil {
			m.add(n.field, n.current.credentials()+n.current.proof(m))
		}
		return nil
	}
	n.method = m.method
	if n.stage == ntlmProven && m.method == "REGISTER" && !time.Now().Before(n.renewAt) {
		n.stage = ntlmFresh
	}
	switch n.stage {
	case ntlmFresh: // nothing to say yet
	case ntlmOffered:
		m.add(n.field, n.next.credentials()+`, gssapi-data=""`+n.version())
	case ntlmProving:
		proof := ""
		if n.next.version > 3 { // from version 4 on, the last message of the sign-in is the first one signed
			proof = n.next.proof(m)
		}
		m.add(n.field, n.next.credentials()+", gssapi-data="+quote(n.token())+n.version()+proof)
		n.shown = ntlm.LoginName(n.user)
	case ntlmProven:
		m.add(n.field, n.current.credentials()+n.current.proof(m))
	}
	return nil
}

// version is told while signing in, and from version 3 on.
func (n *ntlmScheme) version() string {
	if n.next.version < 3 {
		return ""
	}
	return ", version=" + strconv.Itoa(n.next.version)
}

func (n *ntlmScheme) verify(m *message) error {
	switch {
	case n.stage == ntlmProving && m.method == "":
		if err := n.next.check(m); err != nil {
			return err
		}
		agreed := n.next
		n.current, n.token = &agreed, nil
		n.stage, n.renewAt = ntlmProven, time.Now().Add(associationLife-associationMargin)
		return nil
	case n.current != nil:
		return n.current.check(m)
	case m.method != "" || m.code < 400: // a refusal needs no proof where none can be given yet
		return unproven(m, SignedTooEarly)
	}
	return nil
}

func (n *ntlmScheme) sent() string { return n.shown }

func (n *ntlmScheme) pending() (string, bool) { return n.next.realm, n.stage == ntlmProving }

func (n *ntlmScheme) until() time.Time { return n.renewAt }
