package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"homeward/internal/config"
	"homeward/provisioning"
	"homeward/provisioning/discover"
	"homeward/provisioning/wire"
	"homeward/service/control"
)

// Our choices.
const (
	journalWait = time.Second // for a journalctl that was told to end
	journalSize = 256 << 10   // bytes of its output that are kept
)

// bundleSource is where the parts of a bundle come from.
type bundleSource struct {
	settings config.Settings
	broken   error // why there are no settings but the defaults
	places   *config.Config
}

// parts are the files of a bundle besides index.html, in the order of the page. A new one is one line.
func (b *bundleSource) parts() []part {
	return []part{
		{"status.json", b.status},
		{"check.json", b.check},
		{"plan.json", b.plan},
		{"dhcp.json", b.dhcp},
		{"history.jsonl", b.history(false)},
		{"failures.jsonl", b.history(true)},
		{"log.txt", b.log},
		{"cache.json", b.record},
		{"config.json", b.config},
		{"system.json", func(context.Context) ([]byte, error) { return indented(thisSystem()) }},
	}
}

// bundleSourceOf reads the configuration. One that is wrong is among what a bundle is made for; one that was named and
// is missing is a mistake in the command.
func bundleSourceOf(c *cobra.Command) (*bundleSource, error) {
	s, err := loadSettings(c)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		s = config.Defaults()
	}
	places, errPlaces := placesOf(s)
	if errPlaces != nil {
		places, errPlaces = placesOf(config.Defaults())
	}
	return &bundleSource{s, err, places}, errPlaces
}

func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	err := printJSON(&b, v)
	return b.Bytes(), err
}

// status is `status --json`.
func (b *bundleSource) status(ctx context.Context) ([]byte, error) {
	status, err := daemon(b.places).Status(ctx)
	if err != nil {
		return nil, daemonFailure(err)
	}
	return indented(status)
}

// plan is `plan --json`.
func (b *bundleSource) plan(ctx context.Context) ([]byte, error) {
	conf, err := b.checked(config.AllBut(config.Secrets...)...)
	if err != nil {
		return nil, err
	}
	record, _, _ := lastGood(ctx, conf) // the zero Record without one: cache.json says why
	return indented(askAround(ctx, conf, record))
}

// checked checks the settings with these names, or all.
func (b *bundleSource) checked(names ...string) (*config.Config, error) {
	if b.broken != nil {
		return nil, b.broken
	}
	return checked(b.settings, names...)
}

// check is `check --json`. No other part reads the password.
func (b *bundleSource) check(ctx context.Context) ([]byte, error) {
	conf, noPassword, err := toCheck(b.checked)
	if err != nil {
		return nil, err
	}
	b.hidePassword(noPassword.Facts)
	return indented(checkSite(ctx, env{stderr: io.Discard}, conf, noPassword, false))
}

// hidePassword leaves of the file of the password its name: where it lies is told nowhere in a bundle.
func (b *bundleSource) hidePassword(facts provisioning.Facts) {
	path := b.settings.Of(passwordKey).Value.Text
	for name, fact := range facts {
		if text, ok := fact.(string); ok && path != "" {
			facts[name] = strings.ReplaceAll(text, path, filepath.Base(path))
		}
	}
}

// dhcp is `dhcp --json`. A site that has switched DHCP off is asked by that command only.
func (b *bundleSource) dhcp(ctx context.Context) ([]byte, error) {
	conf, err := b.checked("interface", "dhcp")
	if err != nil {
		return nil, err
	}
	if !conf.Policy.AskDHCP {
		return nil, &advised{errors.New("DHCP is off in the configuration"), "run homeward dhcp to ask it anyway"}
	}
	system := wire.System()
	survey := discover.SurveyDHCP(ctx, &system, conf.Policy.Interface, nil)
	if survey.Reason == provisioning.DHCPNotPermitted {
		return nil, fmt.Errorf("%w; %w", surveyFailure(survey, provisioning.Trouble{}), fs.ErrPermission)
	}
	return indented(newDHCPAnswer(survey))
}

