package sip

import (
	"regexp"
	"sync"
)

// Subject is what the words of a refusal are about. People write them, each in another way: they are a lead, and no proof.
type Subject uint8

// The subjects.
const (
	AboutAgent     Subject = iota + 1 // which program the device is
	AboutAddress                      // from where it comes
	AboutTransport                    // TLS or TCP
	AboutDomain                       // its SIP domain
	AboutAccount
	AboutDevice // the device, and not by what it is known
)

// subjects has the words of each subject, in the order of the subjects: what the words of one have matched is not there for the next
// ("user agent" is no user).
var subjects = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`(?i)\b(user.?agents?|(client|phone|device|software|handset) (versions?|types?|models?)|version of the client|firmware)\b`),
		regexp.MustCompile(`(?i)\b(ips?|ip.?address(es)?|(source|your|remote) address|networks?|subnets?|acls?|geo.?ip|country)\b`),
		regexp.MustCompile(`(?i)\b(tls|srtp|encrypt(ed|ion)|transport|tcp|udp)\b`),
		regexp.MustCompile(`(?i)\b(domains?|realm|tenant)\b`),
		regexp.MustCompile(`(?i)\b(users?|user.?names?|accounts?|subscribers?|licen[cs]e[ds]?|sip address(es)?)\b`),
		regexp.MustCompile(`(?i)\b((devices?|clients?|phones?|handsets?|endpoints?|software)( is| are)?( not| no longer) (allowed|permitted|supported|approved|authori[sz]ed|accepted|known)|(unsupported|unknown|unapproved|unauthori[sz]ed|forbidden) (devices?|clients?|phones?|handsets?|endpoints?|software))\b`),
	}
})

// ofPassword has the words of a password. What else is said with them may be who failed to give it ("wrong password from IP 10.0.0.9").
var ofPassword = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(passwords?|passphrase|credentials?|auth|authenticat[a-z]*|log.?ins?|digest)\b`)
})

// Subject is what the Registrar says that its refusal is about; 0: it does not say, speaks of several things, or the answer is not signed.
// An account is one thing with its password.
func (e *StatusError) Subject() Subject {
	if e.Unsigned {
		return 0
	}
	words := e.words()
	var found Subject
	for i, of := range subjects() {
		rest := of.ReplaceAllString(words, "")
		if rest != words && found != 0 {
			return 0
		}
		if rest != words {
			found = Subject(i + 1) //nolint:gosec // there are six
		}
		words = rest
	}
	if found != AboutAccount && ofPassword().MatchString(words) {
		return 0
	}
	return found
}

// Explains says whether the answer says more than its status.
func (e *StatusError) Explains() bool {
	return e.Problem != "" || len(e.Warnings)+len(e.Fields) > 0 || saying(e.Diagnostics, "") != ""
}
