package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"homeward/e2e/needs"
	"homeward/internal/brokertest"
	"homeward/internal/fleet"
)

// printed collects what a command prints while it runs.
type printed struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *printed) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(text)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.String()
}

// says waits until something that matches has been printed, and returns it.
func (p *printed) says(t *testing.T, pattern string) string {
	t.Helper()
	var found string
	brokertest.Eventually(t, "it prints "+pattern, time.Minute, func() error {
		if found = regexp.MustCompile(pattern).FindString(p.String()); found == "" {
			return fmt.Errorf("it has printed:\n%s", p)
		}
		return nil
	})
	return found
}

// begin runs a command that goes on until the test ends.
func begin(t *testing.T, args ...string) (stdout, stderr *printed) {
	stdout, stderr = &printed{}, &printed{}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, env{stdout, stderr}, args) }()
	t.Cleanup(func() {
		cancel()
		if code := <-ended; code != 0 {
			t.Errorf("fleet %v: exit code %d\n%s", args, code, stderr)
		}
	})
	return stdout, stderr
}

func get(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Status + "\n" + string(text)
}

// Every verb shows four devices as they stand: one is well, one in an outage, one was stopped, and one never said how it stands.
func TestVerbs(t *testing.T) {
	b, ok := enter(t)
	if !ok {
		return
	}
	watched, _ := begin(t, "watch")
	exported, remarks := begin(t, "export", "--listen", "127.0.0.1:0")
	served, _ := begin(t, "serve", "--listen", "127.0.0.1:0")
	remarks.says(t, "connected to 127.0.0.1:8883")
	page := strings.TrimSpace(served.says(t, `http://\S+/`))

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	names := []fleet.Name{{Site: "berlin", Device: "well"}, {Site: "berlin", Device: "outage"}, {Site: "paris", Device: "stopped"}, {Site: "paris", Device: "odd"}}
	states := []fleet.State{stateOf(0), stateOf(2), stateOf(0), {State: "<b>on fire</b>\x1b[31m"}}
	states[0].Account = fleet.AccountOf("sip:phone1@contoso.com")
	var all []*publisher
	for n, name := range names {
		p := start(ctx, t, b, n, name, states[n])
		p.Add(fleet.Event{Event: "lost", Number: 1, Reason: "connect-refused", Host: "pool\x1b.contoso.com"})
		all = append(all, p)
	}
	brokertest.Eventually(t, "the devices are listed", time.Minute, func() error {
		if got, err := standingsOf(t); err != nil || len(got) != 4 || got["paris/stopped"] != "registered" {
			return fmt.Errorf("got %v", got)
		}
		return nil
	})
	all[2].stop()

	list := fleetOf(t, 0, "list")
	for _, want := range []string{`(?m)^SITE +DEVICE +STATE +SINCE +REGISTRAR +REASON +HEARD$`, `(?m)^berlin +outage +outage +2min +- +dhcp-silent +now$`, `(?m)^berlin +well +registered +now +pool00.contoso.com +- +now$`, `(?m)^paris +odd +unknown`, `(?m)^paris +stopped +offline +- +`} {
		if !regexp.MustCompile(want).MatchString(list) {
			t.Errorf("fleet list lacks %s:\n%s", want, list)
		}
	}
	for args, want := range map[string]string{"--state outage": "berlin/outage", "--site paris --state offline": "paris/stopped", "--state unknown": "paris/odd", "--state degraded": ""} {
		got := fleetOf(t, 0, append([]string{"list", "--json"}, strings.Fields(args)...)...)
		var r row
		if want == "" && got == "" {
			continue
		}
		if err := json.Unmarshal([]byte(got), &r); err != nil || r.Site+"/"+r.Device != want {
			t.Errorf("%s: got %s, want %s", args, got, want)
		}
	}
	for _, name := range []string{"well", "berlin/well", "sip:Phone1@contoso.com"} {
		if got := fleetOf(t, 0, "show", name); !strings.Contains(got, "pool00.contoso.com:5061 over TLS primary") || !strings.Contains(got, "berlin/well") {
			t.Errorf("fleet show %s:\n%s", name, got)
		}
	}
	if got := fleetOf(t, 0, "show", "outage"); !strings.Contains(got, "hint") || !strings.Contains(got, "DHCP") {
		t.Errorf("there is no hint:\n%s", got)
	}
	fleetOf(t, exitNothing, "show", "nobody")
	fleetOf(t, exitUsage, "list", "--state", "fine")
	fleetOf(t, exitUsage, "serve", "--listen", "0.0.0.0:8420")
	fleetOf(t, exitUsage, "list", "--broker", "mqtt://127.0.0.1")

	watched.says(t, `berlin/outage +is outage dhcp-silent`)
	watched.says(t, `berlin/well +lost connect-refused pool\?\.contoso\.com`)
	watched.says(t, `paris/stopped +offline: it was stopped`)
	if strings.Contains(watched.String(), "\x1b") {
		t.Error("watch passes on what does something to a terminal")
	}

	metrics := get(t, strings.TrimSpace(exported.says(t, `http://\S+`)))
	for _, want := range []string{
		`homeward_fleet_broker_up 1`, `homeward_fleet_devices{site="berlin",state="registered"} 1`, `homeward_fleet_devices{site="paris",state="offline"} 1`,
		`homeward_fleet_reason_devices{reason="dhcp-silent"} 1`, `homeward_fleet_registrar_devices{registrar="pool00.contoso.com"} 1`,
		`homeward_fleet_certificates_expiring{kind="broker",days="30"} 3`, `homeward_fleet_events_total{site="berlin",event="lost",reason="connect-refused"} 2`,
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("the metrics lack %s:\n%s", want, metrics)
		}
	}
	_, text, _ := strings.Cut(metrics, "\n")
	cmd := exec.Command(needs.Program(t, "promtool"), "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}

	dom := browse(t, page)
	for _, want := range []string{`25 % of 4`, `berlin/outage`, `dhcp-silent`, `paris/stopped`, `paris/odd`, `lost connect-refused`, `class="bar"`} {
		if !strings.Contains(dom, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(dom, "<b>on fire") {
		t.Error("what devices say is markup")
	}
	strange, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, page, nil)
	strange.Host = "evil.example.com"
	if answer, err := http.DefaultClient.Do(strange); err != nil || answer.StatusCode != http.StatusForbidden {
		t.Errorf("another name leads here: %v, %v", answer, err)
	}

	b.Stop()
	remarks.says(t, "trying again")
	if got := get(t, strings.TrimSpace(exported.says(t, `http://\S+`))); !strings.Contains(got, "homeward_fleet_broker_up 0") || strings.Contains(got, "homeward_fleet_devices") {
		t.Errorf("without a broker there are figures:\n%s", got)
	}
	fleetOf(t, exitFailed, "list")
}

// browse opens a page in Chromium, and returns what the browser has made of it after a while.
func browse(t *testing.T, url string, more ...string) string {
	t.Helper()
	profile := t.TempDir()
	cmd := exec.Command(needs.Program(t, "chromium"), append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir=" + profile, "--virtual-time-budget=5000", "--dump-dom",
	}, append(more, url)...)...)
	cmd.Env = append(os.Environ(), "HOME="+profile)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// The examples name no metric, label or standing that does not exist.
