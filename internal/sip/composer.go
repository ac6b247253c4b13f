package sip

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// allowed are the requests we take.
const allowed = "OPTIONS, NOTIFY, BENOTIFY"

// composer writes our messages: it knows who we are, and where we are reached.
type composer struct {
	account   Account // without the password and the certificate
	local     string  // our end of the connection, "10.0.0.21:50123"
	transport string  // "tls" or "tcp"
	tag       string  // the same for the life of the connection
	gruu      string  // URI by which others reach us, of the binding; "": none
}

func newComposer(account Account, conn net.Conn, secure bool) *composer {
	account.Password, account.Identity = "", nil
	c := &composer{account: account, local: localAddress(conn), transport: "tcp", tag: token()}
	if secure {
		c.transport = "tls"
	}
	return c
}

// request builds what all requests have in common.
func (c *composer) request(method, uri, to, callID string, sequence uint32) *message {
	from := "<" + c.account.AOR.String() + ">;tag=" + c.tag
	if c.account.EndpointID != "" {
		from += ";epid=" + c.account.EndpointID
	}
	m := newRequest(method, uri)
	m.add("Via", "SIP/2.0/"+strings.ToUpper(c.transport)+" "+c.local+";branch="+branchCookie+token())
	m.add("Max-Forwards", "70") // RFC 3261 section 8.1.1.6
	m.add("From", from)
	m.add("To", "<"+to+">")
	m.add("Call-ID", callID)
	m.add("CSeq", strconv.FormatUint(uint64(sequence), 10)+" "+method)
	if c.account.UserAgent != "" {
		m.add("User-Agent", c.account.UserAgent)
	}
	return m
}

func (c *composer) contact() string {
	return "<sip:" + c.account.AOR.User + "@" + c.local + ";transport=" + c.transport + ">"
}

// shown is what each request of ours shows.
func (c *composer) shown() *Shown {
	s := &Shown{UserAgent: c.account.UserAgent, AOR: c.account.AOR.String()}
	if local, err := netip.ParseAddrPort(c.local); err == nil {
		s.Address = local.Addr().String()
	}
	return s
}

// reachable is our Contact for others.
func (c *composer) reachable() string {
	if c.gruu != "" {
		return "<" + c.gruu + ">"
	}
	return c.contact()
}

// response builds the answer to a request. RFC 3261 section 8.2.6.
func (c *composer) response(request *message, code int, phrase string) *message {
	m := &message{start: fmt.Sprintf("SIP/2.0 %d %s", code, phrase), code: code, phrase: phrase}
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		for _, value := range request.all(name) {
			if name == "To" && parseAddress(value).params["tag"] == "" {
				value += ";tag=" + c.tag
			}
			m.add(name, value)
		}
	}
	m.add("Allow", allowed)
	m.add("Content-Length", "0")
	return m
}

// localAddress returns our end of the connection as a SIP host and port. A connection without an IP address (in memory)
// gets a name that can never be reached (RFC 2606).
func localAddress(conn net.Conn) string {
	address, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return "anonymous.invalid"
	}
	return netip.AddrPortFrom(address.Addr().Unmap().WithZone(""), address.Port()).String()
}

// token returns a mark that no one else uses: branch, tag, Call-ID.
func token() string { return strings.ToLower(rand.Text()) }
