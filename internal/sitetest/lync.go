package sitetest

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// The answers of Lync to a device that has signed in.

// lync is a Registrar of Lync that has the user, or, with home=, knows who has.
func lync(c *caller, m manner, req *message) reply {
	switch req.method {
	case "REGISTER":
		return c.register(m, req)
	case "SUBSCRIBE":
		return c.subscribe(m, req)
	case "SERVICE":
		return c.service(m, req)
	}
	return reply{code: 200}
}

func (c *caller) register(m manner, req *message) reply {
	if id, code := objection(req); id != 0 {
		return reply{code: code, headers: []string{c.diagnosis(m, id)}}
	}
	if len(m.contacts) > 0 {
		r := redirect(c, m, req)
		r.headers = append(r.headers, "Expires: 2592000")
		return r
	}
	if req.leaving() {
		c.bound, c.subs = nil, nil
		return reply{code: 200, headers: []string{"Expires: 0"}}
	}
	events := "Allow-Events: vnd-microsoft-roaming-contacts,presence,vnd-microsoft-roaming-self," + provisioningEvent
	if req.header.Get("Contact") == "" {
		return reply{code: 200, headers: []string{events}}
	}
	action, primary := "added", "yes"
	if c.bound != nil {
		action = "refreshed"
	}
	if c.lost != "" {
		action, c.lost = c.lost, ""
	}
	if m.backup {
		primary = "no"
	}
	c.bound = req
	aor, contact := address(req.header.Get("To")), address(req.header.Get("Contact"))
	r := reply{code: 200, headers: []string{
		// Another endpoint of the same user, and this one.
		binding("sip:10.0.0.99:50999;transport=tls;ms-opaque=0123456789", aor, "01010101", m.expires/2),
		binding(contact+";ms-received-cid=2600", aor, headerParam(req.header.Get("From"), "epid"), m.expires),
		fmt.Sprintf("Expires: %d", m.expires),
		fmt.Sprintf(`presence-state: register-action=%q;primary-cluster-type="central";is-connected-to-primary=%q`, action, primary),
		events,
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

// forget takes the binding away: the next REGISTER is told to be action.
func (c *caller) forget(action string) { c.bound, c.lost = nil, action }
