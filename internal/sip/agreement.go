package sip

import (
	"strconv"
	"time"
)

// agreement is how far a sign-in of MS-SIPAE has come, whatever its scheme, and what signs once it is there.
//
//	fresh     the request goes out bare                  401 with an offer: asking
//	asking    it carries a message of the scheme         401 with the next one: asking, or proving
//	proving   it carries our proof                       signed answer: proven        401: the proof was refused
//	proven    it is signed                               401 to REGISTER, or at the end of its life: once more from the start
type agreement struct {
	field   string // header name
	stage   stage
	next    association   // about to be agreed on
	life    time.Duration // of the next
	current *association  // what signs; nil before the first sign-in
	renewAt time.Time     // when current has to be replaced
	method  string        // of the latest request
	shown   string        // the login name of our latest proof
}

type stage uint8

const (
	fresh stage = iota
	asking
	proving
	proven
)

// sipaeVersion reads the version of MS-SIPAE from a challenge; absent means 2, and we speak none above 4.
func sipaeVersion(c challenge) (version int, told bool, problem string) {
	text, told := c.params["version"]
	if !told {
		return 2, false, ""
	}
	version, err := strconv.Atoi(text)
	if err != nil || version < 2 {
		return 0, true, c.scheme + " with version " + printable(text) + " is not supported"
	}
	return min(version, 4), true, ""
}

// offered takes the terms of the next association out of a challenge.
func (a *agreement) offered(c challenge) {
	version, told, _ := sipaeVersion(c)
	if a.stage == asking && !told {
		version = a.next.version
	}
	a.next = association{
		scheme: c.scheme, realm: c.params["realm"], target: c.params["targetname"], opaque: c.params["opaque"], version: version,
	}
}

// inForce says whether a challenge does not put the association in doubt: a refresh decides on that, any other request is
// signed anew.
func (a *agreement) inForce() bool { return a.stage == proven && a.method != "REGISTER" }

// renews says whether a challenge begins a sign-in in place of the one in force, which has ended.
func (a *agreement) renews() bool {
	return a.current != nil && a.method == "REGISTER" && (a.stage == fresh || a.stage == proven)
}

// begin takes note of a message that is to be signed, and says whether that was done: with the association in force.
func (a *agreement) begin(m *message) (done bool) {
	if m.method == "" { // ours to a request of the Registrar, which was signed
		if a.current != nil {
			m.add(a.field, a.current.credentials()+a.current.proof(m))
		}
		return true
	}
	a.method = m.method
	if a.stage == proven && m.method == "REGISTER" && !time.Now().Before(a.renewAt) {
		a.stage = fresh
	}
	if a.stage == proven {
		m.add(a.field, a.current.credentials()+a.current.proof(m))
	}
	return a.stage == fresh || a.stage == proven
}

// version is told while signing in, and from version 3 on.
func (a *agreement) version() string {
	if a.next.version < 3 {
		return ""
	}
	return ", version=" + strconv.Itoa(a.next.version)
}

func (a *agreement) verify(m *message) error {
	switch {
	case a.stage == proving && m.method == "":
		if err := a.next.check(m); err != nil {
			return err
		}
		agreed := a.next
		a.current, a.stage, a.renewAt = &agreed, proven, time.Now().Add(a.life)
		return nil
	case a.current != nil:
		return a.current.check(m)
	case m.method != "" || m.code < 400: // a refusal needs no proof where none can be given yet
		return unproven(m, SignedTooEarly)
	}
	return nil
}

func (a *agreement) sent() string { return a.shown }

func (a *agreement) pending() (string, bool) { return a.next.realm, a.stage == proving }

func (a *agreement) until() time.Time { return a.renewAt }
