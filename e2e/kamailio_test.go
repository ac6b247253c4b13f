//go:build linux

package e2e

import (
	"bytes"
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

	maxContacts     int  // that the user may have; 0 is no limit
	replaces        bool // a new contact takes the place of all others
	forbids         bool // answers 403 to a wrong password
	methodFiltering bool // calls go to contacts only whose methods have INVITE
}

// startKamailio starts Registrars of the site.
func startKamailio(t testing.TB, on *site, s settings) *registrar {
	t.Helper()
	program(t, "/usr/lib/*/kamailio/modules/tls.so")
	dir := t.TempDir()
	if s.places == nil {
		s.places = places()
	}
	var listen, profiles strings.Builder
	listen.WriteString("#!KAMAILIO\n")
	if s.forbids {
		listen.WriteString("#!define FORBIDS\n")
	}
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
	saves := map[bool]string{false: "0x00", true: "0x04"}[s.replaces]
	filtering := map[bool]string{false: "0", true: "1"}[s.methodFiltering]
	config := strings.NewReplacer("DIR", dir, "MAX_CONTACTS", strconv.Itoa(s.maxContacts), "METHOD_FILTERING", filtering, "SAVE_FLAGS", saves, "DOMAIN", sipDomain, "PASSWORD", password, "OPEN", at("dhcp-tcp").addr, "ALGORITHM", s.algorithm,
		"EXPIRES", strconv.Itoa(int(s.expires.Seconds()))).Replace(read(t, "testdata/kamailio.cfg"))
	r := &registrar{dir: dir}
	r.process = start(t, on.registrar, "kamailio", "-DD", "-E", "-m", "64", "-M", "4", "-Y", dir,
		"-f", write(t, dir, "kamailio.cfg", listen.String()+config))
	listens(t, r.process, s.places[len(s.places)-1])
	return r
}

// contact is a binding of the user.
type contact struct {
	Address string
	Agent   string `json:"User-Agent"`
}

// bindings returns the contacts that the Registrar knows for a user; the list is empty after unregistering.
func (r *registrar) bindings(t testing.TB) []string {
	t.Helper()
	var addresses []string
	for _, c := range r.contacts(t) {
		addresses = append(addresses, c.Address)
	}
	return addresses
}

func (r *registrar) contacts(t testing.TB) []contact {
	t.Helper()
	var reply struct {
		Result struct {
			Domains []struct {
				Domain struct {
					AoRs []struct {
						Info struct {
							Contacts []struct{ Contact contact }
						}
					}
				}
			}
		}
	}
	if err := json.Unmarshal(r.rpc(t, "ul.dump"), &reply); err != nil {
		t.Fatal(err)
	}
	var contacts []contact
	for _, d := range reply.Result.Domains {
		for _, a := range d.Domain.AoRs {
			for _, c := range a.Info.Contacts {
				contacts = append(contacts, c.Contact)
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

// said is an answer to REGISTER, such as "404 Not Found". Without a status its headers go with the usual answer.
type said struct {
	status  string
	headers []string
}

// says makes the Registrar at the address of p answer so until the test ends: first to a REGISTER without credentials,
// then to one that asks for an NTLM challenge, then to one with a proof. The last answer is repeated.
func (r *registrar) says(t testing.TB, p place, answers ...said) {
	t.Helper()
	set := func(table, key, value string) {
		if reply := r.rpc(t, "htable.sets", table, key, value); bytes.Contains(reply, []byte(`"error"`)) {
			t.Fatalf("kamailio htable.sets %s %s: %s", table, key, reply)
		}
		t.Cleanup(func() { r.rpc(t, "htable.delete", table, key) })
	}
	for round := 1; round <= 3; round++ {
		a := answers[min(round, len(answers))-1]
		key := fmt.Sprintf("%s/%d", p.addr, round)
		if code, text, ok := strings.Cut(a.status, " "); ok {
			set("code", key, code)
			set("text", key, text)
		}
		if len(a.headers) > 0 {
			set("headers", key, strings.Join(a.headers, "\r\n")+"\r\n")
		}
	}
}

// rpc asks Kamailio over its JSON-RPC datagram socket.
func (r *registrar) rpc(t testing.TB, method string, params ...string) []byte {
	t.Helper()
	request, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": append([]string{}, params...)})
	if err != nil {
		t.Fatal(err)
	}
	own := &net.UnixAddr{Name: r.dir + "/own.sock", Net: "unixgram"}
	defer os.Remove(own.Name)
	c, err := net.DialUnix("unixgram", own, &net.UnixAddr{Name: r.dir + "/rpc.sock", Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write(request); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 65536)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatalf("kamailio %s: %v", method, err)
	}
	return buf[:n]
}
