package sip

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"homeward/internal/place"
)

// peer is a scripted Registrar at the other end of an in-memory connection. It reads what we send with sipgo's parser: a
// strict reader written by others.
type peer struct {
	t     *testing.T
	conn  net.Conn
	in    *bufio.Reader
	began time.Time
	raw   string // the latest message as it came

	mu    sync.Mutex
	notes []string                 // the transcript
	seal  func(text string) string // signs what is sent; nil: nothing is signed
	proof func(raw string)         // verifies answers to our requests; nil: nothing is verified
}

func (p *peer) sealWith(seal func(text string) string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seal = seal
}

type sipgoRequest = sipgo.Request

// step is one entry of a script: what the Registrar does with the next request.
type step func(p *peer, r *sipgoRequest)

// answer replies with a status line and headers; those of the transaction are copied from the request.
func answer(status string, headers ...string) step {
	return func(p *peer, r *sipgoRequest) { p.send(response(r, status, headers...)) }
}

// say sends bytes as they are; %s stands for the headers of the transaction.
func say(raw string) step {
	return func(p *peer, r *sipgoRequest) { p.send(strings.ReplaceAll(raw, "%s", transaction(r))) }
}

func silence(p *peer, r *sipgoRequest) {}

func hangUp(p *peer, r *sipgoRequest) { p.conn.Close() }

func after(d time.Duration, next step) step {
	return func(p *peer, r *sipgoRequest) { time.Sleep(d); next(p, r) }
}

func all(steps ...step) step {
	return func(p *peer, r *sipgoRequest) {
		for _, s := range steps {
			s(p, r)
		}
	}
}

// change sends a 200 in which a part is replaced.
func change(pattern, by string) step {
	return func(p *peer, r *sipgoRequest) {
		p.send(regexp.MustCompile(pattern).ReplaceAllString(response(r, "200 OK"), by))
	}
}

// trickle sends one byte a second until the connection ends.
func trickle(p *peer, text string) {
	for i := range len(text) {
		time.Sleep(time.Second)
		if _, err := io.WriteString(p.conn, text[i:i+1]); err != nil {
			return
		}
	}
}

// drone sends provisional answers, and never a final one.
func drone(p *peer, r *sipgoRequest, times int, every time.Duration) {
	for range times {
		if _, err := io.WriteString(p.conn, response(r, "100 Trying")); err != nil {
			return
		}
		time.Sleep(every)
	}
}

func bare(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

func transaction(r *sipgoRequest) string {
	var b strings.Builder
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		fmt.Fprintf(&b, "%s\r\n", r.GetHeader(name))
	}
	return b.String()
}

func response(r *sipgoRequest, status string, headers ...string) string {
	text := "SIP/2.0 " + status + "\r\n" + transaction(r)
	for _, h := range headers {
		text += h + "\r\n"
	}
	return text + "Content-Length: 0\r\n\r\n"
}

// send writes as long as someone listens: scripts go on after the end of a conversation.
func (p *peer) send(text string) {
	p.mu.Lock()
	seal := p.seal
	p.mu.Unlock()
	if seal != nil {
		text = seal(text)
	}
	_, _ = io.WriteString(p.conn, text)
}

func (p *peer) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := time.Since(p.began).Round(100 * time.Millisecond)
	p.notes = append(p.notes, fmt.Sprintf("+%gs ", at.Seconds())+fmt.Sprintf(format, args...))
}

// next returns the next request, or nil for a keep-alive; false at the end of the connection.
func (p *peer) next() (*sipgoRequest, bool) {
	for {
		line, err := p.in.ReadSlice('\n')
		if err != nil {
			return nil, false
		}
		raw := bytes.Clone(line)
		for string(line) != "\r\n" {
			if line, err = p.in.ReadSlice('\n'); err != nil {
				return nil, false
			}
			raw = append(raw, line...)
		}
		if string(raw) == "\r\n" {
			return nil, true
		}
		if length := regexp.MustCompile(`Content-Length: (\d+)`).FindSubmatch(raw); length != nil {
			size, _ := strconv.Atoi(string(length[1]))
			body := make([]byte, size)
			if _, err := io.ReadFull(p.in, body); err != nil {
				return nil, false
			}
			raw = append(raw, body...)
		}
		p.raw = string(raw)
		if code, ok := strings.CutPrefix(string(raw), "SIP/2.0 "); ok { // it repeats the text of the request, broken or not
			p.note("answered %s%s", code[:3], describeNTLM(p.raw))
			if p.proof != nil {
				p.proof(p.raw)
			}
			continue
		}
		m, err := sipgo.NewParser().ParseSIP(raw)
		if err != nil {
			p.t.Errorf("an independent parser refuses what we sent: %v\n%s", err, raw)
			return nil, false
		}
		return m.(*sipgo.Request), true
	}
}

