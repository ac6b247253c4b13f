package srv

import (
	"cmp"
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Our choices: enough questions that one lost in ten shows, 20 ms apart so that they are no burst.
const (
	measureCount   = 40
	measureOwn     = 3
	measureSpacing = 20 * time.Millisecond
	measurePatient = 1500 * time.Millisecond // without an answer until those that are missing are lost: one that comes late shows that others may
	measureFirst   = 4 * time.Second         // the same until anything was answered; then there is time for the others
	measureLatest  = 5 * time.Second         // after the last question, as other clients of DNS wait
	tripLimit      = 4 * time.Second         // for a question that needs no other server
)

// Quality is how well a name server answers: whatever it says counts.
type Quality struct {
	Server   netip.AddrPort
	Name     string         // what it was asked for
	Asked    int            // questions sent, each once
	Answered int            // of these
	Lives    bool           // it has answered none of them, and has answered a question for which it needs no other server
	Codes    [16]int        // how many of the answers have each RCODE
	Median   time.Duration  // until an answer; 0: there was none
	From     netip.AddrPort // who answered from elsewhere, in place of the server; zero: nobody
	Took     time.Duration  // all of it
	Err      error          // why nothing could be sent, or nil
	Gap      Gap            // in which all those without an answer were sent; zero: there are none, or others between them were answered
}

// Gap is a time in which a name server answered nothing, though it did before or after.
type Gap struct {
	At   time.Time
	Took time.Duration
	Open bool // it had not ended when the last question was sent
}

// Lost is the share of questions without an answer, in percent.
func (q *Quality) Lost() int {
	if q.Asked == 0 {
		return 0
	}
	return (q.Asked - q.Answered) * 100 / q.Asked
}

// Failing is of how many answers the RCODE says that they are none, and what it is, the most first: "all with REFUSED", "3 with SERVFAIL"; "": of none.
func (q *Quality) Failing() string {
	var codes []int
	for code, n := range q.Codes {
		if n > 0 && code != dns.RcodeSuccess && code != dns.RcodeNameError {
			codes = append(codes, code)
		}
	}
	sort.SliceStable(codes, func(i, j int) bool { return q.Codes[codes[i]] > q.Codes[codes[j]] })
	var said []string
	for _, code := range codes {
		many := strconv.Itoa(q.Codes[code])
		if q.Codes[code] == q.Answered {
			many = "all"
		}
		said = append(said, many+" with "+cmp.Or(dns.RcodeToString[code], "RCODE "+strconv.Itoa(code)))
	}
	return strings.Join(said, ", ")
}

// Serves says whether any answer is one of a name server that looks up.
func (q *Quality) Serves() bool { return q.Codes[dns.RcodeSuccess]+q.Codes[dns.RcodeNameError] > 0 }

// Measure asks a name server the same question many times over one socket, and counts what comes back. It takes as long as the
// answers do where all come; 1.5 s more where some do not, 4 s more where none does, and 5.8 s at most.
func Measure(ctx context.Context, dial func(ctx context.Context, network, address string) (net.Conn, error), server netip.AddrPort, name string) (q Quality) {
	q.Server, q.Name = server, name
	began := time.Now()
	defer func() { q.Took = time.Since(began) }()
	conn, err := dial(ctx, "udp", server.String())
	if err != nil {
		q.Err = err
		return q
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	overhear(conn, func([]byte, netip.AddrPort) {}) // from now on
	m := meter{open: map[uint16]sent{}, all: make(chan struct{})}
	var hearing sync.WaitGroup
	ctx, deaf := context.WithCancel(ctx)
	hearing.Go(func() {
		m.hear(conn)
		deaf() // nothing listens there
	})
	for range measureCount {
		if q.Err = m.ask(conn, dns.CanonicalName(name), false); q.Err != nil {
			break
		}
		q.Asked++
		if !pause(ctx, measureSpacing) {
			break
		}
	}
	m.askOwn(conn)
	m.wait(ctx, q.Asked)
	overhear(conn, func(raw []byte, from netip.AddrPort) {
		if m.awaits(raw) {
			q.From = from
		}
	})
	conn.Close()
	hearing.Wait()
	q.Codes, q.Lives = m.codes, m.lives && len(m.took) == 0
	if q.Answered = len(m.took); q.Answered > 0 {
		sort.Slice(m.took, func(i, j int) bool { return m.took[i] < m.took[j] })
		q.Median, q.Err, q.Gap = m.took[len(m.took)/2], nil, m.gap(q.Asked)
	}
	return q
}

// Trip is how long a name server takes to answer for a name, or, if that is "", for one that it need not ask others for; 0: it has not answered
// that within 4 s.
func Trip(ctx context.Context, dial func(ctx context.Context, network, address string) (net.Conn, error), server netip.AddrPort, name string) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, tripLimit)
	defer cancel()
	conn, err := dial(ctx, "udp", server.String())
	if err != nil {
		return 0
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	m := meter{open: map[uint16]sent{}, asked: 1, all: make(chan struct{})}
	deaf := make(chan struct{})
	go func() {
		defer close(deaf)
		m.hear(conn)
	}()
	for range measureOwn { // some datagrams get lost
		_ = m.ask(conn, dns.CanonicalName(cmp.Or(name, ownName)), name == "") // one that cannot be sent is not answered
	}
	select {
	case <-m.all:
	case <-deaf: // nothing listens there
	case <-ctx.Done():
	}
	conn.Close()
	<-deaf
	if len(m.took) == 0 {
		return 0
	}
	return m.took[0]
}

// pause says whether ctx goes on after a while.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// sent is when a question was sent, and how many were before it.
type sent struct {
	at     time.Time
	before int
}

// meter counts answers.
type meter struct {
	mu    sync.Mutex
	open  map[uint16]sent // questions without an answer
	own   uint16          // the question whether a server lives that has answered none of the others; 0: it was not asked
	lives bool
	begun int // how many were sent
	took  []time.Duration
	last  time.Time // when an answer came
	codes [16]int
	asked int           // when it is known how many; 0: not yet
	all   chan struct{} // closed when all are answered
}

// ask sends one question; alone: the server is not to ask others.
func (m *meter) ask(conn net.Conn, name string, alone bool) error {
	for {
		q, err := newQuestion(name, dns.TypeA, false)
		if err != nil {
			return err
		}
		if alone {
			q.wire[2] &^= flagRD
		}
		if m.begin(q.id) {
			_, err = conn.Write(q.wire)
			return err
		}
	}
}

// askOwn asks a server that has answered nothing for what it need not ask others: some datagrams get lost.
func (m *meter) askOwn(conn net.Conn) {
	q, err := newQuestion(ownName, dns.TypeA, false)
	if err != nil {
		return
	}
	m.mu.Lock()
	if _, taken := m.open[q.id]; !taken && len(m.took) == 0 { // two of one id could not be told apart
		m.own = q.id
	}
	m.mu.Unlock()
	q.wire[2] &^= flagRD
	for i := 0; i < measureOwn && m.own != 0; i++ {
		_, _ = conn.Write(q.wire) // that it cannot be sent, the others have shown
	}
}

// begin takes note that a question is sent now; false: one of its id has no answer yet, and theirs could not be told apart.
func (m *meter) begin(id uint16) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.open[id]; taken {
		return false
	}
	m.open[id] = sent{time.Now(), m.begun}
	m.begun++
	return true
}

