package provisioning

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"homeward/internal/golden"
)

const faultTable = "../docs/faults.md"

// shown is where tests write down what comes of a fault: sites, and lists of what errors are.
var shown = []string{"check/testdata/*.txtar", "check/testdata/*.golden", "signin/testdata/*.golden", "discover/testdata/*.golden", "drill/testdata/*.golden",
	"enrol/testdata/*.golden", "agent/testdata/scenarios/*.txtar"}

// anID is an id of a fault in an expected report or list.
var anID = regexp.MustCompile(`[a-z][a-z-]*(?:\.[a-z0-9-]+)?`)

// longestCure is how many characters a tech takes in at once, without the facts. (Our choice.)
const longestCure = 200

// aFact is one in a template.
var aFact = regexp.MustCompile(`\{[^}]*\}|[\[\]]`)

// sites returns for each fault the first file of a test that shows it.
func sites(t *testing.T) map[string]string {
	t.Helper()
	byID := map[string]string{}
	for _, pattern := range shown {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				if strings.HasPrefix(line, "\t") { // what a tech reads
					continue
				}
				for _, id := range anID.FindAllString(line, -1) {
					if byID[id] == "" {
						byID[id] = file
					}
				}
			}
		}
	}
	return byID
}

// What is packed into the program is what is written in the catalogue.
func TestPacked(t *testing.T) {
	const file = "faults.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	comments := regexp.MustCompile(`(?m)^(#.*)?\n`)
	golden.Packed(t, file, comments.ReplaceAll(text, nil))
}

// Each fault that code may meet is in the catalogue, and each entry has a name for code to meet it by, but those that are found by a Reason
// or by an error id.
func TestFaultsHaveNames(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "faults.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	named := map[Fault]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Fault" {
			id, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if named[Fault(id)] = true; err != nil || !slices.Contains(Faults(), Fault(id)) {
				t.Errorf("%s: no fault %q in faults.txt", spec.Names[0], id)
			}
		}
		return true
	})
	for _, f := range Faults() {
		if general := Reason(f).General() == f && f.Reason() == Reason(f); !named[f] && !general && !strings.HasPrefix(string(f), diagnostics) {
			t.Errorf("%s has no name in faults.go", f)
		}
	}
}

// Each fault is declared well, and a test shows it: what no site and no error can come to has no place in the catalogue.
func TestFaults(t *testing.T) {
	sites, ids := sites(t), map[string]bool{}
	for _, id := range Faults() {
		f := id.entry()
		if ids[string(id)] {
			t.Errorf("%s is declared twice", id)
		}
		ids[string(id)] = true
		if f.what == "" && f.do == "" || strings.HasSuffix(f.what, ".") || strings.HasSuffix(f.do, ".") {
			t.Errorf("%s: what it says are sentences without a full stop: %q, %q", id, f.what, f.do)
		}
		for cure := range strings.SplitSeq(f.do, "|") {
			if n := len(aFact.ReplaceAllString(cure, "")); n > longestCure {
				t.Errorf("%s: a cure of %d characters is read twice: put a bar where the next one begins: %q", id, n, cure)
			}
			if strings.Count(cure, "[") != strings.Count(cure, "]") {
				t.Errorf("%s: a bar inside brackets: %q", id, f.do)
			}
		}
		if string(id) != string(f.reason) && sites[string(id)] == "" {
			t.Errorf("%s: no test shows it", id)
		}
	}
}

// TestMend139RootsAreCompared: whoever answers in place of a Registrar chooses what its certificates say, so no cure has a root trusted that has not
// come from who runs the site.
func TestMend139RootsAreCompared(t *testing.T) {
	advised := 0
	for _, id := range Faults() {
		for cure := range strings.SplitSeq(id.entry().do, "|") {
			if !strings.Contains(cure, "add its path to the setting roots") {
				continue
			}
			if advised++; !strings.Contains(cure, ", not over this network") && !strings.Contains(cure, "ask for that one in the same way") {
				t.Errorf("%s: %q", id, cure)
			}
		}
	}
	if advised == 0 {
		t.Error("no cure has a root trusted")
	}
}

