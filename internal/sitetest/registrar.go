package sitetest

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
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

	nonce  string
	count  uint64 // highest nc seen with nonce
	staled bool
	cseq   map[string]uint64 // last, by Call-ID

	mu    sync.Mutex   // guards the rest, and the order of what is written
	last  manner       // as of the last look
	begun *association // challenged
	sa    *association // signs
	bound *message     // the REGISTER that was last accepted
	lost  string       // register-action of the next one, once
	subs  []*subscription
	sent  int // requests of ours
}

// serve is a Registrar's end of one connection.
func (s *Site) serve(at netip.AddrPort, c *stream) {
	l := &leg{site: s, addr: at, raw: c, conn: c, cseq: map[string]uint64{}}
	s.join(l)
	defer s.leave(l)
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
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := l.site.state().manners[l.addr]; m.word != "refuse" && m.word != "unreachable" {
		l.last = m
	}
	if m := l.last; l.site.lost(l.raw.RemoteAddr()) {
		m.word = "blackhole"
		return m
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
		l.beIdle()
		m, err := readMessage(in, l.ping)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("idle: %w", errOver)
		}
		if err != nil {
			return err
		}
		if err := l.take(m); err != nil {
			return err
		}
	}
}

// beIdle starts the time within which something has to come.
func (l *leg) beIdle() {
	if idle := l.manner().idle; idle > 0 {
		l.conn.SetReadDeadline(time.Now().Add(idle))
	}
}

func (l *leg) handshake() error {
	m := l.manner()
	cert, err := l.site.ca.leaf(m.names, m.cert)
	if err != nil {
		return err
	}
	config := &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS10, MaxVersion: m.tlsMax}
	if m.clientCert {
		config.ClientAuth = tls.RequireAnyClientCert
	}
	conn := tls.Server(l.raw, config)
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
	l.beIdle()
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
		e.What, e.Code = "response", req.code
	case req.method == "REGISTER" && req.leaving():
		e.What = "unregister"
	}
	answer := answererOf(m.word)
	if req.method == "" || req.method == "ACK" || answer == nil {
		e.Proof = l.proofOf(m, req)
		l.note(e)
		if m.word == "reset" {
			l.raw.reset()
			return errOver
		}
		return nil
	}
	if m.signsIn() {
		answer = requireNTLM(answer)
	} else {
		answer = requireDigest(answer)
	}
	l.mu.Lock()
	r := requireSense(answer)(l, m, req)
	l.mu.Unlock()
	e.Code, e.Proof = r.code, r.proof
	l.note(e)
	if !l.site.sleep(m.delay) {
		return errOver
	}
	if r.code == 0 {
		return nil
	}
	if err := l.send(m, r.code, r.lines(m, req), r.body); err != nil {
		return err
	}
	if r.then != nil {
		r.then()
	}
	return nil
}

// proofOf says what the signature proves of a response that came; "" where none is due.
func (l *leg) proofOf(m manner, response *message) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if response.method != "" || l.sa == nil {
		return ""
	}
	p, given := response.credentials(m.family().given)
	if !given {
		return "not signed"
	}
	if err := l.sa.verify(response, p); err != nil {
		return err.Error()
	}
	return "signed"
}

// reply is an answer: a status, and what is its own.
type reply struct {
	code    int
	headers []string
	body    string // its Content-Type is one of the headers
	proof   string // for the log
	then    func() // after it is sent
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
	301: "Redirect request to Home Server", 421: "Extension Required", 480: "Temporarily Unavailable", 489: "Bad Event", 504: "Server time-out",
}

const ourTag = "5173"

// send signs and writes a message: a start line, headers, a body. Code 0 is a request.
func (l *leg) send(m manner, code int, lines []string, body string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sa != nil && code != registrarFamily.code && code != proxyFamily.code && m.rspauth != "missing" {
		lines = append(lines, l.sa.sign(lines[1:], code, m.rspauth))
	}
	if body != "" {
		body += strings.Repeat(" ", m.pad)
	}
	server := "sitetest"
	if m.isLync() {
		server = "RTC/5.0"
	}
	lines = append(lines, "Date: "+time.Now().Add(m.clock).UTC().Format(http.TimeFormat), "Server: "+server, fmt.Sprintf("Content-Length: %d", len(body)))
	for i, line := range lines[1:] {
		lines[i+1] = m.disguise(line)
	}
	text := []byte(strings.Join(lines, "\r\n") + "\r\n\r\n" + body)
	size := len(text)
	if m.split {
		size = len(text)/splitParts + 1
	}
	for piece := range slices.Chunk(text, size) {
		if _, err := l.conn.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// splitParts is our choice: enough to cut headers as well as bodies.
const splitParts = 7

// disguise writes a header as few do, and all may (RFC 3261 sections 7.3.1 and 7.3.3).
func (m manner) disguise(line string) string {
	name, value, _ := strings.Cut(line, ": ")
	if m.upper {
		name = strings.ToUpper(name)
	}
	if m.folded {
		value = strings.ReplaceAll(value, ", ", ",\r\n\t")
	}
	return name + ": " + value
}
