package service

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v5"

	"homeward/internal/fleet"
	"homeward/provisioning"
	"homeward/service/control"
)

const fleetSchema = "../docs/fleet.schema.json"

// valid fails if a message is not as the schema has it.
func valid(t *testing.T, what string, message any) {
	t.Helper()
	text, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat = true
	schema, err := os.ReadFile(fleetSchema)
	if err != nil {
		t.Fatal(err)
	}
	if err := compiler.AddResource("fleet.json", bytes.NewReader(schema)); err != nil {
		t.Fatal(err)
	}
	var read any
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if err := compiler.MustCompile("fleet.json#/$defs/" + what).Validate(read); err != nil {
		t.Errorf("%s: %#v", text, err)
	}
}

// newFleet is a reader of a story, for a broker that nobody asks.
func newFleet(t *testing.T, story *Story, identities bool) *Fleet {
	t.Helper()
	conf := fleet.Settings{Broker: "broker.contoso.com:8883", Name: fleet.Name{Site: "site1", Device: "phone1"}, Identities: identities}
	return NewFleet(conf, "v1", func() fleet.Cache { return fleet.Cache{Generation: 3, WrittenAt: noon, Registrar: "fe01.contoso.com"} }, story, slog.New(slog.DiscardHandler))
}

// What is published has the form that the schema says, and names nobody unless the site has asked for it.
func TestFleetState(t *testing.T) {
	s := onFE01()
	s.SIPAddress, s.SIPDomain, s.Degraded, s.Reason, s.RegisteredAt = "sip:phone1@contoso.com", "contoso.com", true, provisioning.DNSTimeout, noon
	s.What, s.Detail, s.Hint = "phone1@contoso.com", "sip:phone1@contoso.com", "CONTOSO\\phone1"
	s.NextAttempt = noon.Add(time.Minute)
	s.Certificate = &provisioning.Identity{Subject: "CN=phone1@contoso.com", NotAfter: noon.AddDate(1, 0, 0)}
	s.Pace = []provisioning.Pace{{Reason: provisioning.DNSTimeout}, {Reason: provisioning.DNSTimeout}, {Reason: provisioning.ConnectTimeout, What: "phone1"}}
	for _, identities := range []bool{false, true} {
		story, _ := newStory(t)
		f := newFleet(t, story, identities)
		f.status = func() provisioning.Status { return s }
		for _, e := range []provisioning.Event{
			{Kind: provisioning.StateChanged, State: provisioning.Discovering, At: noon},
			{Kind: provisioning.StateChanged, State: provisioning.Outage, At: noon},
			{Kind: provisioning.Attempted, Step: provisioning.LastGood, Endpoint: provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061}, Reason: provisioning.ConnectTimeout, Detail: "sip:phone1@contoso.com", At: noon},
			{Kind: provisioning.StateChanged, State: provisioning.Registered, Degraded: true, At: noon.Add(time.Minute)},
			{Kind: provisioning.StateChanged, State: provisioning.Registered, At: noon.Add(2 * time.Minute)}, // still
		} {
			f.Tell(&e)
		}
		got := f.snapshot()
		got.Version, got.At = 1, noon
		valid(t, "state", got)
		if text, _ := json.Marshal(got); strings.Contains(string(text), "phone1") != identities {
			t.Errorf("identities %v: %s", identities, text)
		}
		if want := (fleet.Counters{Cycles: 1, Registrations: 1, Failures: 1, Outages: 1}); got.Counters != want || !got.Since.Equal(noon.Add(time.Minute)) {
			t.Errorf("got %+v since %v", got.Counters, got.Since)
		}
		if diff := cmp.Diff([]string{"dns-timeout", "connect-timeout"}, got.Pace); diff != "" || !got.CertificateUntil.Equal(noon.AddDate(1, 0, 0)) {
			t.Errorf("until %v, %s", got.CertificateUntil, diff)
		}
		if want := (fleet.Failure{At: noon, Reason: "connect-timeout", Step: "last-good", Host: "fe01.contoso.com"}); *got.LastFailure != want {
			t.Errorf("got %+v", got.LastFailure)
		}
	}
	valid(t, "presence", fleet.Presence{})
	valid(t, "presence", fleet.Presence{Online: true, Version: "v1", BootID: bootID(), At: noon})
}

// The fields of the messages and those of the schema are the same.
func TestFleetSchemaNamesTheFields(t *testing.T) {
	text, err := os.ReadFile(fleetSchema)
	if err != nil {
		t.Fatal(err)
	}
	type object struct {
		Properties map[string]json.RawMessage
	}
	var schema struct {
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	within := func(name string) object {
		var o object
		if err := json.Unmarshal(schema.Defs["state"].Properties[name], &o); err != nil {
			t.Fatal(err)
		}
		return o
	}
	for _, test := range []struct {
		of     any
		schema object
	}{
		{fleet.Presence{}, schema.Defs["presence"]}, {fleet.State{}, schema.Defs["state"]}, {fleet.Event{}, schema.Defs["event"]}, {fleet.Registrar{}, schema.Defs["registrar"]},
		{fleet.Cache{}, within("cache")}, {fleet.Failure{}, within("last_failure")}, {fleet.Counters{}, within("counters")},
	} {
		var want, got []string
		for f := range reflect.TypeOf(test.of).Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			want = append(want, name)
		}
		for name := range test.schema.Properties {
			got = append(got, name)
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%T: %s", test.of, diff)
		}
	}
}

// A week of an outage is a few events: what goes on is told once.
func TestFleetEvents(t *testing.T) {
	story, _ := newStory(t)
	story.start("v1")
	outageOf(story, 7*24*60)
	entries, _, err := story.Next(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		if e.Count > 1 {
			e.Count = 0 // as it was when it was new
		}
		if tellsFleet(&e) {
			event := fleetEvent(&e)
			valid(t, "event", event)
			got = append(got, event.Event+" "+event.State+" "+event.Reason)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"attempt outage connect-timeout", "lookup recalling dns-timeout", "start  ", "state discovering ", "state outage ", "state resting "}, got); diff != "" {
		t.Error(diff)
	}
	for _, e := range []control.Entry{{Event: "attempt"}, {Event: "refresh"}, {Event: "lookup", Verdict: "found"}, {Event: "wait", Reason: "connect-refused"}, {Event: "state", Count: 2}} {
		if tellsFleet(&e) {
			t.Errorf("%+v is published", e)
		}
	}
}

// Without a broker nothing is kept and nothing is done; with one that does not answer, the end is not held up.
func TestFleetWithoutBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, broker := range []string{"", "broker.contoso.com:8883"} {
			story, _ := newStory(t)
			f := newFleet(t, story, false)
			f.conf.Broker = broker
			conf := f.conf
			conf.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
			f.publisher = fleet.NewPublisher(conf, fleet.Presence{}, f.snapshot, f.note)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- f.Task(func() provisioning.Status { return onFE01() }).Run(ctx) }()
			outageOf(story, 1)
			f.Tell(&provisioning.Event{Kind: provisioning.Lost, Reason: provisioning.ConnectReset})
			if counted := f.counters.Failures > 0; counted != (broker != "") {
				t.Errorf("%q: it counts: %v", broker, counted)
			}
			time.Sleep(time.Minute) // of the bubble
			began := time.Now()
			cancel()
			<-ended
			if took := time.Since(began); took > time.Second {
				t.Errorf("%q: the end took %v", broker, took)
			}
		}
	})
}