// TestFaultTable keeps docs/faults.md what the program says.
func TestFaultTable(t *testing.T) {
	sites := sites(t)
	var b strings.Builder
	b.WriteString("# Faults\n\nEverything that `check`, `status` and `history` can say is wrong, and what to do about it, in the same words everywhere.\n" +
		"`{host}` stands for a fact of the case; text in brackets is left out if its facts are unknown. Of several cures the most likely\n" +
		"comes first; `status` and `history` give that one, `check` gives all. If only the reason is known, its\n" +
		"[meaning](reasons.md) is shown instead. A blank cell means: said as part of another sentence. In JSON the id is the field `fault`.\n" +
		"`make generate` writes this page.\n\n" +
		"| fault | reason | whose side | what a tech reads | what to do | shown by |\n|---|---|---|---|---|---|\n")
	cell := strings.NewReplacer("<", "&lt;", ">", "&gt;", "|", "<br>otherwise: ", "{cause}", "(the cause)", "{cause.seen}", "(what was seen)", "{cause.do}", "(what to do about the cause)", "{cause.first}", "(what to do about the cause)", "{-new}", "", "{-spare}", "", "{-sought}", "", "{-worked}", "", "{-hidden}", "", "{-answer}", "", "{-restart}", "", "{-until}", "", "{-in}", "")
	for _, id := range Faults() {
		f := id.entry()
		if string(id) == string(f.reason) {
			continue
		}
		reason := "none"
		switch {
		case f.reason != "":
			reason = "`" + string(f.reason) + "`"
		case strings.Contains(f.what+f.do, "{cause"), strings.Contains(string(id), ".second"), id == FaultVersionGone: // the words of those are their own
			reason = "that of the cause"
		}
		side := string(f.side)
		if side == "" {
			side = "it depends"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", id, reason, side, cell.Replace(strings.Replace(f.what, "|", ": ", 1)), cell.Replace(f.do), "provisioning/"+sites[string(id)])
	}
	golden.Compare(t, faultTable, []byte(b.String()))
}

func TestTrouble(t *testing.T) {
	cause := ConnectRefused.Met("raw words")
	for _, test := range []struct {
		trouble  Trouble
		what, do string
		reason   Reason
		side     Side
	}{
		{Trouble{}, "", "", "", ""},
		{cause, "the connection is refused: nothing listens on this port, or a firewall rejects it: raw words", cause.Do(), ConnectRefused, ""},
		{FaultExpired.Met(Facts{"at": "fe01:5061", "ends": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "now": time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), "clock": "the clock of this device", "single": true}),
			"the certificate of fe01:5061 expired on 2026-01-02 03:04 UTC (it is 2026-02-03 04:05 UTC here)", "check the clock of this device first; if it is right, renew the certificate of the Registrar", TLSExpired, ""},
		{FaultWrongName.Met(Facts{"at": "a:1", "host": "a", "names": []string{"b", "c"}}), "the certificate of a:1 is not for a, but for b, c", "choose the certificate that contains a on the server, or issue one", TLSName, SideRegistrar},
		{FaultNotUsed.Because(cause, Facts{"source": "DHCP", "host": "a"}).On(SideDHCP), "DHCP leads to a, which is not used: " + cause.What(), cause.Do(), ConnectRefused, SideDHCP},
		{FaultOnlyLastGood.Because(cause, Facts{"host": "a", "discovers": true}).Also(FaultInstead, Facts{"instead": "b"}),
			"the device signs in to a, the last Registrar that worked, because nothing else leads to one: " + cause.What() + "; the device signs in to b instead", cause.Do(), ConnectRefused, ""},
		{FaultAddressNotProven.Met(Facts{"host": "a", "names": "b"}), "the server is configured by its address a, which its certificate does not prove: it is for b", "configure the name of the server instead of its address", TLSName, SideDevice},
		{FaultAddressNotProven.Met(Facts{"host": "a", "names": "b", "useful": "b"}), "the server is configured by its address a, which its certificate does not prove: it is for b", "configure the name of the server (b) instead of its address", TLSName, SideDevice},
	} {
		if got := test.trouble; got.What() != test.what || got.Do() != test.do || got.Reason() != test.reason || got.OnSide() != test.side {
			t.Errorf("got  %q, %q, %q, %q\nwant %q, %q, %q, %q", got.What(), got.Do(), got.Reason(), got.OnSide(), test.what, test.do, test.reason, test.side)
		}
	}
}

