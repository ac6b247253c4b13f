package agent

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"homeward/cache"
	"homeward/internal/boot"
	"homeward/internal/config"
	"homeward/internal/sitetest"
	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// What a scenario has besides its site. docs/simulated-site.md describes it, by these tables.

// scenarioSections are those that do not belong to the site.
var scenarioSections = []string{"homeward.toml", "password", "certificate", "device", "cache", "script", "timeline", "seen", "record", "identity", "trust"}

// deviceLines are what the device has besides its configuration.
var deviceLines = map[string]func(s *scenario, words []string) error{
	"workstation": func(s *scenario, words []string) error {
		s.policy.Workstation = strings.Join(words, " ")
		return nil
	},
	"roots": func(s *scenario, words []string) error {
		if s.rootless = true; len(words) == 1 && words[0] != "none" {
			s.rootAt = words[0]
		}
		return nil
	},
	"phone": func(s *scenario, words []string) error {
		if len(words) != 2 {
			return errors.New("want phone NUMBER PIN")
		}
		s.policy.Phone, s.policy.PIN = words[0], provisioning.Secret(words[1])
		return nil
	},
	"pin": func(s *scenario, words []string) error {
		s.pins = words
		return nil
	},
	"identity": func(s *scenario, words []string) error {
		word := strings.Join(words, " ")
		if s.identity = identities[word]; s.identity == nil {
			return sitetest.Unknown("identity", word, slices.Collect(maps.Keys(identities)))
		}
		return nil
	},
}

// step is something that a script does.
type step func(s *scenario, t *testing.T)

// verbs are the lines of a script. Each of run and until is one life of the agent, ended as the service manager ends it.
var verbs = map[string]func(s *scenario, words []string) (step, error){
	"run":    verbRun,
	"until":  verbUntil,
	"cut":    verbCut,
	"kill":   verbKill,
	"reboot": func(*scenario, []string) (step, error) { return reboot, nil },
	"report": verbReport,
	"apply":  verbApply,
	"see":    verbSee,
	"vague":  func(s *scenario, _ []string) (step, error) { s.inexact = true; return nil, nil },
}

func verbRun(_ *scenario, words []string) (step, error) {
	if len(words) != 1 {
		return nil, errors.New("want run DURATION")
	}
	limit, err := time.ParseDuration(words[0])
	return func(s *scenario, t *testing.T) { s.live(t, limit, "") }, err
}

// verbReport has the phone say in each life that its own registration has failed.
func verbReport(s *scenario, words []string) (step, error) {
	if len(words) != 1 {
		return nil, errors.New("want report DURATION")
	}
	after, err := time.ParseDuration(words[0])
	s.reports = append(s.reports, after)
	return nil, err
}

// longest is how long until waits.
const longest = 2 * time.Hour

func verbUntil(_ *scenario, words []string) (step, error) {
	if len(words) == 0 {
		return nil, errors.New("want until EVENT")
	}
	return func(s *scenario, t *testing.T) { s.live(t, longest, strings.Join(words, " ")) }, nil
}

// verbCut is a life that ends with the power, which returns at once.
func verbCut(s *scenario, words []string) (step, error) {
	kill, err := verbKill(s, words)
	return func(s *scenario, t *testing.T) { kill(s, t); reboot(s, t) }, err
}

// verbKill is a life that ends with the process alone.
func verbKill(s *scenario, words []string) (step, error) {
	run, err := verbRun(s, words)
	return func(s *scenario, t *testing.T) { s.unclean = true; run(s, t); s.unclean = false }, err
}

func reboot(s *scenario, _ *testing.T) { s.machine.ID += "'" }

func verbApply(s *scenario, words []string) (step, error) {
	return func(s *scenario, t *testing.T) {
		if err := s.site.Apply(strings.Join(words, " ")); err != nil {
			t.Fatal(err)
		}
		select {
		case <-s.wire.Changes: // the next run begins with how things are
		default:
		}
	}, s.site.Rehearse(words)
}

func verbSee(s *scenario, words []string) (step, error) {
	for _, kind := range words {
		if kind != strings.ToUpper(kind) && !slices.Contains(sitetest.Kinds, kind) {
			return nil, sitetest.Unknown("kind", kind, sitetest.Kinds)
		}
	}
	s.see = words
	return nil, nil
}

// recordLines are the lines of the section cache.
var recordLines = map[string]func(r *remembered, words []string) error{
	"registrar": func(r *remembered, words []string) (err error) {
		r.record.Registrar, err = parseRegistrar(words)
		return err
	},
	"home": func(r *remembered, words []string) error {
		e, err := parseRegistrar(words)
		if len(r.record.Home) < len(signin.Roles) {
			e.Role = signin.Roles[len(r.record.Home)]
		}
		r.record.Home = append(r.record.Home, e)
		return err
	},
	"told":    func(r *remembered, _ []string) error { r.record.Told = true; return nil },
	"floor":   func(r *remembered, _ []string) error { r.record.TLSFloor = true; return nil },
	"damaged": func(r *remembered, _ []string) error { r.damaged = true; return nil },
	"address": func(r *remembered, words []string) error {
		r.record.SIPAddress = strings.Join(words, " ")
		return nil
	},
	"registered": func(r *remembered, words []string) error {
		later, err := time.ParseDuration(strings.TrimPrefix(strings.Join(words, " "), "+"))
		r.record.RegisteredAt = time.Now().Add(later)
		return err
	},
}

