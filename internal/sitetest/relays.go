package sitetest

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Media Relays, and the service that names them and issues credentials (MS-AVEDGEA).

// relay is one address of a Media Relay.
type relay struct {
	addr           netip.Addr
	location, name string // "" for both locations; "" to be named by its address
	udp, tcp       uint16 // 0: not there
	word           string // answer, silent or refuse
}

func (r relay) at() netip.AddrPort { return netip.AddrPortFrom(r.addr, r.udp) }

// takeRelay reads "ADDRESS [intranet|internet] [NAME] [udp=N] [tcp=N] [BEHAVIOUR]", or a line of mras.
func (st *state) takeRelay(words []string) error {
	if words[0] == "mras" {
		return st.mras.take(words[1:])
	}
	addr, err := netip.ParseAddr(words[0])
	if err != nil {
		return err
	}
	r := relay{addr: addr, udp: 3478, tcp: 443, word: "answer"}
	for _, w := range words[1:] {
		key, value, isOption := strings.Cut(w, "=")
		port, err := strconv.ParseUint(value, 10, 16)
		switch {
		case key == "udp" && err == nil:
			r.udp = uint16(port)
		case key == "tcp" && err == nil:
			r.tcp = uint16(port)
		case w == "intranet" || w == "internet":
			r.location = w
		case relayManner(w).word != "":
			r.word = w
		case strings.Contains(w, ".") && !isOption:
			r.name = w
		default:
			return fmt.Errorf("%s: unknown option", w)
		}
	}
	if _, taken := st.manners[netip.AddrPortFrom(addr, r.tcp)]; taken || slices.ContainsFunc(st.relays, func(o relay) bool { return o.at() == r.at() }) {
		return fmt.Errorf("relay %s for the second time, or where a registrar is", addr)
	}
	st.relays = append(st.relays, r)
	st.setRelay(r)
	return nil
}

// relayManner is the behaviour of a Relay as one of a Registrar: over TCP it is one that is connected to, and
// says nothing.
func relayManner(word string) manner {
	return map[string]manner{
		"answer": {word: "silent", hello: true},
		"silent": {word: "blackhole"},
		"refuse": {word: "refuse"},
	}[word]
}

func (st *state) setRelay(r relay) {
	if r.tcp != 0 {
		st.manners[netip.AddrPortFrom(r.addr, r.tcp)] = relayManner(r.word)
	}
}

// changeRelay reads "ADDRESS BEHAVIOUR", or a line of mras.
func (st *state) changeRelay(words []string) error {
	if len(words) > 0 && words[0] == "mras" {
		return st.mras.take(words[1:])
	}
	if len(words) != 2 || relayManner(words[1]).word == "" {
		return errors.New("want relays ADDRESS answer|silent|refuse, or relays mras …")
	}
	known := false
	for i := range st.relays {
		if r := &st.relays[i]; r.addr.String() == words[0] {
			r.word, known = words[1], true
			st.setRelay(*r)
		}
	}
	if !known {
		return fmt.Errorf("no relay %s", words[0])
	}
	return nil
}

// mras is how credentials are asked for, and what is answered.
type mras struct {
	word           string // "answer", "silent", or a status
	phrase         string
	duration       int // minutes, at most
	user, password string
}

var goodMRAS = mras{word: "answer", phrase: "OK", duration: 480, user: "cmVsYXktdXNlcg==", password: "cmVsYXktc2VjcmV0"}

// take reads "[PHRASE… | STATUS | silent] [OPTION …]".
func (a *mras) take(words []string) (err error) {
	*a = goodMRAS
	var phrase []string
	for _, w := range words {
		key, value, isOption := strings.Cut(w, "=")
		switch status, _ := strconv.Atoi(w); {
		case key == "duration" && isOption:
			a.duration, err = strconv.Atoi(value)
		case key == "user" && isOption:
			a.user = value
		case key == "password" && isOption:
			a.password = value
		case w == "silent" || status >= 300 && status < 700:
			a.word = w
		default:
			phrase = append(phrase, w)
		}
	}
	if len(phrase) > 0 {
		a.phrase = strings.Join(phrase, " ")
	}
	return err
}

type mrasRequest struct {
	XMLName     xml.Name `xml:"http://schemas.microsoft.com/2006/09/sip/mrasp request"`
	ID          string   `xml:"requestID,attr"`
	Version     string   `xml:"version,attr"`
	To          string   `xml:"to,attr"`
	From        string   `xml:"from,attr"`
	Credentials []struct {
		ID       string `xml:"credentialsRequestID,attr"`
		Identity string `xml:"identity"`
		Location string `xml:"location"`
		Duration int    `xml:"duration"`
	} `xml:"credentialsRequest"`
}

type mrasResponse struct {
	XMLName     xml.Name          `xml:"http://schemas.microsoft.com/2006/09/sip/mrasp response"`
	ID          string            `xml:"requestID,attr"`
	Version     string            `xml:"version,attr"`
	Server      string            `xml:"serverVersion,attr"`
	To          string            `xml:"to,attr"`
	From        string            `xml:"from,attr"`
	Phrase      string            `xml:"reasonPhrase,attr"`
	Credentials []mrasCredentials `xml:"credentialsResponse"`
}

type mrasCredentials struct {
	ID       string       `xml:"credentialsRequestID,attr"`
	User     string       `xml:"credentials>username"`
	Password string       `xml:"credentials>password"`
	Duration int          `xml:"credentials>duration"`
	Realm    string       `xml:"credentials>realm"`
	Relays   []mediaRelay `xml:"mediaRelayList>mediaRelay"`
}

