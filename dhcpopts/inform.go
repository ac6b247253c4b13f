package dhcpopts

import (
	"context"
	"crypto/rand"
	"errors"
	"time"
)

// Errors of [Listen]; match with errors.Is.
var (
	ErrNoInterface = errors.New("there is no interface")     // of the name given
	ErrNoRoute     = errors.New("there is no default route") // and no interface was named
	ErrDown        = errors.New("the interface is switched off")
	ErrNoAddress   = errors.New("interface without IPv4 address") // DHCPINFORM is for devices that have one
)

// Inform sends DHCPINFORM as a Lync phone does; see [Question.Inform].
func Inform(ctx context.Context, c Conn, answers func(Answer)) ([]Dropped, error) {
	return Question{}.Inform(ctx, c, answers)
}

// Inform sends the question by DHCPINFORM (RFC 2131 section 4.4.3, TechNet gg398369) and calls answers
// for each different answer, on the caller's goroutine, until ctx ends. It sends again after 1 s and 3 s, since
// datagrams get lost and a second server may still be silent. What is not an answer to this question is
// dropped and counted; silence is no error. What is one and cannot be used is [Unusable]. The error says that c could not be written or read.
// After 16 different answers Inform returns early. It asks for no address, and leaves c open; one Inform at a time.
func (question Question) Inform(ctx context.Context, c Conn, answers func(Answer)) ([]Dropped, error) {
	q := query{Question: question, started: time.Now()}
	_, q.addr, q.hw = c.Interface()
	rand.Read(q.xid[:]) // never fails
	e := exchange{conn: c, protocol: "DHCP", started: q.started, question: q.message, answer: q.answer, answers: answers}
	return e.run(ctx)
}
