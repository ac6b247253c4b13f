package sitetest

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// leg is one connection of a device to a Registrar: what is read from it, and what is written to it.
type leg struct {
	caller          // guarded by mu
	raw    *stream  // to reset
	conn   net.Conn // raw, or TLS over it

	mu   sync.Mutex // guards the caller and the rest, and the order of what is written
	last manner     // as of the last look
	nth  int        // connection to the address
	sent int        // requests of ours
	came counter    // bytes of the device, without TLS
}

// counter counts what is written to it.
type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

func (l *leg) note(e Entry) {
	e.Server, e.From, e.Host = l.addr.String(), l.raw.RemoteAddr().String(), l.host
	l.sim.note(e)
}

// manner is how the Registrar behaves now, towards a connection that exists.
func (l *leg) manner() manner {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := l.sim.state().manners[l.addr]; m.word != "refuse" && m.word != "unreachable" {
		l.last = m
	}
	if m := l.last; l.out.lost(l.raw.RemoteAddr()) || m.loses(l.raw.small) {
		m.word = "blackhole"
		return m
	}
	return l.last
}

// answererOf finds the behaviour by its word; nil for those that answer nothing.
func answererOf(word string) answerer {
	switch word {
	case "accept", "digest": // digest has a user, which requireDigest asks for
		return grant
	case "lync":
		return lync
	case "status":
		return refuse
	case "redirect":
		return redirect
	case "offer":
		return offer
	}
	return nil
}

var (
	errHandshake = errors.New("handshake")
	errOver      = errors.New("ended by the Registrar")
)

