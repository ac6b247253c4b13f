//go:build linux

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// ask sends one query to a DNS server, from the bridge. The answer is text, one record a line in the server's order
// without TTL, or the response code in front of nothing.
func ask(t testing.TB, server *host, network, name string, kind uint16) (string, error) {
	t.Helper()
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), kind)
	r, _, err := (&dns.Client{Net: network}).ExchangeContext(t.Context(), q, server.addr+":53")
	if err != nil {
		return "", err
	}
	lines := []string{dns.RcodeToString[r.Rcode]}
	for _, rr := range r.Answer {
		fields := strings.Fields(rr.String()) // owner, TTL, class, type, data
		lines = append(lines, strings.Join(append([]string{fields[0]}, fields[3:]...), " "))
	}
	return strings.Join(lines, "\n"), nil
}

// waitDNS waits until the server answers with the response code.
func waitDNS(t testing.TB, h *host, p *process, code string) {
	t.Helper()
	eventually(t, p.name+" answers", func() error {
		if err := p.running(); err != nil {
			return err
		}
		got, err := ask(t, h, "udp", second.host, dns.TypeA)
		if err == nil && !strings.HasPrefix(got, code) {
			err = fmt.Errorf("answered %s", got)
		}
		return err
	})
}
