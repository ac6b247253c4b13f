package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "homeward"

// wall is a row of the import table: what a package may import of ours, and which modules of others.
type wall struct {
	pkg           string // below the module, as all names here
	ours, modules string // separated by blanks
	why           string // what it is for: "it …"
}

// walls is the import table of ARCHITECTURE.md. Arrows point down, and each module is met by one package.
var walls = []wall{
	{
		"cmd/agent",
		"internal/anchor internal/boot internal/config internal/fleet internal/identity internal/nearest internal/packed internal/safefile service service/control service/manager provisioning provisioning/wire provisioning/discover provisioning/signin provisioning/agent provisioning/check provisioning/drill cache dhcpopts packaging",
		"github.com/spf13/cobra github.com/spf13/pflag golang.org/x/term",
		"reads the command line, and puts everything else together",
	},
	{"cmd/fleet", "provisioning internal/fleet", "", "shows an operator what devices publish; it is on no device (provisioning: the words of reasons)"},
	{"cmd/lab", "provisioning internal/sitetest internal/storm cmd/lab/years", "golang.org/x/sys", "runs a simulated site, for the demo and for people who write phone software"},
	{
		"cmd/lab/years", "internal/sitetest internal/boot internal/identity internal/fleet cache provisioning provisioning/wire provisioning/agent service", "",
		"lives years of devices in simulated time; puts the agent together as cmd/agent does",
	},
	{
		"service", "service/control provisioning internal/fleet internal/safefile",
		"github.com/coreos/go-systemd/v22 golang.org/x/sys",
		"reads events, and tells systemd; the store belongs to the agent (x/sys: netlink and clocks)",
	},
	{"service/control", "provisioning internal/safefile", "", "carries what the agent says; decides nothing"},
	{
		"service/manager", "internal/safefile packaging", "github.com/kardianos/service golang.org/x/sys",
		"meets the system's service manager, and knows nothing of the agent (x/sys: access lists of Windows)",
	},
	{"provisioning", "cache internal/packed internal/place internal/secret", "", "has the words and the pure decisions: no I/O"},
	{"provisioning/wire", "dhcpopts internal/srv", "golang.org/x/sys", "is the one seam (x/sys: one socket option)"},
	{"provisioning/discover", "provisioning provisioning/wire dhcpopts internal/place internal/srv internal/plain", "", "asks DNS and DHCP; signs in nowhere"},
	{
		"provisioning/signin", "provisioning provisioning/wire cache internal/certprov internal/place internal/sip internal/storm internal/trust internal/plain", "",
		"signs in; asks neither DNS nor DHCP, and owns no state of the device (cache: its record is a value)",
	},
	{
		"provisioning/enrol", "provisioning provisioning/signin internal/certprov internal/identity internal/sip internal/plain", "",
		"gets a certificate once, when it is told to; knows no agent",
	},
	{
		"provisioning/agent", "provisioning provisioning/wire provisioning/discover provisioning/signin provisioning/enrol cache internal/boot internal/sip internal/identity internal/storm", "",
		"owns the state; never checks",
	},
	{
		"provisioning/drill", "provisioning provisioning/wire provisioning/discover provisioning/signin provisioning/agent cache dhcpopts", "",
		"runs an agent over a wire on which something is dead",
	},
	{
		"provisioning/check", "provisioning provisioning/wire provisioning/discover provisioning/signin cache dhcpopts internal/autodiscover internal/certprov internal/nearest internal/sip internal/trust internal/plain", "",
		"judges what a device sees, by the kinds of what failed; looks through discover and signin, and knows no agent",
	},
	{
		"internal/config", "provisioning internal/anchor internal/nearest internal/place internal/safefile internal/sip internal/fleet internal/plain", "github.com/pelletier/go-toml/v2",
		"reads settings, and knows neither a command line nor what is done with them (sip: the grammar of User-Agent; fleet: that of topics)",
	},
	{"internal/srv", "internal/safefile internal/place internal/kinds internal/plain", "github.com/miekg/dns", "a leaf: DNS"},
	{"internal/sip", "internal/dsk internal/ntlm internal/secret internal/place internal/kinds internal/plain", "github.com/emiago/sipgo github.com/icholy/digest", "a leaf: SIP"},
	{"internal/dsk", "internal/kinds internal/plain", "", "a leaf: TLS-DSK, the handshake of a sign-in with a certificate"},
	{"internal/ntlm", "", "golang.org/x/crypto", "a leaf: NTLM, whose MD4 the standard library does not have"},
	{"internal/fleet", "", "github.com/eclipse/paho.golang", "a leaf: MQTT"},
	{"internal/brokertest", "e2e/needs", "", "a test prop: a real broker, and who signs certificates for it"},
	{"internal/trust", "internal/place internal/kinds internal/plain", "", "a leaf: certificates"},
	{"internal/certprov", "internal/ntlm internal/place internal/kinds internal/plain", "", "a leaf: the web services that give out certificates"},
	{"internal/anchor", "internal/safefile", "", "a leaf: the authorities that were accepted on this device"},
	{"internal/identity", "internal/kinds internal/safefile", "", "a leaf: the key and the certificate of the device"},
	{"internal/autodiscover", "internal/place internal/plain", "", "a leaf: the root document of Autodiscover, for people alone: the daemon knows nothing of it"},
	{"internal/place", "", "", "below all: values that say where a Registrar may be"},
	{"internal/golden", "internal/packed", "github.com/google/go-cmp", "below all: expected output of tests"},
	{"internal/kinds", "", "", "below all: lists the kinds of an enumeration"},
	{"internal/nearest", "", "", "below all: finds the word that was probably meant"},
	{"internal/packed", "", "", "below all: unpacks what the program carries packed"},
	{"internal/plain", "", "", "below all: the words of the standard library's errors"},
	{"internal/boot", "internal/safefile", "", "a leaf: how the run before has ended, and what the next one has to know"},
	{"internal/storm", "", "", "below all: the rules by which devices do not come all at once"},
	{"internal/secret", "", "", "below all: the type that holds a password"},
	{
		"internal/sitetest", "dhcpopts internal/nearest", "github.com/miekg/dns github.com/insomniacslk/dhcp",
		"a test prop: simulates the servers, and must not know the client it is to judge",
	},
	{"cache", "internal/safefile internal/place", "go.etcd.io/bbolt", "a leaf: the store"},
	{"dhcpopts", "internal/place", "github.com/insomniacslk/dhcp github.com/mdlayher/packet golang.org/x/net golang.org/x/sys", "a leaf: DHCP; BPF and packet sockets need x/net and x/sys"},
	{"internal/safefile", "", "", "a leaf below the leaves: opens regular files alone"},
	{"packaging", "internal/packed", "", "holds files"},
	{"packaging/sbom", "", "", "reads a binary, for the bill of materials of a release"},
	{"packaging/zip", "", "", "packs a release for Windows"},
	{"e2e", "", "", "tests only, against the built binary"},
	{"e2e/needs", "", "", "a test prop: what tests need of the machine, and what to install"},
	{"e2e/netns", "e2e/needs", "golang.org/x/sys", "a test prop: a network of its own for tests of other packages"},
	{"e2e/tested", "e2e/needs", "", "runs the tests, and says what was left out"},
}

