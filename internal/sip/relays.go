package sip

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/internal/place"
)

// Relay is one Media Relay: an A/V Edge.
type Relay struct {
	Host     string // host name in lower case, or IP address
	UDPPort  uint16 // 0: not over UDP
	TCPPort  uint16 // 0: not over TCP; at least one is there
	Location string // from where it is of use: "intranet", "internet"; "": not told
}

// Relays is what an MRAS hands out, without the credentials: those are for who sends media, and are not kept here.
type Relays struct {
	List    []Relay       // in the order of the server; at most 16
	Expires time.Duration // how long the credentials would last: 5 min to 24 h; 8 h when the server does not say
}

// askRelays asks the MRAS of that URI for relays; remote: for somebody outside.
func askRelays(ctx context.Context, talk *conversation, our *composer, mrasURI string, remote bool) (Relays, error) {
	if !isPlainURI(mrasURI) {
		return Relays{}, &MalformedError{Kind: BadMRASURI, Problem: fmt.Sprintf("not the URI of an MRAS: %q", printable(mrasURI))}
	}
	callID, sequence := token(), uint32(0)
	m, err := talk.ask(ctx, func() *message {
		sequence++
		m := our.request("SERVICE", mrasURI, mrasURI, callID, sequence)
		m.add("Contact", our.reachable())
		m.fill("application/msrtc-media-relay-auth+xml", relayRequest(our.account.AOR.String(), mrasURI, remote))
		return m
	})
	var refused *StatusError
	switch {
	case errors.As(err, &refused):
		return Relays{}, &RelayError{Code: refused.Code, Phrase: refused.Phrase, Diagnostics: refused.Diagnostics}
	case err != nil:
		return Relays{}, err
	}
	return parseRelays(m)
}

// relayRequest is the document that asks for relays. MS-AVEDGEA, version 1.0.
func relayRequest(aor, mrasURI string, remote bool) string {
	location := "intranet"
	if remote {
		location = "internet"
	}
	id := token()
	return `<request xmlns="http://schemas.microsoft.com/2006/09/sip/mrasp" requestID="` + id + `" version="1.0" to="` + escaped(mrasURI) +
		`" from="` + escaped(aor) + `"><credentialsRequest credentialsRequestID="` + id + `"><identity>` + escaped(aor) +
		`</identity><location>` + location + `</location><duration>` + strconv.Itoa(relayMinutes) + `</duration></credentialsRequest></request>`
}

func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder takes everything
	return b.String()
}

// parseRelays reads the answer of an MRAS. User names and passwords in it are passed over.
func parseRelays(m *message) (Relays, error) {
	found := Relays{Expires: relayMinutes * time.Minute}
	phrase, isAnswer := "", false
	var told map[string]string // of the relay we are in
	err := readDocument(m, func(path []element, text string) {
		leaf := path[len(path)-1].name
		switch {
		case len(path) == 1:
			isAnswer, phrase = leaf == "response", path[0].attributes["reasonphrase"]
		case leaf == "mediarelay":
			if r, ok := newRelay(told); ok && len(found.List) < maxListed && !slices.Contains(found.List, r) {
				found.List = append(found.List, r)
			}
			told = nil
		case path[len(path)-2].name == "mediarelay":
			if told == nil {
				told = map[string]string{}
			}
			told[leaf] = text
		case leaf == "duration" && path[len(path)-2].name == "credentials":
			if minutes, ok := seconds(text, maxRelayMinutes); ok {
				found.Expires = time.Duration(max(minutes, minRelayMinutes)) * time.Minute
			}
		}
	})
	switch {
	case err != nil:
		return Relays{}, err
	case !isAnswer:
		return Relays{}, unreadable("no response of an MRAS")
	case !strings.EqualFold(phrase, "OK"):
		return Relays{}, &RelayError{Code: m.code, Phrase: printable(phrase)}
	}
	return found, nil
}

// newRelay makes sense of what is told of one relay, by names in lower case. One that cannot be used is dropped.
func newRelay(told map[string]string) (Relay, bool) {
	host, err := place.Host(cmp.Or(told["hostname"], strings.Trim(told["directipaddress"], "[]")))
	if err != nil {
		return Relay{}, false
	}
	if addr, err := netip.ParseAddr(host); err == nil && !addr.IsGlobalUnicast() { // loopback, link-local, multicast, unspecified
		return Relay{}, false
	}
	r := Relay{Host: host, UDPPort: port(told["udpport"]), TCPPort: port(told["tcpport"])}
	if location := strings.ToLower(told["location"]); location == "intranet" || location == "internet" {
		r.Location = location
	}
	isLocal := r.Host == "localhost" || strings.HasSuffix(r.Host, ".localhost") // RFC 6761 section 6.3
	return r, !isLocal && (r.UDPPort > 0 || r.TCPPort > 0)
}
