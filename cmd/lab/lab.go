package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"homeward/internal/sitetest"
)

// lab is a site that runs, and the directory with what a device needs to use it: ca.pem, password,
// homeward.toml.
type lab struct {
	*sitetest.Site
	device
	dir     string
	servers []netip.AddrPort // the name servers
	dhcp    error            // nil: DHCP is answered on lo; else why not
}

// device is what the Registrars of a site file expect of a device. The site itself does not say.
type device struct {
	domain, user, password string
	registrars             []netip.AddrPort // by the file
}

// scenarioSections are what scenarios, and the sites of check, have besides their site.
var scenarioSections = []string{"homeward.toml", "password", "certificate", "device", "cache", "script", "timeline", "seen", "record", "identity", "trust", "report", "tree", "connected"}

// open starts a site on loopback and furnishes dir. settings are further lines of homeward.toml.
func open(dir, name string, text []byte, settings ...string) (*lab, error) {
	site, err := sitetest.Parse(name, text, scenarioSections...)
	if err != nil {
		return nil, err
	}
	live, err := site.Listen()
	if err != nil {
		return nil, err
	}
	l := &lab{Site: site, device: readDevice(string(text)), dir: dir, dhcp: live.DHCP}
	l.servers, err = live.Resolvers()
	if err == nil {
		err = l.furnish(settings)
	}
	if err != nil {
		site.Close()
		return nil, err
	}
	return l, nil
}

// readDevice takes the first account it finds.
func readDevice(text string) device {
	d := device{domain: "contoso.com", user: "phone1"}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		if words[0] == "domain" {
			d.domain = strings.TrimSuffix(words[1], ".")
		}
		addr, err := netip.ParseAddrPort(words[0])
		if err != nil || words[1] != "tls" && words[1] != "tcp" {
			continue
		}
		d.registrars = append(d.registrars, addr)
		for _, w := range words[2:] {
			key, value, _ := strings.Cut(w, "=")
			switch {
			case key == "user" && d.password == "":
				d.user = value
			case key == "password" && d.password == "":
				d.password = value
			}
		}
	}
	return d
}

// sipAddress is the address-of-record; a login name may have a domain of its own, CONTOSO\phone1 or a UPN.
func (d device) sipAddress() string {
	user := d.user[strings.LastIndex(d.user, `\`)+1:]
	user, _, _ = strings.Cut(user, "@")
	return "sip:" + user + "@" + d.domain
}

func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

func (l *lab) furnish(settings []string) error {
	servers := make([]string, len(l.servers))
	for i, s := range l.servers {
		servers[i] = fmt.Sprintf("%q", s)
	}
	lines := append([]string{
		fmt.Sprintf("sip_address = %q", l.sipAddress()),
		fmt.Sprintf("user = %q", l.user),
		fmt.Sprintf("roots = [%q]", l.path("ca.pem")),
		fmt.Sprintf("dns_servers = [%s]", strings.Join(servers, ", ")),
		fmt.Sprintf("state_dir = %q", l.path("state")),
		fmt.Sprintf("runtime_dir = %q", l.path("run")),
	}, settings...)
	if l.password != "" {
		lines = append(lines, fmt.Sprintf("password_file = %q", l.path("password")))
	}
	if l.dhcp == nil {
		lines = append(lines, `interface = "lo"`)
	} else {
		lines = append(lines, `dhcp = "off"`) // a real network must not be asked
	}
	for name, text := range map[string]string{
		"ca.pem": string(l.Roots()), "password": l.password, "homeward.toml": strings.Join(lines, "\n") + "\n",
	} {
		if err := os.WriteFile(l.path(name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// errUsage is a command line that cannot be understood.
var errUsage = errors.New("usage")

// inDirectory calls do with a directory that is gone afterwards.
func inDirectory(do func(dir string) error) error {
	dir, err := os.MkdirTemp("", "homeward-lab-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return do(dir)
}
