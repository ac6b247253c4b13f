package sitetest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// In-band provisioning, and what else a Registrar sends on its own.

// Specification constants (MS-SIPREGE 2.2.2.5).
const (
	provisioningEvent = "vnd-microsoft-provisioning-v2"
	provisioningType  = "application/vnd-microsoft-roaming-provisioning-v2+xml"
	mainGroup         = "ServerConfiguration"
)

// setting is one value of the provisioning document.
type setting struct{ group, name, value string }

// takeSetting reads "NAME VALUE…" or "GROUP/NAME VALUE…"; without a value it takes the setting away.
func (st *state) takeSetting(words []string) error {
	if len(words) == 0 {
		return errors.New("want NAME VALUE or GROUP/NAME VALUE")
	}
	group, name, ok := strings.Cut(words[0], "/")
	if !ok {
		group, name = mainGroup, words[0]
	}
	st.provisioning = slices.DeleteFunc(st.provisioning, func(s setting) bool { return s.group == group && s.name == name })
	if len(words) > 1 {
		st.provisioning = append(st.provisioning, setting{group, name, strings.Join(words[1:], " ")})
	}
	return nil
}

func (st *state) setting(name string) string {
	for _, s := range st.provisioning {
		if s.group == mainGroup && s.name == name {
			return s.value
		}
	}
	return ""
}

// document writes the groups asked for, in the two shapes they have.
func (st *state) document(groups []string) string {
	var b strings.Builder
	b.WriteString(`<provisionGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification">`)
	for _, group := range groups {
		form, inside := `<property name="%s">%s</property>`, "propertyEntryList"
		switch group {
		case mainGroup:
			form, inside = `<%[1]s>%[2]s</%[1]s>`, ""
		case "ucPolicy":
			inside = "instance"
		}
		fmt.Fprintf(&b, `<provisionGroup name="%s">`, escape(group))
		if inside != "" {
			b.WriteString("<" + inside + ">")
		}
		for _, s := range st.provisioning {
			if s.group == group {
				fmt.Fprintf(&b, form, escape(s.name), escape(s.value))
			}
		}
		if inside != "" {
			b.WriteString("</" + inside + ">")
		}
		b.WriteString("</provisionGroup>")
	}
	b.WriteString("</provisionGroupList>")
	return b.String()
}

func escape(text string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(text)) // a Buffer takes everything
	return b.String()
}

// subscription is a dialog in which changes of the document are sent.
type subscription struct {
	began  *message
	groups []string
}

// subscribe answers with the document, or sends it after the answer.
func (l *leg) subscribe(m manner, req *message) reply {
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
		return reply{code: 400, headers: []string{l.diagnosis(m, 4001)}}
	}
	if m.noSubs != 0 && req.header.Get("Expires") != "0" {
		return reply{code: m.noSubs}
	}
	sub := &subscription{began: req}
	for _, group := range list.Groups {
		sub.groups = append(sub.groups, group.Name)
	}
	expires, state := "Expires: 28800", "subscription-state: active;expires=28800"
	l.subs = slices.DeleteFunc(l.subs, func(s *subscription) bool { return s.began.header.Get("Call-ID") == req.header.Get("Call-ID") })
	if req.header.Get("Expires") == "0" {
		expires, state = "Expires: 0", "subscription-state: terminated;expires=0"
	} else {
		l.subs = append(l.subs, sub)
	}
	st := l.site.state()
	r := reply{code: 200, headers: []string{
		"Event: " + provisioningEvent, expires, state,
		"P-Asserted-Identity: <" + address(req.header.Get("From")) + ">,<tel:+14255550101>",
	}}
	if m.apart || !req.supports("ms-piggyback-first-notify") {
		r.then = func() { l.notify(m, sub, state, st.document(sub.groups)) }
		return r
	}
	r.headers = append(r.headers, "ms-piggyback-cseq: 1", "Content-Type: "+provisioningType)
	r.body = st.document(sub.groups)
	return r
}

func (m *message) supports(tag string) bool {
	return strings.Contains(strings.Join(m.header.Values("Supported"), ","), tag)
}

