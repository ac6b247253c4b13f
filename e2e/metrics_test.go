//go:build linux

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// TestMetrics: what a device shows over HTTP is what Prometheus takes in, and follows what happens.
func TestMetrics(t *testing.T) {
	s, r, d := newSiteWithDevice(t, deviceAddr, `metrics_listen = ":9187"`)
	d.boot(t)
	d.awaitRegistered(t)
	page := scrape(t)
	for _, want := range []string{
		`homeward_state{state="registered"} 1`,
		`homeward_degraded 0`,
		`homeward_registrar{step="internal-tls",transport="tls"} 1`,
		`homeward_attempts_total{step="internal-tls",transport="tls",result="ok"} 1`,
	} {
		if !strings.Contains(page, want+"\n") {
			t.Errorf("the metrics lack %s", want)
		}
	}
	r.kill()
	s.dns.fault(t, silentDNS)
	eventually(t, "the metrics say that the registration is lost", func() error {
		if page := scrape(t); !strings.Contains(page, "homeward_registrations_lost_total{") || !strings.Contains(page, "homeward_state{state=\"registered\"} 0\n") {
			return fmt.Errorf("%s", page)
		}
		return nil
	})
	if out, err := promtool(t, page, "check", "metrics"); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s\n%s", err, out, page)
	}
}

// TestAlertRules: Prometheus takes the example in.
func TestAlertRules(t *testing.T) {
	if out, err := promtool(t, "", "check", "rules", "../packaging/metrics/alerts.yml"); err != nil {
		t.Errorf("promtool check rules: %v\n%s", err, out)
	}
}

// promtool asks Prometheus's own tool.
func promtool(t testing.TB, stdin string, args ...string) ([]byte, error) {
	t.Helper()
	program(t, "promtool")
	cmd := exec.Command("promtool", args...)
	cmd.Stdin = strings.NewReader(stdin)
	return cmd.CombinedOutput()
}

// scrape returns the metrics of the device, as the rest of the site sees them.
func scrape(t testing.TB) string {
	t.Helper()
	answer, err := http.Get("http://" + deviceAddr + ":9187/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v", answer.Status, err)
	}
	return string(page)
}
