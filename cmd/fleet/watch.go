package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"time"

	"homeward/internal/fleet"
)

// watch prints what happens, until it is interrupted.
func watch(ctx context.Context, e env, args []string) error {
	var o options
	flags := flag.NewFlagSet("watch", flag.ContinueOnError)
	o.add(flags)
	asJSON := flags.Bool("json", false, "one JSON object a line: topic and message")
	if _, err := e.parse(flags, args, 0); err != nil {
		return err
	}
	conf, err := o.settings()
	if err != nil {
		return err
	}
	f := newFollower(ctx, conf, o.site)
	f.noted = e.noteLink(conf.Broker)
	f.heard = func(m fleet.Message) {
		if m.Retained { // it was so before
			return
		}
		if *asJSON {
			printMessage(e, m)
			return
		}
		if text := lineOf(m); text != "" {
			fmt.Fprintf(e.stdout, "%s  %-30s  %s\n", time.Now().Format(time.TimeOnly), m.Name, plain(text))
		}
	}
	f.run(ctx)
	return nil
}

func printMessage(e env, m fleet.Message) {
	if !json.Valid(m.Text) {
		return
	}
	_ = json.NewEncoder(e.stdout).Encode(map[string]any{"site": m.Site, "device": m.Device, "kind": m.Kind, "message": json.RawMessage(m.Text)}) // a pipe that is closed ends the command
}

// lineOf is a message in one line; "" for one that has nothing to say.
func lineOf(m fleet.Message) string {
	join := func(words ...string) string { return strings.Join(strings.Fields(strings.Join(words, " ")), " ") }
	switch m.Kind {
	case fleet.PresenceTopic:
		p := read[fleet.Presence](m.Text)
		switch {
		case p == nil:
			return "removed"
		case p.Online:
			return join("online", p.Version)
		case p.At.IsZero():
			return "offline: the broker does not hear it any more"
		default:
			return "offline: it was stopped"
		}
	case fleet.StateTopic:
		s := read[fleet.State](m.Text)
		if s == nil {
			return ""
		}
		d := device{Name: m.Name, presence: &fleet.Presence{Online: true, At: time.Now()}, state: s}
		return join("is", d.standing(time.Now()), s.Reason, d.registrar())
	default:
		e := read[fleet.Event](m.Text)
		if e == nil {
			return ""
		}
		return join(e.Event, e.State, e.Step, e.Reason, e.Host)
	}
}