// provision sends the document to who has subscribed.
func (l *leg) provision() {
	st := l.site.state()
	l.mu.Lock()
	subs := slices.Clone(l.subs)
	l.mu.Unlock()
	for _, sub := range subs {
		l.notify(l.manner(), sub, "subscription-state: active;expires=28800", st.document(sub.groups))
	}
}

func (l *leg) notify(m manner, sub *subscription, state, body string) {
	method := "NOTIFY"
	if sub.began.supports("ms-benotify") {
		method = "BENOTIFY"
	}
	l.request(m, method, sub.began, provisioningEvent, []string{"Event: " + provisioningEvent, state, "Content-Type: " + provisioningType}, body)
}

// request sends a request in the dialog that theirs began; name is for the log.
func (l *leg) request(m manner, method string, theirs *message, name string, headers []string, body string) {
	if m.word == "blackhole" {
		return
	}
	l.mu.Lock()
	l.sent++
	cseq := l.sent + 1 // the first is that of the document in the 200
	l.mu.Unlock()
	transport := "TCP"
	if m.tls {
		transport = "TLS"
	}
	from := theirs.header.Get("To")
	if headerParam(from, "tag") == "" {
		from += ";tag=" + ourTag
	}
	l.note(Entry{What: "sent " + method, Name: name})
	l.send(m, 0, append([]string{ // to a connection that may be gone
		method + " " + address(theirs.header.Get("Contact")) + " SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/%s %s;branch=z9hG4bK%s", transport, l.addr, randomHex(4)),
		"Max-Forwards: 70",
		"From: " + from,
		"To: " + theirs.header.Get("From"),
		"Call-ID: " + theirs.header.Get("Call-ID"),
		fmt.Sprintf("CSeq: %d %s", cseq, method),
	}, headers...), body)
}

var deregistrations = []string{"rejected", "unregistered", "deactivated", "preferred-registrar-change"}

// checkDeregister reads "EVENT [SIP-URI] [benotify]".
func checkDeregister(words []string) error {
	if len(words) == 0 || !slices.Contains(deregistrations, words[0]) {
		return fmt.Errorf("deregister: want one of %v", deregistrations)
	}
	for _, w := range words[1:] {
		if w != "benotify" && !strings.HasPrefix(w, "sip:") {
			return fmt.Errorf("deregister: neither a SIP URI nor benotify: %q", w)
		}
	}
	return nil
}

// parseAsk reads "METHOD [BYTES]".
func parseAsk(words []string) (method string, size int, err error) {
	if len(words) == 0 || len(words) > 2 || words[0] != strings.ToUpper(words[0]) {
		return "", 0, errors.New("ask: want METHOD [BYTES]")
	}
	if len(words) == 2 {
		size, err = strconv.Atoi(words[1])
	}
	return words[0], size, err
}

// obey does what a change asks of a connection that exists.
func (l *leg) obey(words []string) {
	l.mu.Lock()
	bound := l.bound
	switch words[0] {
	case "forget":
		l.bound, l.lost = nil, "added"
		if len(words) > 2 {
			l.lost = words[2]
		}
	case "deregister":
		l.bound = nil
	}
	l.mu.Unlock()
	if bound == nil {
		return
	}
	if words[0] == "ask" {
		if method, size, err := parseAsk(words[2:]); err == nil { // rehearsed by change
			l.request(l.manner(), method, bound, "", []string{"Content-Type: text/plain"}, strings.Repeat("x", size))
		}
	}
	if words[0] != "deregister" {
		return
	}
	method, event := "NOTIFY", "deregistered;event="+words[2]
	headers := []string{"Event: registration-notify", "subscription-state: terminated;expires=0", "Content-Type: text/registration-event"}
	for _, w := range words[3:] {
		if w == "benotify" {
			method = "BENOTIFY"
		} else {
			headers = append(headers, "P-Preferred-Registrar: <"+l.site.outsideURI(w)+">")
		}
	}
	l.request(l.manner(), method, bound, event, headers, event)
}
