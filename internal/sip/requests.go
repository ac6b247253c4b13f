package sip

import (
	"context"
	"fmt"
	"strings"

	"github.com/homeward-agent/homeward/internal/place"
)

// allowed are the requests we take.
const allowed = "OPTIONS, NOTIFY, BENOTIFY"

// serve answers a request. The device's calls are not our business: we are here to be found, and to be told. A request
// that is not signed as everything must be on this connection did not come: nothing answers it. MS-SIPAE section 3.2.5.2.
func (s *Session) serve(ctx context.Context, m *message) error {
	if s.verify(m) != nil {
		return nil
	}
	code, phrase := 0, "" // no answer
	_, method, ok := m.cseq()
	switch {
	case m.method == "ACK", m.method == "BENOTIFY": // MS-SIP: BENOTIFY is a NOTIFY that wants no answer
	case !ok || method != m.method || !m.complete():
		code, phrase = 400, "Bad Request"
	case m.method == "OPTIONS", m.method == "NOTIFY":
		if code, phrase = 200, "OK"; m.skipped > 0 {
			code, phrase = 413, "Request Entity Too Large"
		}
	case m.method == "INVITE":
		// A proxy that forks a call to us and to the phone of the same account passes on one answer: the one of the lowest
		// class, after 6xx (RFC 3261 section 16.7, step 6), and within 4xx whichever it likes. Of this class it is never
		// ours beside the 486 of a phone; a caller who reaches us alone has an end at once. 503 would make proxies shun us.
		code, phrase = 501, "Takes No Calls"
	case m.method == "CANCEL", m.method == "BYE":
		code, phrase = 481, "Call/Transaction Does Not Exist"
	case strings.Contains(" MESSAGE INFO REFER SUBSCRIBE UPDATE PRACK PUBLISH REGISTER SERVICE ", " "+m.method+" "):
		code, phrase = 405, "Method Not Allowed"
	default:
		code, phrase = 501, "Not Implemented"
	}
	if code != 0 {
		answer := s.response(m, code, phrase)
		if err := s.sign(answer); err != nil {
			return err
		}
		if err := s.write(ctx, answer.encode()); err != nil {
			return err
		}
	}
	if (m.method == "NOTIFY" || m.method == "BENOTIFY") && code != 400 {
		s.notified(m)
		return s.deregistered(m)
	}
	return nil
}

// complete reports whether a request has what its answer must repeat. RFC 3261 section 8.1.1.
func (m *message) complete() bool {
	for _, name := range []string{"From", "To", "Call-ID", "CSeq"} {
		if len(m.all(name)) != 1 {
			return false
		}
	}
	return m.get("Via") != ""
}

// response builds the answer to a request. RFC 3261 section 8.2.6.
func (s *Session) response(request *message, code int, phrase string) *message {
	m := &message{start: fmt.Sprintf("SIP/2.0 %d %s", code, phrase), code: code, phrase: phrase}
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		for _, value := range request.all(name) {
			if name == "To" && parseAddress(value).params["tag"] == "" {
				value += ";tag=" + s.tag
			}
			m.add(name, value)
		}
	}
	m.add("Allow", allowed)
	m.add("Content-Length", "0")
	return m
}

// deregistered reads a notification that our binding is gone: "deregistered;event=rejected" (MS-SIPREGE section 2.2.1.13).
func (s *Session) deregistered(m *message) error {
	kind := split(strings.ToLower(m.get("Content-Type")), ';')
	if len(kind) == 0 || kind[0] != "text/registration-event" {
		return nil
	}
	parts := split(string(m.body), ';')
	if len(parts) == 0 || !strings.EqualFold(parts[0], "deregistered") {
		return nil
	}
	s.bound = false
	s.over = fmt.Errorf("%w: %w", ErrBindingLost, &DeregisteredError{
		Event:       printable(parseParams(parts[1:])["event"]),
		Preferred:   preferred(m),
		Diagnostics: diagnostics(m),
	})
	return s.over
}

// preferred returns the Registrar we are sent to: the host of the first element that has one, "" if none. MS-SIPREGE
// section 2.2.1.8.
func preferred(m *message) string {
	for _, element := range m.list("P-Preferred-Registrar") {
		text := parseAddress(element).uri
		u, ok := parseURI(text)
		if !ok {
			u.host, _, ok = cutPort(text)
		}
		if host, err := place.Host(u.host); ok && err == nil && strings.ContainsAny(host, ".:") {
			return host
		}
	}
	return ""
}
