//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The one user of the site. Our Digest realm is the SIP domain.
const (
	sipUser  = "phone1"
	password = "correct horse"
)

// registrar is one Kamailio that stands for many Registrars of the site: it listens at its places, and shows at each
// the certificate of that place's host.
type registrar struct {
	*process
	dir string
}

// settings of a registrar; the zero value is usual.
type settings struct {
	places    []place           // where it listens; nil is everywhere
	algorithm string            // of the Digest challenge; "" is MD5
	expires   time.Duration     // the longest binding granted; 0 is ten minutes
	names     map[string]string // host: the name its certificate carries instead
}

// startKamailio starts Registrars of the site.
func startKamailio(t testing.TB, on *site, s settings) *registrar {
	t.Helper()
	dir := t.TempDir()
	if s.places == nil {
		s.places = places()
	}
	var listen, profiles strings.Builder
	listen.WriteString("#!KAMAILIO\n")
	profiles.WriteString("[server:default]\nmethod = TLSv1.2+\n")
	for i, p := range s.places {
		fmt.Fprintf(&listen, "listen=%s:%s:%d\n", p.transport, p.addr, p.port)
		if p.transport != "tls" {
			continue
		}
		name := p.host
		if other := s.names[p.host]; other != "" {
			name = other
		}
		cert, key := on.ca.issue(t, dir, name)
		if i == 0 {
			fmt.Fprintf(&profiles, "certificate = %s\nprivate_key = %s\n", cert, key)
		}
		fmt.Fprintf(&profiles, "[server:%s:%d]\nmethod = TLSv1.2+\ncertificate = %s\nprivate_key = %s\n", p.addr, p.port, cert, key)
	}
	write(t, dir, "tls.cfg", profiles.String())
	if s.algorithm == "" {
		s.algorithm = "MD5"
	}
	if s.expires == 0 {
		s.expires = 10 * time.Minute
	}
	config := strings.NewReplacer("DIR", dir, "DOMAIN", sipDomain, "PASSWORD", password, "ALGORITHM", s.algorithm,
		"EXPIRES", strconv.Itoa(int(s.expires.Seconds()))).Replace(read(t, "testdata/kamailio.cfg"))
	r := &registrar{dir: dir}
	r.process = start(t, on.registrar, "kamailio", "-DD", "-E", "-m", "16", "-M", "4", "-Y", dir,
		"-f", write(t, dir, "kamailio.cfg", listen.String()+config))
	eventually(t, "kamailio listens", func() error {
		if err := r.running(); err != nil {
			return err
		}
		last := s.places[len(s.places)-1]
		c, err := net.Dial("tcp", net.JoinHostPort(last.addr, strconv.Itoa(int(last.port))))
		if err == nil {
			c.Close()
		}
		return err
	})
	return r
}

// bindings returns the contacts that the Registrar knows for a user; the list is empty after unregistering.
func (r *registrar) bindings(t testing.TB) []string {
	t.Helper()
	var reply struct {
		Result struct {
			Domains []struct {
				Domain struct {
					AoRs []struct {
						Info struct {
							Contacts []struct {
								Contact struct{ Address string }
							}
						}
					}
				}
			}
		}
	}
	if err := json.Unmarshal(r.rpc(t, "ul.dump"), &reply); err != nil {
		t.Fatal(err)
	}
	var contacts []string
	for _, d := range reply.Result.Domains {
		for _, a := range d.Domain.AoRs {
			for _, c := range a.Info.Contacts {
				contacts = append(contacts, c.Contact.Address)
			}
		}
	}
	return contacts
}

// registers returns how many REGISTER requests have arrived.
func (r *registrar) registers(t testing.TB) int {
	t.Helper()
	return strings.Count(r.output(t), "request REGISTER ")
}

// rpc asks Kamailio over its JSON-RPC datagram socket.
func (r *registrar) rpc(t testing.TB, method string) []byte {
	t.Helper()
	own := &net.UnixAddr{Name: r.dir + "/own.sock", Net: "unixgram"}
	defer os.Remove(own.Name)
	c, err := net.DialUnix("unixgram", own, &net.UnixAddr{Name: r.dir + "/rpc.sock", Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(c, `{"jsonrpc":"2.0","id":1,"method":%q}`, method)
	buf := make([]byte, 65536)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatalf("kamailio %s: %v", method, err)
	}
	return buf[:n]
}
