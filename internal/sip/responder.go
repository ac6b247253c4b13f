package sip

import (
	"context"
	"strings"
)

// responder deals with the requests of the Registrar.
type responder struct {
	talk     *conversation
	our      *composer
	binding  *registration
	settings *subscription
}

// serve answers a request. The device's calls are not our business: we are here to be found, and to be told. A request
// that is not signed as everything must be on this connection did not come: nothing answers it. MS-SIPAE section 3.2.5.2.
func (r *responder) serve(ctx context.Context, m *message) error {
	if r.talk.auth.verify(m) != nil {
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
		if err := r.talk.send(ctx, r.our.response(m, code, phrase)); err != nil {
			return err
		}
	}
	if (m.method == "NOTIFY" || m.method == "BENOTIFY") && code != 400 {
		r.settings.notified(m)
		return r.binding.deregistered(m)
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
