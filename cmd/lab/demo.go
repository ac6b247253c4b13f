package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"homeward/internal/sitetest"
)

//go:embed demo.txtar
var demoSite []byte

// The second start of the demo, inside namespaces.
const (
	envInside       = "HOMEWARD_LAB_INSIDE" // the directory that the first start has made
	exitNoNamespace = 75                    // EX_TEMPFAIL: these namespaces are of no use
)

// Our choices: what the agent may take of the screen.
const (
	width = 118 // of a line
	brief = 5   // lines of an answer like one before
	whole = 100
)

var errNoNamespace = errors.New("this system does not allow setting up loopback in a network namespace (a policy for user namespaces)")

// demonstrate builds the agent, which may need the network, and tells the story where there is none.
func demonstrate(ctx context.Context, dir string) error {
	fmt.Println("homeward demo: a simulated site on loopback, and the real agent, which knows nothing about the site.")
	began := time.Now()
	if _, err := build(ctx, dir); err != nil {
		return err
	}
	fmt.Printf("The agent was built in %.1f s.\n", time.Since(began).Seconds())
	cmd, err := inNamespaces(ctx, envInside+"="+dir)
	if err == nil {
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		err = cmd.Start()
	}
	if err == nil {
		err = cmd.Wait()
		if err == nil {
			return nil
		}
		if cmd.ProcessState.ExitCode() != exitNoNamespace {
			return fmt.Errorf("the demo inside its namespaces: %w", err)
		}
		err = errNoNamespace
	}
	fmt.Printf("It runs on the loopback interface of this machine, without its own namespaces: %v.\n", err)
	return tellStory(ctx, dir)
}

// demoInside is the demo inside its namespaces.
func demoInside(ctx context.Context, dir string) error {
	if err := furnishNamespace(); err != nil {
		return errNoNamespace
	}
	fmt.Println("It runs in its own network namespace: nothing leaves this machine.")
	return tellStory(ctx, dir)
}

// demo is the story while it is told.
type demo struct {
	lab    *lab
	binary string
	agent  *agent
}

func tellStory(ctx context.Context, dir string) error {
	began := time.Now()
	l, err := open(dir, "demo.txtar", demoSite, `log_format = "json"`, `log_level = "debug"`)
	if err != nil {
		return err
	}
	defer l.Close()
	d := &demo{lab: l, binary: filepath.Join(dir, "homeward")}
	defer func() {
		if d.agent != nil {
			d.agent.kill()
		}
	}()
	for _, step := range []func(context.Context) error{d.lookAround, d.signIn, d.certify, d.fail, d.heal, d.remember, d.leave} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	fmt.Printf("\nEverything went as expected, in %.1f s.\n", time.Since(began).Seconds())
	return nil
}

func headline(text string) { fmt.Printf("\n== %s\n", text) }

// homeward runs a command and shows it with what it prints; of the status no more than most lines of what it begins
// with, since the log has told the rest.
func (d *demo) homeward(ctx context.Context, most int, args ...string) error {
	fmt.Println("$ homeward", strings.Join(args, " "))
	cmd := command(ctx, d.binary, append(args, "--config", "homeward.toml")...)
	cmd.Dir = d.lab.dir
	out, err := cmd.CombinedOutput()
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	if args[0] == "status" {
		if end := slices.Index(lines, ""); end >= 0 {
			most = min(most, end)
		}
	}
	for _, line := range lines[:min(most, len(lines))] {
		fmt.Println(clip("  " + line))
	}
	if most < len(lines) {
		fmt.Println("  ...")
	}
	if err != nil {
		return fmt.Errorf("homeward %s: %w", args[0], err)
	}
	return nil
}

// clip makes a line fit.
func clip(line string) string {
	if runes := []rune(line); len(runes) > width {
		line = string(runes[:width-3]) + "..."
	}
	return strings.TrimRight(line, " ")
}

// start starts the daemon; its log is shown from now on, but for what it does not even try.
func (d *demo) start(ctx context.Context) (err error) {
	fmt.Println("$ homeward run                                   (its log at level debug, shortened)")
	began := time.Now()
	d.agent, err = startAgent(ctx, d.binary, d.lab, func(e event) {
		if e.Msg != "skipped" {
			fmt.Println(clip(fmt.Sprintf("  %6.3f s  %s", e.Time.Sub(began).Seconds(), e)))
		}
	})
	return err
}

// site changes the site.
func (d *demo) site(line string) error {
	fmt.Println("site:", line)
	return d.lab.Apply(line)
}

func (d *demo) lookAround(ctx context.Context) error {
	headline("What does this network offer? (every command here also has --config homeward.toml)")
	if d.lab.dhcp != nil {
		fmt.Printf("Without DHCP: %v.\n", d.lab.dhcp)
	}
	return d.homeward(ctx, whole, "plan")
}

func (d *demo) signIn(ctx context.Context) error {
	headline("The device starts. It knows only its SIP address and its password")
	if err := d.start(ctx); err != nil {
		return err
	}
	_, err := d.agent.await(ctx, "register through discovery, and learn the home pool in band", func(e event) bool { return e.Msg == "learned in band" })
	if err != nil {
		return err
	}
	return d.homeward(ctx, whole, "status")
}

func (d *demo) certify(ctx context.Context) error {
	headline("It gets a certificate, which it does by itself within five minutes. From now on it signs in with that")
	return d.homeward(ctx, whole, "identity", "enrol")
}

func (d *demo) fail(ctx context.Context) error {
	headline("DNS and DHCP fall silent, domain controllers and web services are down, and then the power fails (SIGKILL)")
	err := errors.Join(
		d.site("zone silent"), d.site("dhcp silent"), d.site("registrar 127.0.0.1:5443 refuse"),
		d.site(`registrar 127.0.0.1:5062 lync user=CONTOSO\phone1 password=correct-horse dcdown`),
		d.site(`registrar 127.0.0.1:5063 lync user=CONTOSO\phone1 password=correct-horse dcdown`),
		d.site(`registrar 127.0.0.1:5071 lync edge user=CONTOSO\phone1 password=correct-horse dcdown`),
	)
	if err != nil {
		return err
	}
	d.agent.kill()
	if err := d.start(ctx); err != nil {
		return err
	}
	_, err = d.agent.await(ctx, "register through last good", func(e event) bool { return e.registered() && e.Degraded })
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(d.lab.Log(), func(e sitetest.Entry) bool { return e.What == "REGISTER" && e.Auth == "TLS-DSK" && e.Code == 200 }) {
		return errors.New("the site has not seen the device sign in with its certificate")
	}
	return d.homeward(ctx, whole, "status")
}

func (d *demo) heal(ctx context.Context) error {
	headline("DNS and DHCP work again. The device has kept looking for them")
	if err := d.site("heal"); err != nil {
		return err
	}
	_, err := d.agent.await(ctx, "go back to normal", func(e event) bool { return e.registered() && !e.Degraded })
	if err != nil {
		return err
	}
	return d.homeward(ctx, brief, "status")
}

func (d *demo) remember(ctx context.Context) error {
	headline("What it remembers for the next outage")
	return d.homeward(ctx, whole, "cache", "show")
}

func (d *demo) leave(context.Context) error {
	headline("The device is stopped (SIGTERM)")
	err := d.agent.stop(syscall.SIGTERM)
	if err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	var last sitetest.Entry
	for _, e := range d.lab.Log() {
		if e.What == "unregister" {
			last = e
		}
	}
	if last.Code != 200 {
		return errors.New("the site has not seen the device unregister")
	}
	fmt.Println("site:", strings.TrimSpace(seen(last)))
	return nil
}