type mediaRelay struct {
	Location string `xml:"location"`
	Host     string `xml:"hostName,omitempty"`
	Address  string `xml:"directIPAddress,omitempty"`
	UDP      uint16 `xml:"udpPort,omitempty"`
	TCP      uint16 `xml:"tcpPort,omitempty"`
}

// service answers for the mrasUri of the provisioning document.
func (l *leg) service(m manner, req *message) reply {
	st := l.site.state()
	if uri := st.setting("mrasUri"); uri == "" || req.uri != uri {
		return reply{code: 404, headers: []string{l.diagnosis(m, 4005)}}
	}
	if status, err := strconv.Atoi(st.mras.word); err == nil {
		return reply{code: status}
	} else if st.mras.word == "silent" {
		return reply{}
	}
	var asked mrasRequest
	a := mrasResponse{Server: "3.0", Phrase: st.mras.phrase}
	if err := xml.Unmarshal(req.body, &asked); err != nil || asked.ID == "" || len(asked.Credentials) == 0 {
		a.Phrase = "Request Malformed"
	} else if asked.Version != "1.0" && asked.Version != "2.0" {
		a.Phrase = "Version Mismatch"
	}
	a.ID, a.Version, a.To, a.From = asked.ID, asked.Version, asked.To, asked.From
	for _, c := range asked.Credentials {
		if a.Phrase == "OK" {
			a.Credentials = append(a.Credentials, mrasCredentials{
				ID: c.ID, User: st.mras.user, Password: st.mras.password, Realm: "rtcmedia",
				Duration: min(cmp.Or(c.Duration, st.mras.duration), st.mras.duration), Relays: l.site.relayList(st, c.Location),
			})
		}
	}
	body, err := xml.Marshal(a)
	if err != nil {
		return reply{code: 500}
	}
	return reply{code: 200, body: xml.Header + string(body), headers: []string{
		"Content-Type: application/msrtc-media-relay-auth+xml", "P-Asserted-Identity: <" + req.uri + ">",
	}}
}

// relayList names each Relay once, or, without a name, each address.
func (s *Site) relayList(st state, location string) (list []mediaRelay) {
	for _, where := range []string{"intranet", "internet"} {
		for _, r := range st.relays {
			if location != "" && location != where || r.location != "" && r.location != where {
				continue
			}
			entry := mediaRelay{Location: where, Host: r.name, UDP: r.udp, TCP: r.tcp}
			if r.tcp != 0 {
				entry.TCP = s.outsidePort(r.tcp)
			}
			if r.udp != 0 {
				entry.UDP = s.outsidePort(r.udp)
			}
			if r.name == "" {
				entry.Address = s.outside(r.addr).String()
			}
			if !slices.Contains(list, entry) {
				list = append(list, entry)
			}
		}
	}
	return list
}

func (s *Site) isRelay(at netip.AddrPort) bool {
	return slices.ContainsFunc(s.begin.relays, func(r relay) bool { return r.at() == at })
}

// relayWord is the behaviour of a Relay now.
func (st *state) relayWord(at netip.AddrPort) string {
	return st.relays[slices.IndexFunc(st.relays, func(r relay) bool { return r.at() == at })].word
}

// dialRelay gives a UDP socket connected to a Media Relay.
func (s *Site) dialRelay(local, at netip.AddrPort) net.Conn {
	from := net.UDPAddrFromAddrPort(at)
	far := func(packet []byte, answers *lane) {
		if st := s.state(); st.relayWord(at) == "refuse" {
			answers.put(parcel{err: errRefused("read"), from: from})
		} else if reply := s.allocate(at, packet, local.String()); reply != nil {
			answers.put(parcel{data: reply, from: from})
		}
	}
	return &datagrams{lane: newLane(), local: net.UDPAddrFromAddrPort(local), remote: from, far: far}
}

// allocate answers an Allocate of MS-TURN (2.2): it asks for credentials.
func (s *Site) allocate(at netip.AddrPort, packet []byte, from string) []byte {
	e := Entry{Server: at.String(), What: "allocate", From: from}
	cookie := []byte{0x00, 0x0F, 0, 4, 0x72, 0xC6, 0x4B, 0xC6} // has to be first
	sensible := len(packet) >= 28 && bytes.HasPrefix(packet, []byte{0x00, 0x03}) &&
		int(binary.BigEndian.Uint16(packet[2:])) == len(packet)-20 && bytes.HasPrefix(packet[20:], cookie)
	if !sensible {
		e.What = "malformed"
	} else if st := s.state(); st.relayWord(at) == "answer" {
		e.Code = 401
	}
	s.note(e)
	if e.Code == 0 {
		return nil
	}
	attributes := slices.Clone(cookie)
	add := func(id uint16, value string) { // not padded, unlike those of RFC 5389
		attributes = binary.BigEndian.AppendUint16(attributes, id)
		attributes = binary.BigEndian.AppendUint16(attributes, uint16(len(value)))
		attributes = append(attributes, value...)
	}
	add(0x8008, "\x00\x00\x00\x01") // MS-Version
	add(0x0009, "\x00\x00\x04\x01Unauthorized")
	add(0x0015, "rtcmedia") // realm
	add(0x0014, randomHex(16))
	reply := binary.BigEndian.AppendUint16([]byte{0x01, 0x13}, uint16(len(attributes)))
	return append(append(reply, packet[4:20]...), attributes...)
}
