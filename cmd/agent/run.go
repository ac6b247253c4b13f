package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"homeward/cache"
	"homeward/dhcpopts"
	"homeward/internal/boot"
	"homeward/internal/config"
	"homeward/internal/fleet"
	certs "homeward/internal/identity"
	"homeward/provisioning"
	"homeward/provisioning/agent"
	"homeward/provisioning/check"
	"homeward/provisioning/wire"
	"homeward/service"
	"homeward/service/control"
	"homeward/service/manager"
)

const stateDirMode = 0o750 // techs of the group may read last-good.json and the history

func runCommand(e env) *cobra.Command {
	c := verb("run [flags]", "Run the daemon in the foreground", func(c *cobra.Command) error {
		// A log that is no longer read must not end the daemon, which a broken pipe on stderr would do (os/signal).
		// SIGHUP does nothing (ADR 0007). Both are caught, not ignored: what on_change starts would inherit that.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE, syscall.SIGHUP)
		if manager.Hosted() {
			return runHosted(c, e)
		}
		return untilEnd(c.Context(), c, e)
	})
	addSettingFlags(c)
	c.Example = "homeward run\nhomeward run --config site.toml --log-level debug"
	return c
}

// runHosted runs the daemon under a service manager that shows nobody what goes to stderr: a file takes it. What is wrong
// with the configuration stands there, too.
func runHosted(c *cobra.Command, e env) error {
	stateDir := config.Defaults().Of("state_dir").Text
	if places, err := loadPlaces(c); err == nil {
		stateDir = places.StateDir
	}
	log, err := manager.OpenLogFile(filepath.Join(stateDir, logFile))
	if err != nil {
		return err
	}
	defer log.Close()
	e.stderr = log
	return manager.Host(c.Context(), func(ctx context.Context) error {
		err := untilEnd(ctx, c, e)
		var f *failure
		if errors.As(err, &f) && f.err != nil {
			e.remark("error", f.Error())
		}
		return err
	})
}

// untilEnd runs the daemon until ctx ends, and no longer than it may then, also when it has not come to do anything.
func untilEnd(ctx context.Context, c *cobra.Command, e env) error {
	late := &failure{code: 0, err: errors.New("some tasks did not stop in time and were abandoned")}
	return ends(ctx, runLimit, func() error {
		conf, err := loadConfig(c)
		if err != nil {
			return err
		}
		return runDaemon(ctx, e, conf)
	}, late)
}

// runDaemon puts the parts together, in the order in which they need each other, and runs them until ctx ends.
func runDaemon(ctx context.Context, e env, conf *config.Config) error {
	listener, leave, err := occupy(ctx, conf)
	if err != nil {
		return err
	}
	defer leave()
	v := thisVersion()
	lines, tail := service.NewLogQueue(logHandler(e.stderr, conf)), &service.LogTail{}
	defer lines.Close()
	log := slog.New(slog.NewMultiHandler(lines.Handler(), slog.NewTextHandler(tail, &slog.HandlerOptions{Level: conf.LogLevel})))
	logStart(log, v, conf)
	identify(&conf.Policy, v)
	anchored(conf)
	accepts(conf)

	if err := os.MkdirAll(conf.StateDir, stateDirMode); err != nil {
		log.Warn("state_dir cannot be created: last good is kept in memory only", "err", err)
	}
	asked, open := gate()
	store := cache.OpenAfter(conf.StateDir, asked)
	defer store.Close()
	story := service.NewStoryAfter(log, filepath.Join(conf.StateDir, historyFile), asked)
	network := wire.System()
	network.Dial = afterFirst(network.Dial, func() { readAhead(conf.Policy); open() })
	awake := &service.Awake{}
	watch := service.NewNetworkWatch(network.Resolvers, dhcpopts.DefaultInterface, awake, log)
	network.Changes, network.LinkLost, network.Awake = watch.Changes(), watch.LinkLost, awake.Tell
	metrics := service.NewMetrics(conf.MetricsListen)
	broker := service.NewFleet(conf.Fleet, v.Version, func() fleet.Cache { return keptOf(store.Load()) }, story, log)
	daemon := agent.New(conf.Policy, network, store, func(e *provisioning.Event) { story.Tell(e); metrics.Tell(e); broker.Tell(e) })
	daemon.Identify(certs.In(conf.StateDir))
	before := boot.Open(conf.StateDir, boot.This())
	daemon.Resume(before)
	broker.Wait = daemon.Turn()
	stateFile := service.NewStateFile(filepath.Join(conf.RuntimeDir, "registrar.json"), daemon.Status, story, conf.OnChange, log)
	watch.Besides(stateFile.Look)
	lastGood := func() time.Time { record, _ := store.Load(); return record.RegisteredAt }
	server := control.NewServer(listener, control.Source{
		Status: func() provisioning.Status {
			s := nowOf(daemon, conf, store, &network, tight{story.Full(), stateFile.Full()})
			s.Metrics = stateOf(metrics.Trouble())
			return s
		},
		Record:  func() (any, bool) { record, ok := store.Load(); return recordAnswer{1, record, "daemon"}, ok },
		Forget:  store.Forget,
		Enrol:   daemon.Enrol,
		Report:  daemon.ReportFailed,
		History: story.History,
		Next:    story.Next,
		Log:     tail.Text,
	}, log)

	err = service.Run(ctx,
		story.Life(v.Version, service.Task{Name: "agent", Run: daemon.Run}),
		service.Task{Name: "control socket", Run: server.Run},
		service.Task{Name: "network", Run: watch.Run},
		service.Task{Name: "history", Run: story.Run},
		service.Task{Name: "registrar.json", Run: after(asked, stateFile.Run)},
		service.Task{Name: "on_change", Run: stateFile.RunCommand},
		service.Readiness(story, daemon.Status, log),
		service.Thrift(story, daemon.Status),
		service.Task{Name: "restart.json", Run: func(ctx context.Context) error {
			return before.Keep(ctx, asked, func(err error) { log.Warn("restart.json cannot be written", "err", err) })
		}},
		metrics.Task(daemon.Status, lastGood, log),
		broker.Task(daemon.Status),
		// Nothing of this is shared with those who ask over the control socket.
		service.Watchdog(log, awake, service.Check{Name: "agent", Ask: daemon.Alive}, service.Returns("status", func() { daemon.Status() })),
	)
	if err != nil {
		log.Error("homeward stops", "err", err) // in the log, which never waits for a reader
		return &failure{code: exitFailed}
	}
	log.Info("homeward stops")
	_ = before.End() // where it cannot be written, that was said
	return nil
}

