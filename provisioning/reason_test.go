package provisioning

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"homeward/internal/golden"
)

const reasonTable = "../docs/reasons.md"

// publicReasons is the closed list of the public interface, and below it what was added since. Codes are never
// renamed or dropped.
const publicReasons = `
dns-no-record dns-timeout dns-servfail dns-refused dns-malformed no-address dhcp-silent dhcp-refused dhcp-no-option
dhcp-malformed dhcp-not-permitted dhcp-conflict name-not-allowed transport-policy tls-floor service-not-offered
same-as-failed connect-refused connect-timeout connect-unreachable connect-reset tls-untrusted tls-name tls-no-name
tls-expired tls-not-yet-valid tls-timeout tls-version tls-failed clock-wrong sip-no-answer sip-malformed
sip-unavailable sip-forbidden sip-not-found sip-credentials sip-auth-not-supported sip-bad-signature
sip-redirect-loop sip-redirect-downgrade certificate-refused certificate-expired binding-lost credentials-resting retry-after storm-window relay-none relay-unreachable
relay-refused cache-damaged cache-write cache-too-new cache-read-only

srv-exists dhcp-off dhcp-vendor-class dhcp-no-lease address-changed dhcp-not-supported dhcp-no-interface dhcp-no-network
tls-certificate-unreadable address-not-allowed registrar-not-proven tls-client-certificate sip-rejected unknown slow lossy dns-conflict
autodiscover-failed autodiscover-conflict web-service-failed certificate-ending
certificate-unusable enrol-failed`

func TestReasonsAreTheClosedList(t *testing.T) {
	listed := map[Reason]bool{}
	for _, r := range Reasons() {
		if listed[r.Code] {
			t.Errorf("%s is listed twice", r.Code)
		}
		listed[r.Code] = true
		if r.Title == "" || r.Hint == "" || strings.HasSuffix(r.Title, ".") || strings.HasSuffix(r.Hint, ".") {
			t.Errorf("%s: title and hint are sentences without a full stop: %q, %q", r.Code, r.Title, r.Hint)
		}
	}
	for _, code := range strings.Fields(publicReasons) {
		if !listed[Reason(code)] {
			t.Errorf("%s is public and not explained", code)
		}
		delete(listed, Reason(code))
	}
	for code := range listed {
		t.Errorf("%s is not in the public list", code)
	}
}

// Each constant of type Reason is explained: what has no general fault would be told without a word.
func TestEachReasonIsExplained(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Reason" {
			code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if found++; err != nil || Reason(code).General() == "" {
				t.Errorf("%s (%s) has no entry in faults.txt", spec.Names[0], code)
			}
		}
		return true
	})
	if found != len(Reasons()) {
		t.Errorf("%d constants, %d entries", found, len(Reasons()))
	}
}

// TestReasonTable keeps docs/reasons.md what the program says.
func TestReasonTable(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Reasons\n\n`status`, `plan`, `check`, `history`, the log and metrics use the same codes, which are never renamed.\n" +
		"`make generate` writes this page.\n\n| reason | meaning | what to do |\n|---|---|---|\n")
	for _, r := range Reasons() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.Code, r.Title, strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(r.Hint))
	}
	golden.Compare(t, reasonTable, []byte(b.String()))
}

// What is known only as tls-version may be a version or a cipher: its cure is good for both.
func TestMend205VersionOrCipher(t *testing.T) {
	if hint := TLSVersion.Hint(); !strings.Contains(hint, "ECDHE cipher suites") || !strings.Contains(hint, "where only the version differs") {
		t.Error(hint)
	}
}
