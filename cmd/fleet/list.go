package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"io"
	"slices"
	"strings"
	"time"

	"homeward/internal/fleet"
)

// row is a device as JSON shows it.
type row struct {
	Site     string          `json:"site"`
	Device   string          `json:"device"`
	Standing string          `json:"standing"`
	Presence *fleet.Presence `json:"presence,omitempty"`
	State    *fleet.State    `json:"state,omitempty"`
}

func rowOf(d *device, now time.Time) row {
	return row{d.Site, d.Device, d.standing(now), d.presence, d.state}
}

// list prints the devices.
func list(ctx context.Context, e env, args []string) error {
	var o options
	flags := flag.NewFlagSet("list", flag.ContinueOnError)
	o.add(flags)
	asJSON := flags.Bool("json", false, "one JSON object a line")
	only := flags.String("state", "", "only devices that stand like this: "+strings.Join(standings, ", "))
	if _, err := e.parse(flags, args, 0); err != nil {
		return err
	}
	if *only != "" && !slices.Contains(standings, *only) {
		return usagef("--state: %q is none of %s", *only, strings.Join(standings, ", "))
	}
	conf, err := o.settings()
	if err != nil {
		return err
	}
	r, err := snapshot(ctx, conf, o.site)
	if err != nil {
		return err
	}
	now := time.Now()
	devices := r.all(func(d *device) bool { return *only == "" || d.standing(now) == *only })
	if *asJSON {
		err = printRows(e.stdout, devices, now)
	} else {
		err = printList(e.stdout, devices, now)
	}
	e.remarkPartial(r.partial())
	return err
}

func printRows(w io.Writer, devices []*device, now time.Time) error {
	out := bufio.NewWriterSize(w, 64<<10)
	to := json.NewEncoder(out)
	for _, d := range devices {
		if err := to.Encode(rowOf(d, now)); err != nil {
			return err
		}
	}
	return out.Flush()
}

func printList(w io.Writer, devices []*device, now time.Time) error {
	rows := make([][]string, 1, len(devices)+1)
	rows[0] = []string{"SITE", "DEVICE", "STATE", "SINCE", "REGISTRAR", "REASON", "HEARD"}
	for _, d := range devices {
		s, standing := d.known(), d.standing(now)
		since := s.Since
		if standing == offline || standing == silent {
			since = time.Time{} // when it fell silent, nobody has said
		}
		rows = append(rows, []string{d.Site, d.Device, standing, ago(since, now), or(d.registrar()), or(s.Reason), ago(d.at(), now)})
	}
	return table(w, rows)
}