func (l *leg) run() error {
	if m := l.manner(); m.hello && !(m.large && l.raw.small) || m.half != 0 && l.nth%2 == m.half%2 {
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
	in := bufio.NewReader(io.TeeReader(l.conn, &l.came))
	switch l.manner().word {
	case "http":
		return l.speakHTTP(in)
	case "web":
		return l.serveWeb(in)
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
	kind := m.cert
	if m.sister != "" && l.nth%2 == 0 {
		kind = strings.TrimPrefix(m.sister, "good")
	}
	cert, err := l.sim.ca.leaf(m.names, kind)
	if err != nil {
		return err
	}
	shown := *cert
	if m.sendRoot {
		shown.Certificate = append(slices.Clone(shown.Certificate), l.sim.ca.cert.Raw)
	}
	config := &tls.Config{Certificates: []tls.Certificate{shown}, MinVersion: tls.VersionTLS10, MaxVersion: m.tlsMax}
	if m.clientCert {
		config.ClientAuth = tls.RequireAnyClientCert
	}
	// A server that has another certificate has begun anew, and knows no sessions.
	config.SetSessionTicketKeys([][32]byte{sha256.Sum256(append([]byte(l.addr.String()), shown.Certificate[0]...))})
	conn := tls.Server(l.raw, config)
	if err := conn.Handshake(); err != nil {
		return err
	}
	l.conn, l.host = conn, conn.ConnectionState().ServerName
	l.note(Entry{What: "tls", Name: l.host})
	if conn.ConnectionState().DidResume {
		l.note(Entry{What: "resumed", Name: l.host})
	}
	return nil
}

// speakHTTP is a web server where a Registrar was expected.
func (l *leg) speakHTTP(in *bufio.Reader) error {
	if m := l.manner(); m.autodiscover != "" {
		request, err := http.ReadRequest(in)
		if err != nil {
			return err
		}
		l.note(Entry{What: "GET", Name: request.URL.Path, Code: http.StatusOK})
		l.sim.sleep(m.delay)
		io.WriteString(l.conn, rootDocument(m.autodiscover))
		l.conn.Close()
		return errOver
	}
	if _, err := in.ReadByte(); err != nil {
		return err
	}
	fmt.Fprint(l.conn, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n400 Bad Request")
	l.conn.Close()
	return errOver
}

// serveWeb is a server of web services: it answers requests of HTTP, one after the other.
func (l *leg) serveWeb(in *bufio.Reader) error {
	w := web{sim: l.sim, out: l.out, addr: l.addr, realm: l.realm}
	for {
		request, err := http.ReadRequest(in)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(io.LimitReader(request.Body, 1<<20))
		if err != nil {
			return err
		}
		m := l.manner()
		if m.word == "blackhole" {
			continue
		}
		a := w.answer(m, request, string(body))
		scheme, _, _ := strings.Cut(request.Header.Get("Authorization"), " ")
		l.note(Entry{What: request.Method, Name: request.URL.Path, Auth: scheme, Proof: a.proof, Code: a.code})
		if !l.sim.sleep(m.delay) {
			return errOver
		}
		if err := l.sendWeb(m, a); err != nil {
			return err
		}
	}
}

func (l *leg) sendWeb(m manner, a webAnswer) error {
	head := fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Type: text/xml; charset=utf-8\r\nServer: Microsoft-IIS/8.5\r\nX-MS-Server-Fqdn: %s\r\nDate: %s\r\n", a.code, http.StatusText(a.code), m.names[0], time.Now().Add(m.clock).UTC().Format(http.TimeFormat))
	for _, line := range a.headers {
		head += line + "\r\n"
	}
	switch m.spoils {
	case "huge":
		head += "Content-Length: 99999999\r\n\r\n"
		if _, err := io.WriteString(l.conn, head); err != nil {
			return err
		}
		for range 99999999 / 4096 {
			if _, err := io.WriteString(l.conn, strings.Repeat(" ", 4096)); err != nil {
				return err
			}
		}
		return errOver
	case "drip":
		for _, c := range []byte(head) {
			if !l.sim.sleep(time.Second) {
				return errOver
			}
			if _, err := l.conn.Write([]byte{c}); err != nil {
				return err
			}
		}
		return errOver
	case "cut":
		_, _ = io.WriteString(l.conn, head[:len(head)/2])
		l.raw.reset()
		return errOver
	}
	if _, err := fmt.Fprintf(l.conn, "%sContent-Length: %d\r\n\r\n%s", head, len(a.body), a.body); err != nil {
		return err
	}
	if a.closes {
		l.conn.Close()
		return errOver
	}
	return nil
}

// rootDocument is what the web services of Autodiscover tell everybody (MS-OCDISCWS): that those on a host know the user.
func rootDocument(host string) string {
	body := `<?xml version="1.0" encoding="utf-8"?><AutodiscoverResponse xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa" AccessLocation="Internal">` +
		`<Root><Link token="User" href="https://` + host + `/Autodiscover/AutodiscoverService.svc/root/oauth/user" /></Root></AutodiscoverResponse>`
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.microsoft.rtc.autodiscover+xml; v=1\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
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
	mute := m.muteAfter > 0 && int(l.came) > m.muteAfter
	switch {
	case m.word == "blackhole", mute:
		return nil // nothing arrived, or nobody heeds it
	case m.cutAfter > 0 && int(l.came) > m.cutAfter:
		l.raw.reset()
		return errOver
	}
	e := Entry{What: req.method, Name: address(req.header.Get("To"))}
	e.Auth, _, _ = strings.Cut(req.header.Get("Authorization")+req.header.Get("Proxy-Authorization"), " ")
	switch {
	case req.method == "":
		e.What, e.Code = "response", req.code
	case req.method == "REGISTER" && req.leaving():
		e.What = "unregister"
	case req.method == "REGISTER" && m.rival != "" && req.header.Get("Contact") != "":
		e.What = "bind"
	}
	answer := answererOf(m.word)
	if req.method == "" || req.method == "ACK" || answer == nil || m.deaf && req.method == "REGISTER" {
		e.Proof = l.proofOf(m, req)
		l.note(e)
		if m.word == "reset" {
			l.raw.reset()
			return errOver
		}
		return nil
	}
	if m.signsIn() {
		answer = requireSignIn(answer)
	} else {
		answer = requireDigest(answer)
	}
	l.mu.Lock()
	r := requireSense(answer)(&l.caller, m, req)
	l.mu.Unlock()
	e.Code, e.Proof = r.code, r.proof
	l.note(e)
	if !l.sim.sleep(m.delay) {
		return errOver
	}
	if r.code == 0 {
		return nil
	}
	if err := l.send(m, r.code, r.lines(m, req), r.body); err != nil {
		return err
	}
	if r.then != nil {
		l.request(m, r.then)
	}
	return nil
}

// proofOf says what the signature proves of a response that came; "" where none is due.
func (l *leg) proofOf(m manner, response *message) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if response.method != "" || l.ntlm.sa == nil {
		return ""
	}
	scheme, p := response.credentials(m.family().given)
	if scheme != l.ntlm.sa.scheme {
		return "not signed"
	}
	if err := l.ntlm.sa.verify(response, p); err != nil {
		return err.Error()
	}
	return "signed"
}

// send signs and writes a message: a start line, headers, a body. Code 0 is a request.
func (l *leg) send(m manner, code int, lines []string, body string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ntlm.sa != nil && code != registrarFamily.code && code != proxyFamily.code && m.rspauth != "missing" {
		lines = append(lines, l.ntlm.sa.sign(lines[1:], code, m.rspauth))
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

// request sends a request of the Registrar's own.
func (l *leg) request(m manner, o *outgoing) {
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
	from := o.dialog.header.Get("To")
	if headerParam(from, "tag") == "" {
		from += ";tag=" + ourTag
	}
	l.note(Entry{What: "sent " + o.method, Name: o.name})
	l.send(m, 0, append([]string{ // to a connection that may be gone
		o.method + " " + address(o.dialog.header.Get("Contact")) + " SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/%s %s;branch=z9hG4bK%s", transport, l.addr, randomHex(4)),
		"Max-Forwards: 70",
		"From: " + from,
		"To: " + o.dialog.header.Get("From"),
		"Call-ID: " + o.dialog.header.Get("Call-ID"),
		fmt.Sprintf("CSeq: %d %s", cseq, o.method),
	}, o.headers...), o.body)
}