// shared are modules that more than one package may meet: they are the standard library's other half.
var shared = []string{"golang.org/x/sys", "golang.org/x/net", "golang.org/x/term"}

// shipped are the modules of others that end up in the binary besides those of walls, because one of them
// needs it.
var shipped = map[string]string{
	"github.com/josharian/native":          "mdlayher/socket",
	"github.com/mdlayher/socket":           "mdlayher/packet",
	"github.com/pierrec/lz4/v4":            "u-root/uio",
	"github.com/u-root/uio":                "insomniacslk/dhcp",
	"golang.org/x/sync":                    "mdlayher/socket",
	"github.com/google/uuid":               "emiago/sipgo",
	"github.com/gobwas/ws":                 "emiago/sipgo",
	"github.com/gobwas/httphead":           "gobwas/ws",
	"github.com/gobwas/pool":               "gobwas/ws",
	"github.com/inconshreveable/mousetrap": "cobra, on Windows",
}

// listed is what `go list -json` says about a package.
type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Module     *struct{ Path string }
}

func goList(t *testing.T, args ...string) []listed {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Standard,Imports,Module"}, args...)...)
	cmd.Dir = filepath.Join("..", "..")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for stream := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := stream.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestWalls(t *testing.T) {
	moduleOf := map[string]string{}
	for _, p := range goList(t, "-deps", "./...") {
		if p.Module != nil {
			moduleOf[p.ImportPath] = p.Module.Path
		}
	}
	importers := map[string][]string{} // of each module
	for _, p := range goList(t, "./...") {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		row := slices.IndexFunc(walls, func(w wall) bool { return w.pkg == name })
		if row < 0 {
			t.Errorf("%s: a package that the import table does not know", name)
			continue
		}
		w := walls[row]
		for _, path := range p.Imports {
			switch m := moduleOf[path]; m {
			case "": // standard library
			case module:
				if ours := strings.TrimPrefix(path, module+"/"); !slices.Contains(strings.Fields(w.ours), ours) {
					t.Errorf("%s imports %s, which it must not: it %s", name, ours, w.why)
				}
			default:
				if !slices.Contains(strings.Fields(w.modules), m) {
					t.Errorf("%s imports %s, which it must not: it %s", name, m, w.why)
				}
				importers[m] = append(importers[m], name)
			}
		}
	}
	for m, names := range importers {
		slices.Sort(names)
		names = slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "internal/sitetest" })
		if len(names) > 1 && !slices.Contains(shared, m) {
			t.Errorf("%s is imported by %v: one wall for each module", m, names)
		}
	}
}

