//go:build linux

package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// TestSignsInAgain: a device whose connection was closed resumes its TLS session with the front end, and signs with the nonce
// that the Registrar has accepted: one REGISTER, and no challenge.
func TestSignsInAgain(t *testing.T) {
	for _, version := range []string{"TLSv1.2", "TLSv1.3"} {
		t.Run(version, func(t *testing.T) {
			common := newScene(t)
			var proxy *process
			d := fault{given: with(func(t testing.TB, c *scene) {
				text, dir := front(c, t, fmt.Sprintf(`
global
 log stderr format raw local0
defaults
 mode tcp
 log global
 option logasap
 log-format "resumed %%[ssl_fc_is_resumed] by %%[ssl_fc_protocol]"
 timeout connect 1s
 timeout client 4s
 timeout server 30s
listen sip
 bind 10.0.0.20:5061 ssl crt PEM ssl-min-ver %[1]s ssl-max-ver %[1]s
 server fe08 10.0.0.18:5061
`, version))
				proxy = start(t, c.registrar, "haproxy", "-db", "-f", write(t, dir, "haproxy.cfg", text))
				listens(t, proxy, pool01)
			})}.arrange(t, common)
			d.boot(t)
			d.await(t, "registered, lost, and registered again", func(s status) bool { return s.State == "registered" && len(s.Losses) == 1 })
			handshakes := regexp.MustCompile(`resumed \d by `+regexp.QuoteMeta(version)).FindAllString(proxy.output(t), 2)
			if got, want := strings.Join(handshakes, ", "), "resumed 0 by "+version+", resumed 1 by "+version; got != want {
				t.Errorf("haproxy: %s; want %s", got, want)
			}
			said := regexp.MustCompile(`request REGISTER by \w+ on \S+ for \w+|bound \w+`).FindAllString(common.registrars.output(t), 5)
			at := fmt.Sprintf("request REGISTER by tcp on %s:%d for %s", clearPort.addr, clearPort.port, sipUser)
			if got, want := strings.Join(said, ", "), strings.Join([]string{at, at, "bound " + sipUser, at, "bound " + sipUser}, ", "); got != want {
				t.Errorf("Kamailio:\n%s\nwant\n%s", got, want)
			}
		})
	}
}
