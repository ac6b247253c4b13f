package sitetest

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// The answers of Lync to a device that has signed in.

// fe is the server in challenges and diagnostics: one of a pool.
func (l *leg) fe(m manner) string {
	if len(m.names) > 0 {
		return m.names[0]
	}
	return l.addr.Addr().String()
}

// lync is a Registrar of Lync that has the user, or, with home=, knows who has.
func lync(l *leg, m manner, req *message) reply {
	switch req.method {
	case "REGISTER":
		return l.register(m, req)
	case "SUBSCRIBE":
		return l.subscribe(m, req)
	case "SERVICE":
		return l.service(m, req)
	}
	return reply{code: 200}
}

func (l *leg) register(m manner, req *message) reply {
	if id, code := objection(req); id != 0 {
		return reply{code: code, headers: []string{l.diagnosis(m, id)}}
	}
	if len(m.contacts) > 0 {
		r := redirect(l, m, req)
		r.headers = append(r.headers, "Expires: 2592000")
		return r
	}
	if req.leaving() {
		l.bound, l.subs = nil, nil
		return reply{code: 200, headers: []string{"Expires: 0"}}
	}
	action, primary := "added", "yes"
	if l.bound != nil {
		action = "refreshed"
	}
	if l.lost != "" {
		action, l.lost = l.lost, ""
	}
	if m.backup {
		primary = "no"
	}
	l.bound = req
	aor, contact := address(req.header.Get("To")), address(req.header.Get("Contact"))
	r := reply{code: 200, headers: []string{
		// Another endpoint of the same user, and this one.
		binding("sip:10.0.0.99:50999;transport=tls;ms-opaque=0123456789", aor, "01010101", m.expires/2),
		binding(contact+";ms-received-cid=2600", aor, headerParam(req.header.Get("From"), "epid"), m.expires),
		fmt.Sprintf("Expires: %d", m.expires),
		fmt.Sprintf(`presence-state: register-action=%q;primary-cluster-type="central";is-connected-to-primary=%q`, action, primary),
		"Allow-Events: vnd-microsoft-roaming-contacts,presence,vnd-microsoft-roaming-self," + provisioningEvent,
		"Supported: adhoclist", "Supported: msrtc-event-categories",
	}}
	if req.header.Get("ms-keep-alive") != "" {
		r.headers = append(r.headers, fmt.Sprintf("ms-keep-alive: UAS; tcp=no; hop-hop=yes; end-end=no; timeout=%d", m.keepalive))
	}
	if m.edge {
		r.headers = append(r.headers, "ms-user-logon-data: RemoteUser")
	}
	return r
}

// binding is a Contact as a Registrar of Lync lists it.
func binding(uri, aor, epid string, expires int) string {
	id := instance(epid)
	return fmt.Sprintf(`Contact: <%s>;expires=%d;+sip.instance="<urn:uuid:%s>";gruu="%s;opaque=user:epid:%s;gruu"`,
		uri, expires, guid(id), aor, base64.URLEncoding.EncodeToString(append(id[:], 0, 0)))
}

// objection is the ErrorId, and the status, of a REGISTER that Lync does not take (MS-SIPREGE 3.1.2.5.1).
func objection(req *message) (id, code int) {
	epid := headerParam(req.header.Get("From"), "epid")
	named := strings.ToLower(headerParam(req.header.Get("Contact"), "+sip.instance"))
	supported := strings.Join(req.header.Values("Supported"), ",")
	switch {
	case epid == "" && named == "":
		return 4010, 400
	case epid == "":
		return 4011, 400
	case named != "" && named != "<urn:uuid:"+guid(instance(epid))+">":
		return 4010, 400
	case !strings.EqualFold(req.header.Get("Event"), "registration"):
		return 4055, 489
	case strings.Contains(supported, "msrtc-event-categories") && !strings.Contains(supported, "gruu-10"):
		return 2057, 421
	}
	return 0, 0
}

// reasons are the texts of ErrorIds (MS-OCER).
var reasons = map[int]string{
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
func (l *leg) diagnosis(m manner, id int) string {
	reason, ok := reasons[id]
	if !ok {
		reason = "Simulated"
	}
	if m.edge {
		return fmt.Sprintf("ms-diagnostics-public: %d;reason=%q", id, reason)
	}
	return fmt.Sprintf("ms-diagnostics: %d;reason=%q;source=%q", id, reason, l.fe(m))
}

// instance derives +sip.instance from an epid (MS-SIPRE 3.2.4.1): a name-based UUID
// in which everything is little-endian.
func instance(epid string) (id [16]byte) {
	namespace := []byte{0x03, 0xfb, 0xac, 0xfc, 0x73, 0x8a, 0xef, 0x46, 0x91, 0xb1, 0xe5, 0xeb, 0xee, 0xab, 0xa4, 0xfe}
	sum := sha1.Sum(append(namespace, epid...))
	copy(id[:], sum[:])
	id[7] = id[7]&0x0f | 0x50 // version 5
	id[8] = id[8]&0x3f | 0x80
	return id
}

func guid(id [16]byte) string {
	le := binary.LittleEndian
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", le.Uint32(id[:]), le.Uint16(id[4:]), le.Uint16(id[6:]), id[8:10], id[10:])
}

// homeContacts turn home= into the Contacts of a redirect: the primary and the backup.
func homeContacts(value string) (contacts []string) {
	for i, host := range strings.SplitN(value, ",", 2) {
		if !strings.Contains(host, ":") {
			host += ":5061"
		}
		contacts = append(contacts, "sip:"+host+";transport=TLS;q="+strconv.FormatFloat(0.7-0.4*float64(i), 'f', 1, 64))
	}
	return contacts
}