func TestExamplesNameWhatExists(t *testing.T) {
	page := string(metricsOf(link{Connected: true}, summarize(newRoster(t.Context()), time.Now()), nil))
	labels := map[string]string{"site": "", "reason": "", "registrar": "", "kind": "sign-in broker", "days": "7 30 90", "event": "", "state": strings.Join(standings, " "), "job": "fleet"}
	for _, name := range []string{"alerts.yml", "dashboard.json"} {
		text, err := os.ReadFile(filepath.Join(shipped, name))
		if err != nil {
			t.Fatal(err)
		}
		used := regexp.MustCompile(`(homeward_fleet_\w+)(?:\{([^}]*)\})?`).FindAllStringSubmatch(string(text), -1)
		if len(used) < 10 {
			t.Errorf("%s: only %d metrics found in it", name, len(used))
		}
		for _, use := range used {
			if !strings.Contains(page, "# TYPE "+use[1]+" ") {
				t.Errorf("%s: %s does not exist", name, use[1])
			}
			for _, m := range regexp.MustCompile(`(\w+)[!=]~?\\?"([^"\\]*)`).FindAllStringSubmatch(use[2], -1) {
				values, known := labels[m[1]]
				for value := range strings.SplitSeq(m[2], "|") {
					if !known || values != "" && !strings.Contains(" "+values+" ", " "+value+" ") {
						t.Errorf("%s: %s{%s=%q}", name, use[1], m[1], value)
					}
				}
			}
		}
	}
	if out, err := exec.Command(needs.Program(t, "promtool"), "check", "rules", filepath.Join(shipped, "alerts.yml")).CombinedOutput(); err != nil {
		t.Errorf("promtool check rules: %v\n%s", err, out)
	}
	text, _ := os.ReadFile(filepath.Join(shipped, "dashboard.json"))
	if !json.Valid(text) {
		t.Error("the dashboard is no JSON")
	}
}
