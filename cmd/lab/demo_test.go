package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"homeward/internal/sitetest"
)

func TestDemoSiteParses(t *testing.T) {
	if _, err := sitetest.Parse("demo.txtar", demoSite, scenarioSections...); err != nil {
		t.Fatal(err)
	}
	d := readDevice(string(demoSite))
	got := fmt.Sprint(d.sipAddress(), " ", d.user, " ", d.password, " ", d.registrars)
	want := `sip:phone1@contoso.com CONTOSO\phone1 correct-horse [127.0.0.1:5065 127.0.0.1:5061 127.0.0.1:5062 127.0.0.1:5063 127.0.0.1:5443 127.0.0.1:5071]`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestSIPAddress(t *testing.T) {
	for user, want := range map[string]string{
		"phone1":                "sip:phone1@contoso.com",
		`CONTOSO\phone1`:        "sip:phone1@contoso.com",
		"phone1@ad.contoso.com": "sip:phone1@contoso.com",
	} {
		if got := (device{domain: "contoso.com", user: user}).sipAddress(); got != want {
			t.Errorf("user %s: got %s, want %s", user, got, want)
		}
	}
}

// TestDemo runs the demo as people do, and looks whether the story is whole and nothing is left behind.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("builds two programs and takes seconds: left out by -short")
	}
	program := filepath.Join(t.TempDir(), "lab")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	left, err := os.MkdirTemp("", "lab") // short: a socket is below it
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(left)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "demo")
	cmd.Env = append(os.Environ(), "TMPDIR="+left)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("lab demo: %v", err)
	}
	rest := string(out)
	for _, sentence := range []string{
		"$ homeward plan", "would be tried, in this order", "$ homeward run", "attempt failed", "registered since",
		"$ homeward identity enrol", "certificate until ", "obtained by    ntlm", "domain controllers and web services are down",
		"site: zone silent", "registered (degraded)", "DEGRADED: registered since",
		"site: heal", "back to normal", "registered since",
		"$ homeward cache show", "last good, registered", "unregister ", "-> 200", "Everything went as expected",
	} {
		before, after, found := strings.Cut(rest, sentence)
		if !found {
			t.Fatalf("%q is missing after %q; all of it:\n%s", sentence, before[:min(len(before), 80)], out)
		}
		rest = after
	}
	if names, err := os.ReadDir(left); err != nil || len(names) > 0 {
		t.Errorf("left behind: %v %v", names, err)
	}
}