// play answers each request with the next step; the last one again and again.
func (p *peer) play(script []step) {
	for i := 0; ; {
		r, ok := p.next()
		if !ok {
			return
		}
		if r == nil {
			if next, _ := p.in.Peek(min(2, p.in.Buffered())); string(next) == "\r\n" {
				p.in.Discard(2)
				p.note("ping")
			} else {
				p.note("pong")
			}
			continue
		}
		p.note("%s", describe(r))
		if len(script) > 0 {
			script[min(i, len(script)-1)](p, r)
		}
		i++
	}
}

// describe shortens a request to what the tables compare.
func describe(r *sipgoRequest) string {
	text := r.CSeq().Value()
	if h := r.GetHeader("Expires"); h != nil {
		text += " expires=" + h.Value()
	}
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		if h := r.GetHeader(name); h != nil && !strings.HasPrefix(h.Value(), "Digest") {
			text += " " + name + " " + tidyNTLM(h.Value())
		} else if h != nil {
			text += " " + name + " " + strings.TrimSuffix(random.ReplaceAllString(h.Value(), ""), ", ")
		}
	}
	return text
}

var random = regexp.MustCompile(`Digest username="[^"]*", realm="[^"]*", |uri="[^"]*", |cnonce="[^"]*", |(, )?response="[^"]*"|opaque="[^"]*", `)

// bubble runs a Session and a scripted Registrar in fake time and returns the transcript.
func bubble(t *testing.T, secure bool, account Account, script []step, run func(s *Session, p *peer)) string {
	t.Helper()
	if account.Identity != nil { // keys are made before chance is fixed
		phoneCertificate()
		poolCertificate()
	}
	cryptotest.SetGlobalRandom(t, 1)
	var transcript string
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		p := &peer{t: t, conn: theirs, in: bufio.NewReader(theirs), began: time.Now()}
		done := make(chan struct{})
		go func() { defer close(done); p.play(script) }()
		s := NewSession(ours, secure, account)
		run(s, p)
		s.Close()
		theirs.Close()
		<-done
		transcript = strings.Join(p.notes, "\n")
	})
	return transcript
}

// phone is the account of the tests.
var phone = Account{
	AOR: place.SIPAddress{User: "phone1", Domain: "contoso.com"}, Password: "canary-secret", Schemes: []string{"tls-dsk", "kerberos", "ntlm", "digest"},
	UserAgent: "homeward/test", EndpointID: "a1b2c3d4e5",
}

func with(change func(*Account)) Account {
	a := phone
	change(&a)
	return a
}

// outcome shortens what Register returned to what the tables compare.
func outcome(b Binding, err error) string {
	var auth *AuthError
	var credentials *CredentialsError
	var malformed *MalformedError
	var status *StatusError
	var redirect *RedirectError
	switch {
	case err == nil:
		return strings.TrimSpace(fmt.Sprintf("binding for %s %s", b.Expires, b.Scheme))
	case errors.As(err, &auth):
		return "auth: " + err.Error()
	case errors.As(err, &credentials):
		return "credentials: " + err.Error()
	case errors.As(err, &malformed):
		return "malformed: " + err.Error()
	case errors.As(err, &status):
		return fmt.Sprintf("status: %s, retry after %s", err, status.RetryAfter)
	case errors.As(err, &redirect):
		return "redirect: " + err.Error()
	}
	return "error: " + err.Error()
}

// signedWith reports whether the credentials of a request were made with the password.
func signedWith(r *sipgoRequest, password string) bool {
	return parameter(r, "response") == digestOf(r, string(r.Method), password)
}

// confirmation returns the rspauth of a Registrar that knows the password.
func confirmation(r *sipgoRequest, password string) string { return digestOf(r, "", password) }

// digestOf works out RFC 2617 with MD5 and qop=auth without the library we use.
func digestOf(r *sipgoRequest, method, password string) string {
	md := func(parts ...string) string {
		sum := md5.Sum([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(sum[:])
	}
	a1 := md(parameter(r, "username"), parameter(r, "realm"), password)
	return md(a1, parameter(r, "nonce"), parameter(r, "nc"), parameter(r, "cnonce"), parameter(r, "qop"), md(method, parameter(r, "uri")))
}

// parameter returns one parameter of the credentials.
func parameter(r *sipgoRequest, name string) string {
	h := r.GetHeader("Authorization")
	if h == nil {
		return ""
	}
	match := regexp.MustCompile(`\b` + name + `=("[^"]*"|[^",]*)`).FindStringSubmatch(h.Value())
	return strings.Trim(match[1], `"`)
}

// register runs Register against a script and returns the transcript with the outcome as last line.
func register(t *testing.T, secure bool, account Account, script ...step) string {
	t.Helper()
	return bubble(t, secure, account, script, func(s *Session, p *peer) {
		ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
		defer cancel()
		b, err := s.Register(ctx)
		synctest.Wait()
		p.note("%s", outcome(b, err))
	})
}
