package sitetest

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// leg is one connection of a device to a Registrar. What one side remembers of the
// other lives here: nonces now.
type leg struct {
	site *Site
	addr netip.AddrPort // the Registrar's
	raw  *stream        // to reset
	conn net.Conn       // raw, or TLS over it
	host string         // server name of TLS
	last manner         // as of the last look

	nonce  string
	count  uint64 // highest nc seen with nonce
	staled bool
	cseq   map[string]uint64 // last, by Call-ID
}

// serve is a Registrar's end of one connection.
func (s *Site) serve(at netip.AddrPort, c *stream) {
	l := &leg{site: s, addr: at, raw: c, conn: c, cseq: map[string]uint64{}}
	l.note(Entry{What: "connect"})
	err := l.run()
	what := "closed"
	if errors.Is(err, errHandshake) {
		what = "tls-failed"
	}
	l.note(Entry{What: what, Name: err.Error()})
}

func (l *leg) note(e Entry) {
	e.Server, e.From, e.Host = l.addr.String(), l.raw.RemoteAddr().String(), l.host
	l.site.note(e)
}

// manner is how the Registrar behaves now, towards a connection that exists.
func (l *leg) manner() manner {
	if m := l.site.state().manners[l.addr]; m.word != "refuse" && m.word != "unreachable" {
		l.last = m
	}
	return l.last
}

var (
	errHandshake = errors.New("handshake")
	errOver      = errors.New("ended by the Registrar")
)

func (l *leg) run() error {
	if m := l.manner(); m.hello {
		if _, err := l.conn.Read(make([]byte, 1)); err != nil || m.word == "reset" {
			l.raw.reset()
			return errors.Join(err, errOver)
		}
		_, err := io.Copy(io.Discard, l.conn)
		return errors.Join(err, errOver)
	}
	if l.manner().tls {
		if err := l.handshake(); err != nil {
			return fmt.Errorf("%w: %w", errHandshake, err)
		}
	}
	in := bufio.NewReader(l.conn)
	if l.manner().word == "http" {
		return l.speakHTTP(in)
	}
	for {
		m, err := readMessage(in, l.ping)
		if err != nil {
			return err
		}
		if err := l.take(m); err != nil {
			return err
		}
	}
}

func (l *leg) handshake() error {
	m := l.manner()
	cert, err := l.site.ca.leaf(m.names, m.cert)
	if err != nil {
		return err
	}
	conn := tls.Server(l.raw, &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS10, MaxVersion: m.tlsMax})
	if err := conn.Handshake(); err != nil {
		return err
	}
	l.conn, l.host = conn, conn.ConnectionState().ServerName
	l.note(Entry{What: "tls", Name: l.host})
	return nil
}

// speakHTTP is a web server where a Registrar was expected.
func (l *leg) speakHTTP(in *bufio.Reader) error {
	if _, err := in.ReadByte(); err != nil {
		return err
	}
	fmt.Fprint(l.conn, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n400 Bad Request")
	l.conn.Close()
	return errOver
}

// ping answers a keep-alive (RFC 5626 section 4.4.1).
func (l *leg) ping() {
	m := l.manner()
	if m.word == "blackhole" {
		return
	}
	l.note(Entry{What: "ping"})
	if !m.nopong && m.word != "silent" {
		io.WriteString(l.conn, "\r\n")
	}
}

// take treats one message, and returns an error when the connection is over.
func (l *leg) take(req *message) error {
	m := l.manner()
	if m.word == "blackhole" {
		return nil // nothing arrived
	}
	e := Entry{What: req.method, Name: address(req.header.Get("To"))}
	e.Auth, _, _ = strings.Cut(req.header.Get("Authorization")+req.header.Get("Proxy-Authorization"), " ")
	switch {
	case req.method == "":
		e.What = "response"
	case req.method == "REGISTER" && req.leaving():
		e.What = "unregister"
	}
	answer := answererOf(m.word)
	if req.method == "" || req.method == "ACK" || answer == nil {
		l.note(e)
		if m.word == "reset" {
			l.raw.reset()
			return errOver
		}
		return nil
	}
	answer = requireSense(requireDigest(answer))
	reply := answer(l, m, req)
	e.Code = reply.code
	l.note(e)
	if !l.site.sleep(m.delay) {
		return errOver
	}
	_, err := l.conn.Write(reply.format(req, time.Now().Add(m.clock)))
	return err
}

// reply is an answer: a status and the headers that are its own.
type reply struct {
	code    int
	headers []string
}

// format writes the answer to req (RFC 3261 section 8.2.6.2).
func (r reply) format(req *message, date time.Time) []byte {
	var b strings.Builder
	phrase := map[int]string{301: "Redirect request to Home Server", 480: "Temporarily Unavailable"}[r.code]
	if phrase == "" {
		phrase = http.StatusText(r.code)
	}
	fmt.Fprintf(&b, "SIP/2.0 %d %s\r\n", r.code, phrase)
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		for _, value := range req.header.Values(name) {
			if name == "To" && !strings.Contains(value, ";tag=") {
				value += ";tag=5173"
			}
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	for _, line := range r.headers {
		b.WriteString(line + "\r\n")
	}
	fmt.Fprintf(&b, "Date: %s\r\nServer: sitetest\r\nContent-Length: 0\r\n\r\n", date.UTC().Format(http.TimeFormat))
	return []byte(b.String())
}