// nowOf is how the daemon stands, with what keeps the device off the network at this moment, since one that has met a silent gateway does not know why
// it is silent, and with what it cannot store for want of space.
func nowOf(daemon *agent.Agent, conf *config.Config, store *cache.DB, network *wire.Wire, met tight) provisioning.Status {
	s, at := daemon.Status(), conf.Policy.DNSServers
	if s.Registrar != nil && s.Registrar.Address.IsValid() {
		at = []netip.AddrPort{netip.AddrPortFrom(s.Registrar.Address, s.Registrar.Port)}
	} else if len(at) == 0 {
		at, _ = network.Resolvers() // those that can be read
	}
	s.Link = stateOf(conf.Policy.Memory(store).Relayed(check.OffNetwork(conf.Policy.Interface, network, at), nil))
	s.Store = append(withoutSpace(conf, met), s.Store...)
	return s
}

// keptOf is what the fleet is told of the store.
func keptOf(record cache.Record, ok bool) fleet.Cache {
	if !ok {
		return fleet.Cache{}
	}
	return fleet.Cache{Generation: record.Generation, WrittenAt: record.RegisteredAt, Registrar: record.Registrar.Host}
}

// Our choices: what takes long at a start begins so long after the first question, so that all are on the way, or so long after
// the start if there is none.
const (
	questionsFirst = 3 * time.Millisecond
	noQuestion     = 300 * time.Millisecond
)

// gate returns what is closed by open, or after noQuestion.
func gate() (closed <-chan struct{}, open func()) {
	c := make(chan struct{})
	open = sync.OnceFunc(func() { close(c) })
	time.AfterFunc(noQuestion, open)
	return c, open
}

// after runs a task as soon as the gate is open, or ctx ends.
func after(gate <-chan struct{}, run func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-gate:
		case <-ctx.Done():
		}
		return run(ctx)
	}
}

// afterFirst does something once, soon after the first dial.
func afterFirst(dial dialFunc, do func()) dialFunc {
	var first sync.Once
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		first.Do(func() { time.AfterFunc(questionsFirst, do) })
		return dial(ctx, network, address)
	}
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// readAhead reads what the first answers need while they are on their way: what may be wrong with them, and the system's roots, which takes
// longer than all the rest of a start.
func readAhead(p provisioning.Policy) {
	_ = provisioning.Faults()
	if p.Roots == nil {
		_, _ = x509.SystemCertPool() // it stays read; what is wrong with it, a certificate will show
	}
}

func logStart(log *slog.Logger, v versionAnswer, conf *config.Config) {
	log.Info("homeward starts", "version", v.Version, "sip_address", conf.Policy.SIPAddress.String())
	for _, warning := range conf.Warnings {
		log.Warn(warning)
	}
}

// occupy makes this the daemon of runtime_dir, which a second one is not, and opens the control socket there, until leave
// is called.
func occupy(ctx context.Context, conf *config.Config) (listener net.Listener, leave func(), err error) {
	if err := control.MakeDir(conf.RuntimeDir, conf.StateDir); err != nil {
		return nil, nil, &failure{code: exitFailed, err: fmt.Errorf("create runtime_dir: %w", err), hints: []string{"run it as a service or as root, or set runtime_dir"}}
	}
	claim, err := control.Claim(filepath.Join(conf.RuntimeDir, "control.lock"))
	if err != nil {
		return nil, nil, listenFailure(err)
	}
	if listener, err = control.Listen(ctx, socketPath(conf)); err != nil {
		claim.Close()
		return nil, nil, listenFailure(err)
	}
	return listener, func() { listener.Close(); claim.Close() }, nil
}

func listenFailure(err error) error {
	f := &failure{code: exitFailed, err: err}
	switch {
	case errors.Is(err, control.ErrRunning):
		f.hints = []string{"see what it does: homeward status"}
	case errors.Is(err, fs.ErrPermission):
		f.hints = []string{"runtime_dir and its contents must belong to the user of the daemon"}
	}
	return f
}

// logHandler returns the form of the log that fits where stderr leads to.
func logHandler(w io.Writer, conf *config.Config) slog.Handler {
	format := conf.LogFormat
	if format == "auto" {
		format = "json"
		if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			format = "text"
		}
		if os.Getenv("JOURNAL_STREAM") != "" { // systemd.exec(5)
			format = "journal"
		}
	}
	options := &slog.HandlerOptions{Level: conf.LogLevel}
	switch format {
	case "journal":
		return service.JournalHandler(w, conf.LogLevel)
	case "json":
		options.ReplaceAttr = asText
		return slog.NewJSONHandler(w, options)
	default:
		return slog.NewTextHandler(w, options)
	}
}

// asText makes text of what JSON would take apart, an address say, or count in nanoseconds.
func asText(_ []string, a slog.Attr) slog.Attr {
	if kind := a.Value.Kind(); kind == slog.KindAny || kind == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.String())
	}
	return a
}
