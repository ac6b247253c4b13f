package sitetest

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func readPage(t *testing.T) []byte {
	t.Helper()
	page, err := os.ReadFile("../../docs/simulated-site.md")
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func keys[V any](tables ...map[string]V) (all []string) {
	for _, m := range tables {
		all = slices.AppendSeq(all, maps.Keys(m))
	}
	return all
}

// The page lists what the parser knows, and nothing else.
func TestPageListsEveryWord(t *testing.T) {
	page := readPage(t)
	for below, known := range map[string][]string{
		"Sections":                   sectionNames,
		"Lines of zone":              keys(zoneLines),
		"Behaviours of name servers": faultWords,
		"Lines of dhcp":              append(append(keys(dhcpForms), dhcpWords...), "lease"),
		"Options of DHCP":            keys(dhcpOptions),
		"Options of DHCPv6":          keys(dhcp6Options),
		"Options of a lease":         keys(leaseOptions),
		"Behaviours of a Registrar":  keys(behaviours),
		"Options of a Registrar":     keys(mannerOptions),
		"Faults of web services":     webSpoils,
		"Kinds of certificates":      append(slices.Clone(certKinds), "san"),
		"Certificates of a device":   keys(deviceCertificateOptions),
		"Words of a relay":           append(keys(relayManners), relayWords...),
		"Options of a relay":         keys(relayOptions),
		"Options of MRAS":            keys(mrasOptions),
		"Changes":                    keys(verbs),
		"Events of deregister":       deregistrations,
		"What a site sees":           Kinds,
	} {
		got := Listed(page, below)
		slices.Sort(got)
		known = slices.Sorted(slices.Values(known))
		if diff := cmp.Diff(known, got); diff != "" || len(known) == 0 {
			t.Errorf("%s (-parser +page):\n%s", below, diff)
		}
	}
}

// Every example of the page is a site that runs, in both worlds.
func TestPageExamplesRun(t *testing.T) {
	page := readPage(t)
	theirs := append(Listed(page, "Sections of a scenario"), Listed(page, "Sections of a report")...)
	examples := Examples(page)
	if len(examples) < 4 {
		t.Fatalf("%d examples", len(examples))
	}
	for i, text := range examples {
		s, err := Parse(fmt.Sprintf("example %d", i+1), []byte(text), theirs...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Start(); err != nil {
			t.Error(err)
		}
		s.Close()
		if testing.Short() {
			continue // sockets
		}
		if s, err = Parse("", []byte(text), theirs...); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Listen(); err != nil {
			t.Error(err)
		}
		s.Close()
	}
}