// When there is nothing to do, a hint says so first; who is to do something reads what.
func TestHintAndDo(t *testing.T) {
	if hint, do := DNSNoRecord.Hint(), DNSNoRecord.Met("").Do(); !strings.HasPrefix(hint, "nothing to do if another record leads to a Registrar; otherwise ") || !strings.HasSuffix(hint, do) {
		t.Errorf("%q, %q", hint, do)
	}
	unasked := FaultDHCPUnasked.Because(DHCPNoOption.Met(""), nil)
	if unasked.Hint() != DHCPNoOption.Hint() || unasked.Do() == unasked.Hint() {
		t.Errorf("%q, %q", unasked.Hint(), unasked.Do())
	}
}

// Every Side has a sentence, and every Fault a Side that has one, or none.
func TestSides(t *testing.T) {
	for _, id := range Faults() {
		f := id.entry()
		if f.side != "" && f.side.Sentence() == "" {
			t.Errorf("%s: no sentence for side %q", id, f.side)
		}
	}
	if Side("").Sentence() != "" {
		t.Error("no side has a sentence")
	}
}

// TestMend256CuresOfThisDevice: the cable is a cure where a carrier is missing or lost, or packets are, or nothing is known; who is told to stop a DHCP
// server is told to renew the lease, too.
func TestMend256CuresOfThisDevice(t *testing.T) {
	cable := []Fault{
		FaultNothingHasAddress, FaultNoCarrier, FaultLinkLost, FaultWayNoCarrier, // no carrier
		FaultNotAsGiven, FaultOtherGateway, FaultOtherServers, FaultDHCPDisagree, FaultDHCPStranger, FaultDHCPForeign, FaultDHCPDisagreeDead, Fault(DHCPConflict), // to renew the lease
	}
	for _, id := range Faults() {
		general := Reason(id).General() == id && id.Reason() == Reason(id) // nothing is known there
		for cure := range strings.SplitSeq(id.entry().do, "|") {
			if strings.Contains(cure, "cable") && !strings.Contains(cure, "bad cable") && !general && !slices.Contains(cable, id) {
				t.Errorf("%s: a link that is up has a cable: %q", id, cure)
			}
		}
	}
	for _, id := range []Fault{FaultOtherGateway, FaultOtherServers, FaultDHCPDisagree, FaultDHCPStranger, FaultDHCPForeign, FaultDHCPDisagreeDead, Fault(DHCPConflict)} {
		if !strings.Contains(id.entry().do, "the lease of this device (unplug its cable and plug it in again)") {
			t.Errorf("%s: the lease lives on: %q", id, id.entry().do)
		}
	}
	for _, id := range []Fault{FaultNoGateway, FaultDNSNoGateway} {
		if do := id.entry().do; !strings.Contains(do, "802.1X") || strings.Contains(do, "cable") {
			t.Errorf("%s: the port of the switch: %q", id, id.entry().do)
		}
	}
}

// TestMend258StopAndName: who stops the only DHCP server that names a Registrar has to name one elsewhere, and is told so in the same breath.
func TestMend258StopAndName(t *testing.T) {
	own := []netip.Addr{netip.MustParseAddr("10.0.0.67")}
	met := FaultDHCPForeign.Met(Facts{"foreign": []netip.Addr{netip.MustParseAddr("10.0.0.68")}, "own": own, "domain": "contoso.com"})
	const do = "find 10.0.0.68 and stop it, create the SRV record _sipinternaltls._tcp.contoso.com (port 5061 of the pool) or set option 120 on 10.0.0.67, then renew the lease of this device"
	if hint := met.Hint(); !strings.HasPrefix(hint, do) || strings.Contains(hint, "(not known)") {
		t.Errorf("%q", hint)
	}
}
