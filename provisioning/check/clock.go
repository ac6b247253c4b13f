package check

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"homeward/provisioning"
	"homeward/provisioning/discover"
	"homeward/provisioning/wire"
)

// Specification constants: RFC 5905, sections 7.2 and 7.3.
const (
	ntpPort      = 123
	ntpSize      = 48   // of a message without extensions
	ntpQuestion  = 0x23 // version 4, mode 3 (client)
	ntpServes    = 4    // mode
	ntpUnsynced  = 3    // leap indicator: this clock was never set
	ntpMaxStrata = 15
)

// Our choices.
const (
	timePatience   = 600 * time.Millisecond // for an answer; a lost packet is asked for once more
	maxTimeServers = 3                      // asked of those that one source names
)

// ntpEpoch is where seconds of NTP are 0; 2036 they begin anew.
var ntpEpoch = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)

// option42 is what a tech knows it by.
const option42 = "DHCP option 42"

// TimeServer is a server that a source names for the clock, and what it says. The clock is never set from it.
type TimeServer struct {
	Source  string        // "DHCP option 42", "_ntp._udp.contoso.com"
	Name    string        // as the source has it
	Ahead   time.Duration // how far its clock is ahead of ours
	Problem string        // why Ahead is not known: "does not answer"; "not asked"
	addrs   []netip.Addr  // of Name
}

// is says whether two are one server, by its name or by an address.
func (s *TimeServer) is(other *TimeServer) bool {
	return s.Name == other.Name || slices.ContainsFunc(s.addrs, func(a netip.Addr) bool { return slices.Contains(other.addrs, a) })
}

// askTime asks the servers that one source names, all at the same time; those without addresses are looked up first.
func (e *eye) askTime(ctx context.Context, source string, names []provisioning.Name) []TimeServer {
	servers := make([]TimeServer, len(names))
	var asking sync.WaitGroup
	defer asking.Wait()
	for i, n := range names {
		s := &servers[i]
		*s = TimeServer{Source: source, Name: n.Host, Problem: "not asked"}
		if i >= maxTimeServers {
			continue
		}
		asking.Go(func() {
			if len(n.Addrs) == 0 {
				n.Addrs = e.LookUp(ctx, n.Host).Addrs
			}
			if s.addrs = n.Addrs; len(n.Addrs) == 0 {
				s.Problem = "has no address"
				return
			}
			var err error
			if s.Ahead, err = e.clockAhead(ctx, n); err == nil {
				s.Problem = ""
			} else if s.Problem = "does not answer"; errors.Is(err, errTime) {
				s.Problem = err.Error()
			}
		})
	}
	return servers
}

// clockAhead asks one server twice at most, at the first of its addresses to which there is a way.
func (e *eye) clockAhead(ctx context.Context, server provisioning.Name) (time.Duration, error) {
	var conn net.Conn
	var err error
	for _, addr := range server.Addrs {
		at := netip.AddrPortFrom(addr, server.Port)
		if err = discover.CheckPlace(&e.policy, &e.wire, at, ntpPort); err != nil {
			err = timeError("is not asked: " + err.Error())
			continue
		}
		if conn, err = e.wire.Dial(ctx, "udp", at.String()); err == nil {
			break
		}
	}
	if err != nil {
		return 0, unasked(err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	_ = overhear(conn, nil)          // it listens from now on
	asked := map[[8]byte]time.Time{} // by the cookie of each question
	var strange error                // what came that is no answer to one of them
	for range 2 {
		question := [ntpSize]byte{ntpQuestion}
		rand.Read(question[40:]) // it comes back: who has not seen the question cannot answer
		sent := time.Now()
		asked[[8]byte(question[40:])] = sent
		if err := conn.SetReadDeadline(sent.Add(timePatience)); err != nil {
			return 0, err
		}
		if _, err := conn.Write(question[:]); err != nil {
			return 0, unasked(err)
		}
		for answer := make([]byte, 512); ; {
			n, err := conn.Read(answer)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return 0, err
			}
			ahead, err := readTime(answer[:n], asked, time.Now())
			if !errors.Is(err, errNotTime) {
				return ahead, err
			}
			strange = err
		}
	}
	return 0, cmp.Or(overhear(conn, asked), strange, os.ErrDeadlineExceeded)
}

// overhear finds an answer to one of the questions that others have sent to a socket since it was called first; nil: there is none.
func overhear(conn net.Conn, asked map[[8]byte]time.Time) error {
	listener, ok := conn.(wire.Overhearing)
	if !ok {
		return nil
	}
	for answer := make([]byte, 512); ; {
		n, from := listener.Overheard(answer)
		if n == 0 {
			return nil
		}
		if _, err := readTime(answer[:n], asked, time.Now()); !errors.Is(err, errNotTime) {
			return timeError(fmt.Sprintf("does not answer, but %s does in its place", from))
		}
	}
}

// unasked says what of this device keeps a question from being sent.
func unasked(err error) error {
	var trouble syscall.Errno
	if errors.As(err, &trouble) {
		return timeError("cannot be asked: " + trouble.Error())
	}
	return err
}

// errTime is the kind of an answer that is of no use.
var errTime = errors.New("time server")

type timeError string

func (e timeError) Error() string      { return string(e) }
func (e timeError) Is(kind error) bool { return kind == errTime }

// errNotTime is what comes and answers no question of ours.
var errNotTime = timeError("answers with something other than the time")

// readTime returns how far the clock of the server that gave the answer, which came now, is ahead of ours (RFC 5905 section 8).
func readTime(m []byte, asked map[[8]byte]time.Time, now time.Time) (time.Duration, error) {
	if len(m) < ntpSize || m[0]&7 != ntpServes {
		return 0, errNotTime
	}
	sent, ours := asked[[8]byte(m[24:])]
	switch {
	case !ours:
		return 0, errNotTime
	case m[1] == 0: // section 7.4: a kiss of death, such as RATE or DENY
		return 0, timeError(fmt.Sprintf("refuses to answer (%s)", strings.Trim(strings.ToValidUTF8(string(m[12:16]), "?"), "\x00")))
	case m[0]>>6 == ntpUnsynced || m[1] > ntpMaxStrata, // or a time stamp of 0, RFC 4330 section 5
		binary.BigEndian.Uint64(m[32:]) == 0, binary.BigEndian.Uint64(m[40:]) == 0:
		return 0, timeError("does not know the time itself")
	}
	received, answered := ntpTime(m[32:]), ntpTime(m[40:])
	return (received.Sub(sent) + answered.Sub(now)) / 2, nil
}

// ntpTime reads a time stamp of 1968 to 2104 (RFC 4330 section 3).
func ntpTime(b []byte) time.Time {
	seconds, fraction := int64(binary.BigEndian.Uint32(b)), int64(binary.BigEndian.Uint32(b[4:]))
	if seconds < 1<<31 {
		seconds += 1 << 32
	}
	return time.Unix(ntpEpoch.Unix()+seconds, fraction*int64(time.Second)>>32)
}