// gap is that of asked questions.
func (m *meter) gap(asked int) Gap {
	var first, last sent
	for _, s := range m.open {
		if first.at.IsZero() || s.before < first.before {
			first = s
		}
		if s.before >= last.before {
			last = s
		}
	}
	if len(m.open) == 0 || last.before-first.before+1 != len(m.open) {
		return Gap{}
	}
	return Gap{first.at, last.at.Sub(first.at) + measureSpacing, last.before+1 >= asked}
}

func (m *meter) hear(conn net.Conn) {
	buf := make([]byte, datagramSize)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		if isAnswer(buf[:n]) {
			m.heard(binary.BigEndian.Uint16(buf), buf[3]&0xf)
		}
	}
}

// isAnswer says whether a message is one that a name server sends: QR, and opcode QUERY.
func isAnswer(raw []byte) bool { return len(raw) >= headerSize && raw[2]&0xf8 == 0x80 }

// awaits says whether a message answers a question that has no answer yet.
func (m *meter) awaits(raw []byte) bool {
	if !isAnswer(raw) {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, open := m.open[binary.BigEndian.Uint16(raw)]
	return open
}

func (m *meter) heard(id uint16, code byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	question, known := m.open[id]
	if !known {
		m.lives = m.lives || id == m.own && id != 0
		return
	}
	delete(m.open, id)
	m.codes[code]++
	m.last = time.Now()
	m.took = append(m.took, m.last.Sub(question.at))
	if m.asked > 0 && len(m.took) == m.asked {
		close(m.all)
	}
}

// wait waits for the last answers: those that come late are not lost.
func (m *meter) wait(ctx context.Context, asked int) {
	m.mu.Lock()
	m.asked = asked
	complete, patience := len(m.took) == asked, measurePatient
	if len(m.took) == 0 {
		patience = measureFirst // one that takes long for each answer is not dead
	}
	m.mu.Unlock()
	if complete {
		return
	}
	ctx, enough := context.WithTimeout(ctx, measureLatest)
	defer enough()
	for quiet := time.Now(); time.Since(quiet) < patience; {
		select {
		case <-m.all:
			return
		case <-ctx.Done():
			return
		case <-time.After(min(time.Until(quiet.Add(patience)), measurePatient)):
		}
		m.mu.Lock()
		if m.last.After(quiet) {
			quiet, patience = m.last, measurePatient
		}
		m.mu.Unlock()
	}
}