// record is `cache show --json`.
func (b *bundleSource) record(ctx context.Context) ([]byte, error) {
	record, from, err := lastGood(ctx, b.places)
	if err != nil {
		return nil, recordFailure(err)
	}
	return indented(recordAnswer{1, *record, from.source})
}

// history is `history --json`: of the daemon, or what it left behind.
func (b *bundleSource) history(failures bool) func(ctx context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		var lines bytes.Buffer
		each := func(entry control.Entry) error { return printJSONLine(&lines, entry) }
		wanted := control.Excerpt{Failures: failures}
		err := daemon(b.places).History(ctx, wanted, each)
		if left(err) {
			err = leftHistory(env{stderr: io.Discard}, filepath.Join(b.places.StateDir, historyFile), wanted, each, err)
		}
		if err != nil {
			return nil, daemonFailure(err)
		}
		return lines.Bytes(), nil
	}
}

// log is the end of the log: of the daemon, or of the journal.
func (b *bundleSource) log(ctx context.Context) ([]byte, error) {
	text, err := daemon(b.places).Log(ctx)
	if err == nil {
		return append(text, '\n'), nil
	}
	text, errJournal := journalTail(ctx)
	if errJournal != nil {
		return nil, &failure{code: exitFailed, err: fmt.Errorf("%w; %w", daemonFailure(err), errJournal)}
	}
	return append([]byte("# from the journal: "+err.Error()+"\n"), text...), nil
}

// journalTail asks the journal of systemd (journalctl(1)) for what the service has logged.
func journalTail(ctx context.Context) ([]byte, error) {
	program, err := exec.LookPath("journalctl")
	if err != nil {
		return nil, errors.New("there is no journalctl to read the log from instead")
	}
	cmd := exec.CommandContext(ctx, program, "-u", "homeward", "-n", "200", "--no-pager")
	cmd.WaitDelay = journalWait
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("journalctl: %w: %s", err, strings.TrimSpace(complaint.String()))
	}
	return text[max(0, len(text)-journalSize):], nil
}

// configPart is config.json: every setting as it counts, without what could be a secret.
type configPart struct {
	Version  int            `json:"version"`
	Settings map[string]any `json:"settings"`           // each by its name, without what could be a secret
	SetIn    []string       `json:"set_in,omitempty"`   // "homeward.toml:3: user"; the rest is as it is by default
	Warnings []string       `json:"warnings,omitempty"` // what is valid and probably not meant
	Problem  string         `json:"problem,omitempty"`  // what is wrong with them
}

func (b *bundleSource) config(context.Context) ([]byte, error) {
	if b.broken != nil {
		return nil, b.broken
	}
	answer := configPart{Version: 1, Settings: map[string]any{}}
	for _, k := range config.Keys() {
		at := b.settings.Of(k.Name)
		answer.Settings[k.Name] = discreet(k, at.Value)
		if at.From.Given() {
			answer.SetIn = append(answer.SetIn, filepath.Base(at.From.String())+": "+k.Name)
		}
	}
	conf, err := b.checked(config.AllBut(config.Secrets...)...)
	if err != nil {
		answer.Problem = err.Error()
	} else {
		answer.Warnings = conf.Warnings
	}
	return indented(answer)
}

// discreet is the value of a setting without what a site may not want to tell: where the password lies, what the
// directories of files are called, and the arguments of a program, which may hold anything.
func discreet(k config.Key, v config.Value) any {
	if slices.Contains(config.Secrets, k.Name) {
		return v.Text != "" // whether there is one
	}
	switch k.Name {
	case "fleet_cert":
		if v.Text == "" {
			return ""
		}
		return filepath.Base(v.Text)
	case "roots", "fleet_roots":
		names := make([]string, len(v.List))
		for i, path := range v.List {
			names[i] = filepath.Base(path)
		}
		return names
	case "on_change":
		if len(v.List) == 0 {
			return []string{}
		}
		return []string{filepath.Base(v.List[0]), fmt.Sprintf("(%d arguments left out)", len(v.List)-1)}
	default:
		return k.Plain(v)
	}
}