// Nothing gets into the binary unnoticed.
func TestShippedModules(t *testing.T) {
	known := map[string]bool{module: true}
	for _, w := range walls {
		for _, m := range strings.Fields(w.modules) {
			known[m] = true
		}
	}
	for _, p := range goList(t, "-deps", "./cmd/agent") {
		if p.Module != nil && !known[p.Module.Path] && shipped[p.Module.Path] == "" {
			t.Errorf("%s is in the binary, and nobody has said why", p.Module.Path)
		}
		if p.ImportPath == module+"/internal/sitetest" || p.ImportPath == module+"/internal/brokertest" {
			t.Error("the test prop is in the binary")
		}
		if banned := []string{"html", "html/template", "testing", "net/http/pprof", "expvar"}; slices.Contains(banned, p.ImportPath) {
			t.Errorf("%s is in the binary", p.ImportPath)
		}
	}
}

// One call of reflect's Method, and the linker keeps every exported method of every type: 2 MiB. All types of DNS records are 230 KB, the
// scanner of fmt is 36, the patterns of http.ServeMux are 28.
func TestDeadCodeIsEliminated(t *testing.T) {
	if testing.Short() {
		t.Skip("links the binary: left out by -short")
	}
	cmd := exec.Command("go", "build", "-ldflags=-dumpdep", "-o", os.DevNull, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%.2000s", err, out)
	}
	if !bytes.Contains(out, []byte("main.main")) {
		t.Fatal("the linker has not said what it keeps")
	}
	for line := range bytes.Lines(out) {
		for _, bad := range []string{"<ReflectMethod>", " -> fmt.newScanState\n", " -> net/http.(*ServeMux).registerErr\n", " -> github.com/miekg/dns.(*SOA).unpack\n"} {
			if bytes.Contains(line, []byte(bad)) {
				t.Errorf("dead code is kept because of %s", line)
			}
		}
	}
}
