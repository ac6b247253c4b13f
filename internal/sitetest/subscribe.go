package sitetest

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
)

// subscribe answers with the document, or sends it after the answer.
func (c *caller) subscribe(m manner, req *message) reply {
	if req.header.Get("Event") != provisioningEvent {
		return reply{code: 489}
	}
	var list struct {
		XMLName xml.Name `xml:"http://schemas.microsoft.com/2006/09/sip/provisioninggrouplist provisioningGroupList"`
		Groups  []struct {
			Name string `xml:"name,attr"`
		} `xml:"provisioningGroup"`
	}
	if err := xml.Unmarshal(req.body, &list); err != nil && !errors.Is(err, io.EOF) {
		return reply{code: 400, headers: []string{c.diagnosis(m, 4001)}}
	}
	if m.noSubs != 0 && req.header.Get("Expires") != "0" {
		return reply{code: m.noSubs}
	}
	sub := &subscription{began: req}
	for _, group := range list.Groups {
		sub.groups = append(sub.groups, group.Name)
	}
	expires, state := "Expires: 28800", "subscription-state: active;expires=28800"
	c.subs = slices.DeleteFunc(c.subs, func(s *subscription) bool { return s.began.header.Get("Call-ID") == req.header.Get("Call-ID") })
	if req.header.Get("Expires") == "0" {
		expires, state = "Expires: 0", "subscription-state: terminated;expires=0"
	} else {
		c.subs = append(c.subs, sub)
	}
	st := c.sim.state()
	r := reply{code: 200, headers: []string{
		"Event: " + provisioningEvent, expires, state,
		"P-Asserted-Identity: <" + address(req.header.Get("From")) + ">,<tel:+14255550101>",
	}}
	if m.apart || !req.supports("ms-piggyback-first-notify") {
		r.then = sub.notify(state, st.provisioning.text(sub.groups))
		return r
	}
	r.headers = append(r.headers, "ms-piggyback-cseq: 1", "Content-Type: "+provisioningType)
	r.body = st.provisioning.text(sub.groups)
	return r
}
