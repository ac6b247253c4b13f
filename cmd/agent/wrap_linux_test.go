package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"homeward/e2e/needs"
	"homeward/internal/golden"
	"homeward/provisioning"
	"homeward/provisioning/check"
)

// onTerminal returns what a page shows on a pseudo terminal of this width (pty(7)).
func onTerminal(t *testing.T, width uint16, print func(*page) error) string {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		needs.Missing(t, "/dev/ptmx", err.Error())
	}
	defer master.Close()
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: width}); err != nil {
		t.Fatal(err)
	}
	shown := make(chan []byte, 1)
	go func() {
		text, _ := io.ReadAll(master) // ends with EIO when the other end is closed
		shown <- text
	}()
	if err := print(newPage(terminal)); err != nil {
		t.Error(err)
	}
	terminal.Close()
	return strings.ReplaceAll(string(<-shown), "\r\n", "\n")
}

func statusOf(p *page) error {
	s := onFE01()
	return printStatus(p, &s, noon.Add(2*time.Minute))
}

func TestStatusOnTerminals(t *testing.T) {
	t.Setenv("COLUMNS", "")
	t.Setenv("TERM", "dumb")
	for _, width := range []uint16{40, 80, 200} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			got := onTerminal(t, width, statusOf)
			golden.Compare(t, fmt.Sprintf("testdata/golden/status-registered-%d.txt", width), []byte(got))
			for line := range strings.Lines(got) {
				line = strings.TrimSuffix(line, "\n")
				if columns(line) > int(width) && len(strings.Fields(line)) > 1 {
					t.Errorf("%d columns: %s", columns(line), line)
				}
			}
			var plain bytes.Buffer
			if err := statusOf(newPage(&plain)); err != nil {
				t.Fatal(err)
			}
			if a, b := strings.Fields(got), strings.Fields(plain.String()); strings.Join(a, " ") != strings.Join(b, " ") {
				t.Error("wrapping has changed the words")
			}
		})
	}
}

// A tree, prose, and columns of two widths.
func TestOtherTextsOnTerminals(t *testing.T) {
	t.Setenv("COLUMNS", "")
	t.Setenv("TERM", "dumb")
	for name, print := range map[string]func(*page) error{
		"check": func(p *page) error { return printReport(p, &brokenSite, true) },
		"dump":  func(p *page) error { p.dump([]byte("\x00\x04pool\x07contoso\x03co"), []int{14}); return p.err },
		"help": func(p *page) error {
			root := rootCommand(env{stdout: p.w})
			root.SetArgs([]string{"dhcp", "encode", "--help"})
			return root.Execute()
		},
	} {
		for _, width := range []uint16{40, 80} {
			t.Run(fmt.Sprint(name, width), func(t *testing.T) {
				golden.Compare(t, fmt.Sprintf("testdata/golden/%s-%d.txt", name, width), []byte(onTerminal(t, width, print)))
			})
		}
	}
}

// brokenSite is a report with every kind of result.
var brokenSite = check.Report{
	Version: 1, Verdict: check.Failed,
	Otherwise: []string{"Look for a firewall on that host that rejects connections to port 5061."},
	Summary:   []string{"fe01.contoso.com:5061 (10.0.0.5) refuses the connection: nothing listens on this port, or a firewall on that host rejects it.", "The problem is with the Registrar."}, Side: provisioning.SideRegistrar, Host: "fe01.contoso.com",
	Besides: []string{"dns.internal-tls"}, Checks: []check.Check{
		{ID: "link", Title: "link and address", Result: check.Good, Detail: "eth0 10.0.0.21/24"},
		{ID: "dns", Title: "DNS for contoso.com", Result: check.Warn},
		{ID: "dns.internal-tls", Under: "dns", Title: "SRV record _sipinternaltls._tcp.contoso.com", Result: check.Warn, Reason: provisioning.DNSTimeout, Detail: `look up SRV "_sipinternaltls._tcp.contoso.com" at 10.0.0.53:53: no answer in time`},
		{ID: "registrar.fe01.contoso.com", Title: "Registrar fe01.contoso.com", Result: check.Bad, Reason: provisioning.ConnectRefused, Detail: "fe01.contoso.com:5061 over TLS at 10.0.0.5"},
		{ID: "sign-in", Title: "sign-in as sip:phone1@contoso.com", Result: check.Skipped, Needs: "registrar.fe01.contoso.com"},
	},
}

// What decides about colour and width, and what does not.
func TestTerminals(t *testing.T) {
	const line, red = "one two three four five six seven eight nine ten\n", "\x1b[1;31m"
	print := func(p *page) error {
		p.printf("%s %s", p.paint(bad, "zero"), line)
		return p.err
	}
	for _, test := range []struct {
		name, columns, term, noColor string
		width                        uint16
		rows                         int
		colour                       bool
	}{
		{"as wide as it says", "", "xterm", "", 30, 2, true},
		{"a wide one", "", "xterm", "", 200, 1, true},
		{"COLUMNS beats it", "30", "xterm", "", 200, 2, true},
		{"COLUMNS that says nothing", "wide", "xterm", "", 30, 2, true},
		{"a serial line, which knows no width", "", "vt100", "", 0, 1, true},
		{"too narrow to be true", "", "vt100", "", 10, 1, true},
		{"NO_COLOR", "", "xterm", "1", 30, 2, false},
		{"dumb", "", "dumb", "", 30, 2, false},
		{"TERM is not set", "", "", "", 30, 2, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("COLUMNS", test.columns)
			t.Setenv("TERM", test.term)
			t.Setenv("NO_COLOR", test.noColor)
			got := onTerminal(t, test.width, print)
			if rows := strings.Count(got, "\n"); rows != test.rows {
				t.Errorf("%d rows, want %d:\n%s", rows, test.rows, got)
			}
			if colour := strings.Contains(got, red); colour != test.colour {
				t.Errorf("colour: %v, want %v", colour, test.colour)
			}
		})
	}
}

// In a pipe and in a file nothing is wrapped or coloured, whatever the environment says.
func TestNoTerminal(t *testing.T) {
	t.Setenv("COLUMNS", "40")
	t.Setenv("TERM", "xterm")
	f, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := statusOf(newPage(f)); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "testdata/golden/status-registered.txt", got)
}
