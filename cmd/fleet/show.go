package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"time"

	"homeward/internal/fleet"
	"homeward/provisioning"
)

// show prints everything about one device.
func show(ctx context.Context, e env, args []string) error {
	var o options
	flags := flag.NewFlagSet("show", flag.ContinueOnError)
	o.add(flags)
	asJSON := flags.Bool("json", false, "one JSON object")
	names, err := e.parse(flags, args, 1)
	if err != nil {
		return err
	}
	conf, err := o.settings()
	if err != nil {
		return err
	}
	r, err := snapshot(ctx, conf, o.site)
	if err != nil {
		return err
	}
	wanted := names[0]
	found := r.all(func(d *device) bool { return isCalled(d, wanted) })
	switch {
	case len(found) == 0:
		return &failure{exitNothing, fmt.Errorf("no device is called %s", plain(wanted)), "the names are those of fleet list: DEVICE, SITE/DEVICE, or a SIP address"}
	case len(found) > 1:
		return &failure{exitFailed, fmt.Errorf("%d devices are called %s", len(found), plain(wanted)), "give SITE/DEVICE: " + found[0].Name.String() + ", " + found[1].Name.String() + ", ..."}
	}
	now := time.Now()
	if *asJSON {
		to := json.NewEncoder(e.stdout)
		to.SetIndent("", "  ")
		return to.Encode(rowOf(found[0], now))
	}
	return table(e.stdout, describe(found[0], now))
}

// isCalled says whether a name is that of a device: its own, with or without its site, or its SIP address.
func isCalled(d *device, name string) bool {
	if d.Device == name || d.Name.String() == name {
		return true
	}
	s := d.known()
	isAddress := strings.Contains(name, "@")
	return isAddress && (s.Account == fleet.AccountOf(name) || s.SIPAddress != "" && strings.TrimPrefix(strings.ToLower(name), "sip:") == strings.TrimPrefix(strings.ToLower(s.SIPAddress), "sip:"))
}

// describe says everything about a device, a line for each thing that is known.
func describe(d *device, now time.Time) (rows [][]string) {
	line := func(what, text string) {
		if text != "" {
			rows = append(rows, []string{what, plain(text)})
		}
	}
	when := func(what string, at time.Time) {
		if !at.IsZero() {
			line(what, at.UTC().Format(time.DateTime)+" UTC")
		}
	}
	s := d.state
	line("device", d.Name.String())
	line("state", d.standing(now))
	if d.presence != nil {
		if !d.presence.Online && !d.presence.At.IsZero() {
			line("", "it was stopped; it did not lose its power")
		}
		line("homeward", d.presence.Version)
	}
	when("heard", d.at())
	if s == nil {
		return rows
	}
	when("since", s.Since)
	line("because", s.Reason)
	if s.Reason != "" {
		line("hint", provisioning.Reason(s.Reason).Hint())
	}
	line("slow or lossy", strings.Join(s.Pace, " "))
	line("SIP address", s.SIPAddress)
	line("account", s.Account)
	line("SIP domain", s.SIPDomain)
	if r := s.Registrar; r != nil {
		line("Registrar", placeOf(*r))
		line("found by", r.Step)
	}
	when("registered", s.RegisteredAt)
	for _, r := range s.Home {
		line("home", placeOf(r))
	}
	line("media relays", strings.Join(s.MediaRelays, " "))
	if c := s.Cache; c != nil {
		line("last good", fmt.Sprintf("%s, generation %d", c.Registrar, c.Generation))
		when("", c.WrittenAt)
	} else {
		line("last good", "none: in an outage it has nothing to try")
	}
	when("certificate until", s.CertificateUntil)
	when("broker certificate until", s.BrokerCertificateUntil)
	if f := s.LastFailure; f != nil {
		line("last failure", strings.Join(strings.Fields(f.Reason+" "+f.Step+" "+f.Host), " "))
		when("", f.At)
	}
	c := s.Counters
	line("since its start", fmt.Sprintf("%d cycles, %d registrations, %d failures, %d outages, %d events not delivered", c.Cycles, c.Registrations, c.Failures, c.Outages, c.Dropped))
	return rows
}

func placeOf(r fleet.Registrar) string {
	text := fmt.Sprintf("%s:%d over %s", r.Host, r.Port, strings.ToUpper(r.Transport))
	if r.Address.IsValid() {
		text += " at " + r.Address.String()
	}
	return strings.TrimSpace(text + " " + r.Role)
}
