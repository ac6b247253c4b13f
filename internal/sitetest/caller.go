package sitetest

import (
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
)

// caller is the device at the other end of one connection, as a Registrar remembers it, and what an answer may
// depend on besides the request. Its leg guards it.
type caller struct {
	addr  netip.AddrPort // the Registrar's
	host  string         // server name of TLS
	realm string
	cseq  map[string]uint64 // last, by Call-ID

	digest digestState
	ntlm   ntlmState
	bound  *message // the REGISTER that was last accepted
	lost   string   // register-action of the next one, once
	subs   []*subscription

	sim    *simulation
	out    *mapping
	relays *mediaRelays
}

// digestState is what a Registrar remembers of the digest of one connection.
type digestState struct {
	nonce  string
	count  uint64 // highest nc seen with nonce
	staled bool
}

// subscription is a dialog in which changes of the document are sent.
type subscription struct {
	began  *message
	groups []string
}

// outgoing is a request of the Registrar's own, in the dialog that a request of the device began.
type outgoing struct {
	method  string
	dialog  *message
	name    string // for the log
	headers []string
	body    string
}

// notify sends the document, or what is new in it.
func (s *subscription) notify(state, document string) *outgoing {
	method := "NOTIFY"
	if s.began.supports("ms-benotify") {
		method = "BENOTIFY"
	}
	return &outgoing{
		method: method, dialog: s.began, name: provisioningEvent, body: document,
		headers: []string{"Event: " + provisioningEvent, state, "Content-Type: " + provisioningType},
	}
}

// fe is the server in challenges and diagnostics: one of a pool.
func (c *caller) fe(m manner) string {
	if len(m.names) > 0 {
		return m.names[0]
	}
	return c.addr.Addr().String()
}

// reasons are the texts of ErrorIds (MS-OCER).
var reasons = map[int]string{
	2:    "See response code and reason phrase",
	1000: "Final handshake failed",
	1003: "User does not exist",
	1007: "Temporarily cannot route",
	1013: "Significant time skew detected during authentication",
	2057: "The gruu-10 extension is required",
	4001: "XML parse failure",
	4003: "From URI not enabled for remote access",
	4004: "Credentials provided are not authorized to act as specified From URI",
	4005: "Destination URI either not enabled for SIP or does not exist",
	4006: "User not found in pool",
	4010: "Endpoint identifier is missing, or +sip.instance is not derived from it",
	4011: "epid is missing",
	4055: "Event is not registration",
	4141: "User disabled",
	5000: "Critical applications are not running",
}

// diagnosis is ms-diagnostics, or what an Edge lets out of it.
func (c *caller) diagnosis(m manner, id int) string {
	reason, ok := reasons[id]
	if !ok {
		reason = "Simulated"
	}
	if m.edge {
		return fmt.Sprintf("ms-diagnostics-public: %d;reason=%q", id, reason)
	}
	if id == 2 { // as where the database of the pool does not answer
		reason += `";HRESULT="0xC3E93C5F(SIPPROXY_E_SQL_TIMEOUT)`
	}
	return fmt.Sprintf(`ms-diagnostics: %d;reason="%s";source=%q`, id, reason, c.fe(m))
}

// reply is an answer: a status, and what is its own.
type reply struct {
	code    int
	headers []string
	body    string    // its Content-Type is one of the headers
	proof   string    // for the log
	then    *outgoing // after it is sent
}

// lines are the status line and the headers of the answer to req (RFC 3261 section 8.2.6.2).
func (r reply) lines(m manner, req *message) []string {
	phrase := cmp.Or(phrases[r.code], http.StatusText(r.code))
	all := []string{fmt.Sprintf("SIP/2.0 %d %s", r.code, phrase)}
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		for i, value := range req.header.Values(name) {
			switch {
			case name == "To" && headerParam(value, "tag") == "":
				value += ";tag=" + ourTag
			case name == "Via" && i == 0 && m.isLync():
				value += ";ms-received-port=50123;ms-received-cid=2600"
			}
			all = append(all, name+": "+value)
		}
	}
	return append(all, r.headers...)
}

// phrases are those that SIP does not share with HTTP.
var phrases = map[int]string{
	301: "Redirect request to Home Server", 421: "Extension Required", 423: "Interval Too Brief", 480: "Temporarily Unavailable", 489: "Bad Event", 504: "Server time-out",
}

const ourTag = "5173"
