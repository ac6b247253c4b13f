package check

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/tools/txtar"

	"homeward/cache"
	"homeward/provisioning"
	"homeward/provisioning/agent"
)

// TestMend295StatusSaysWhatCheckSays: where nothing leads to a Registrar, or only last good, the daemon says why in the words of a check, and what to
// do about it. A check says more of a zone that cannot be looked up, and of who gives a name server: what both say stands here then.
func TestMend295StatusSaysWhatCheckSays(t *testing.T) {
	for name, common := range map[string]string{
		"fault-discovery.nothing":            "",
		"nothing-communicator":               "",
		"mend-64-record-gone":                "",
		"mend-295-record-gone":               "",
		"mend-296-not-offered":               "",
		"mend-297-asked-of-dns":              "; DHCP option 120 names pool01.contoso.com, whose address is asked of the same DNS",
		"mend-276-foreign-resolver-nxdomain": "his device was registered at 2000-01-01 00:00 UTC with other name servers (10.0.0.53:53) than it asks now (203.0.113.53:53)",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				report, s := bothAt(t, name)
				says := common
				if says == "" && s.What != "" {
					says = s.What[1:]
				}
				if says == "" || !strings.Contains(s.What, says) || !strings.Contains(report.Summary[0], says) {
					t.Errorf("status says\n\t%s\nand a check\n\t%s", s.What, report.Summary[0])
				}
				cures := slices.Concat(report.Summary[1:], report.Otherwise)
				first, _, _ := strings.Cut(strings.TrimPrefix(s.Hint, "nothing to do "), "; otherwise ")
				if common == "" && !slices.ContainsFunc(cures, func(cure string) bool { return first != "" && strings.Contains(cure, first[1:]) }) {
					t.Errorf("status advises\n\t%s\nand a check\n\t%s", s.Hint, cures)
				}
			})
		})
	}
}

// TestMend308StatusAdvisesWhatCheckDoes: where a name that DNS lacks is known besides, the daemon advises first what a check does.
func TestMend308StatusAdvisesWhatCheckDoes(t *testing.T) {
	for _, name := range []string{"named-twice", "last-good-serves", "alias"} {
		synctest.Test(t, func(t *testing.T) {
			report, s := bothAt(t, "mend-308-"+name)
			first, _, _ := strings.Cut(s.Hint, "; otherwise ")
			if cure := report.Summary[len(report.Summary)-1]; sentence(first) != cure {
				t.Errorf("%s: status advises\n\t%s\nand a check\n\t%s", name, first, cure)
			}
			for _, attempt := range s.Cycle.Attempts {
				if hint := attempt.Hint; strings.HasPrefix(hint, "if the name is misspelt") {
					t.Errorf("%s: %s", name, hint)
				}
			}
		})
	}
}

// bothAt is what a check says at a site, and then the daemon.
func bothAt(t *testing.T, name string) (Report, provisioning.Status) {
	archive, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	site, o := deviceAt(t, archive, name)
	defer site.Close()
	report := Run(t.Context(), o)
	a := agent.New(o.Policy, o.Wire, cache.InMemory(o.Record), func(*provisioning.Event) {})
	stop := runs(t, a)
	time.Sleep(29 * time.Second) // of the site
	s := a.Status()
	stop()
	return report, s
}
