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

// registrar is one Kamailio that stands for all Registrars of the site: it listens at every place of the device
// order, and shows at each the certificate of that place's host.
type registrar struct {
	*process
	host *host
	root string // the root certificate to trust, PEM file
	dir  string
}

// settings of a registrar; the zero value is usual.
type settings struct {
	algorithm string            // of the Digest challenge; "" is MD5
	expires   time.Duration     // the longest binding granted; 0 is ten minutes
	wrongName map[string]string // address: the name its certificate shall carry instead
}

// startKamailio starts the Registrars of the site.
func startKamailio(t *testing.T, h *host, s settings) *registrar {
	t.Helper()
	dir := t.TempDir()
	ca := newAuthority(t, dir)
	var listen, profiles strings.Builder
	listen.WriteString("#!KAMAILIO\n")
	profiles.WriteString("[server:default]\nmethod = TLSv1.2+\n")
	for i, p := range places() {
		fmt.Fprintf(&listen, "listen=%s:%s:%d\n", p.transport, p.addr, p.port)
		if p.transport != "tls" {
			continue
		}
		name := p.host
		if wrong := s.wrongName[p.addr]; wrong != "" {
			name = wrong
		}
		cert, key := ca.issue(t, dir, name)
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
	r := &registrar{host: h, root: ca.file, dir: dir}
	r.process = start(t, h, "kamailio", "-DD", "-E", "-m", "16", "-M", "4", "-Y", dir,
		"-f", write(t, dir, "kamailio.cfg", listen.String()+config))
	eventually(t, "kamailio listens", func() error {
		if err := r.running(); err != nil {
			return err
		}
		c, err := net.Dial("tcp", net.JoinHostPort(second.addr, "5061"))
		if err == nil {
			c.Close()
		}
		return err
	})
	return r
}

// bindings returns the contacts that the Registrar knows for a user; the list is empty after unregistering.
func (r *registrar) bindings(t *testing.T) []string {
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

// rpc asks Kamailio over its JSON-RPC datagram socket.
func (r *registrar) rpc(t *testing.T, method string) []byte {
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