// remembered is last good before the start.
type remembered struct {
	record  cache.Record
	damaged bool // of the two copies, the database
}

func parseRegistrar(words []string) (cache.Registrar, error) {
	if len(words) < 3 || len(words) > 4 {
		return cache.Registrar{}, errors.New("want HOST:PORT tls|tcp ADDRESS,… [STEP]")
	}
	host, port, _ := strings.Cut(words[0], ":")
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return cache.Registrar{}, err
	}
	e := cache.Registrar{Host: host, Port: uint16(number), Transport: words[1], Step: "internal-tls", Via: "SRV"}
	for text := range strings.SplitSeq(words[2], ",") {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return e, err
		}
		e.Addresses = append(e.Addresses, addr)
	}
	e.Address = e.Addresses[0]
	if len(words) > 3 {
		e.Step = words[3]
	}
	return e, nil
}

// line reads a line by its first word.
func line[T any](to T, words []string, kind string, known map[string]func(T, []string) error) error {
	read := known[words[0]]
	if read == nil {
		return sitetest.Unknown(kind, words[0], slices.Collect(maps.Keys(known)))
	}
	return read(to, words[1:])
}

func parseScenario(t *testing.T, archive *txtar.Archive, file, dir string) *scenario {
	t.Helper()
	site, err := sitetest.Parse(filepath.Base(file), txtar.Format(archive), scenarioSections...)
	if err != nil {
		t.Fatal(err)
	}
	s := &scenario{machine: boot.Machine{ID: "boot", Up: time.Minute}, site: site, file: filepath.Base(file), dir: dir, began: time.Now()}
	err = site.Section("script", func(words []string) error {
		verb := verbs[words[0]]
		if verb == nil {
			return sitetest.Unknown("verb", words[0], slices.Collect(maps.Keys(verbs)))
		}
		step, err := verb(s, words[1:])
		if step != nil {
			s.script = append(s.script, step)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.script) == 0 {
		s.script = []step{func(s *scenario, t *testing.T) { s.live(t, 10*time.Second, "") }}
	}
	return s
}

// prepare makes the device, once the site stands.
func (s *scenario) prepare(t *testing.T, archive *txtar.Archive) {
	t.Helper()
	s.settings(t, archive)
	s.policy.Roots = x509.NewCertPool()
	if !s.rootless {
		s.policy.Roots.AppendCertsFromPEM(s.site.Roots())
	}
	if s.rootAt != "" {
		s.policy.Roots.AddCert(s.shownAt(t, s.rootAt))
	}
	s.trust(t)
	if s.identity != nil {
		s.identity(t, s)
	}
	err := s.site.Section("certificate", func(words []string) error {
		certificate, err := s.site.Certificate(words)
		s.policy.Identity = func() (*tls.Certificate, error) { return certificate, nil }
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(archive.Files, func(f txtar.File) bool { return f.Name == "cache" }) {
		return
	}
	r := &remembered{record: cache.Record{SIPAddress: s.policy.SIPAddress.String(), RegisteredAt: time.Now()}}
	if err := s.site.Section("cache", func(words []string) error { return line(r, words, "line", recordLines) }); err != nil {
		t.Fatal(err)
	}
	store := cache.Open(s.dir)
	if _, err := store.Commit(r.record); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if r.damaged {
		if err := os.WriteFile(filepath.Join(s.dir, "homeward.db"), make([]byte, 32<<10), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// settings reads the configuration of the device, and what it has besides.
func (s *scenario) settings(t *testing.T, archive *txtar.Archive) {
	t.Helper()
	document := s.site.Document("homeward.toml")
	if !strings.Contains(string(document), "sip_address") {
		document = append(document, "sip_address = \"sip:phone1@contoso.com\"\n"...)
	}
	read, err := config.Parse("homeward.toml", document)
	if err != nil {
		t.Fatal(err)
	}
	conf, err := read.Check(config.AllBut("password_file")...)
	if err != nil {
		t.Fatal(err)
	}
	for _, section := range archive.Files {
		if section.Name == "password" {
			conf.Policy.Password = provisioning.Secret(strings.TrimSuffix(string(section.Data), "\n"))
		}
	}
	conf.Policy.Version = "test"
	s.policy = conf.Policy
	if err := s.site.Section("device", func(words []string) error { return line(s, words, "line", deviceLines) }); err != nil {
		t.Fatal(err)
	}
}
