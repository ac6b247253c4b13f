package main

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"homeward/internal/anchor"
	"homeward/internal/config"
	"homeward/internal/nearest"
	"homeward/provisioning"
)

// addSettingFlags gives a command a flag for each of the named keys, or for all. A flag beats the file.
func addSettingFlags(c *cobra.Command, names ...string) {
	for _, k := range config.Keys() {
		if len(names) > 0 && !slices.Contains(names, k.Name) {
			continue
		}
		doc, _, _ := strings.Cut(k.Doc, "\n")
		switch {
		case k.Kind == config.Truth && k.Default == "true":
			doc += " (default true; off: --" + k.Flag() + "=false)"
		case k.Default != "":
			doc += " (default " + k.Default + ")"
		}
		f := c.Flags().VarPF(&flagValue{key: k}, k.Flag(), "", doc)
		if k.Kind == config.Truth {
			f.NoOptDefVal = "true"
		}
		completeKey(c, k)
	}
	c.Flags().SortFlags = false
}

// setByFlag says whether a setting was given as a flag.
func setByFlag(c *cobra.Command) (set bool) {
	c.Flags().Visit(func(f *pflag.Flag) {
		if _, ok := f.Value.(*flagValue); ok {
			set = true
		}
	})
	return set
}

// flagError says what is wrong with a flag, and which one was probably meant.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		text := "unknown flag: --" + unknown.GetSpecifiedName()
		if near := nearest.Word(unknown.GetSpecifiedName(), names); near != "" {
			text += ", did you mean --" + near + "?"
		}
		return badUsage("%s", text)
	case errors.As(err, &invalid) && invalid.GetFlag().Value.Type() == "int":
		return badUsage("--%s: %q is not a whole number", invalid.GetFlag().Name, invalid.GetValue())
	case errors.As(err, &invalid):
		return badUsage("--%s: %v", invalid.GetFlag().Name, invalid.Unwrap())
	default:
		return badUsage("%v", err)
	}
}

// flagValue is the value of a setting given as a flag.
type flagValue struct {
	key   config.Key
	value config.Value
}

// Set is called for each time the flag is given.
func (f *flagValue) Set(s string) error { return f.key.Add(&f.value, s) }

// Type is the placeholder in the help; pflag shows none for "bool".
func (f *flagValue) Type() string {
	return [...]string{config.Text: "text", config.Truth: "bool", config.List: "list", config.Command: "argument"}[f.key.Kind]
}

// String is the default as help shows it: addSettingFlags writes it into the text.
func (f *flagValue) String() string { return "" }

// loadSettings reads the file named by --config, and the flags of c.
func loadSettings(c *cobra.Command) (config.Settings, error) {
	path, err := c.Flags().GetString("config")
	if err != nil {
		return config.Settings{}, err
	}
	from := config.Source{
		File: path, Named: c.Flags().Changed("config"), Flags: map[string]config.Value{},
		Credentials: os.Getenv("CREDENTIALS_DIRECTORY"), Password: config.DefaultPassword,
	}
	if c.Name() != "run" { // the daemon, once it runs
		from.RunsAs = runsAs(c.Context(), path)
	}
	c.Flags().Visit(func(f *pflag.Flag) {
		if given, ok := f.Value.(*flagValue); ok {
			from.Flags[given.key.Name] = given.value
		}
	})
	s, err := config.Load(from)
	return s, misconfigured(err)
}

// loadConfig reads the configuration file and the flags of c, and checks the values of the named keys, or of all.
func loadConfig(c *cobra.Command, names ...string) (*config.Config, error) {
	s, err := loadSettings(c)
	if err != nil {
		return nil, err
	}
	return checked(s, names...)
}

// notStarting is what to do about what cannotStart returns.
const notStarting = "as a service, homeward cannot start like this: put it right, then run homeward service start"

// cannotStart is why a daemon without flags of its own would end at its start, as far as who asks may read what it reads: nil, if nothing is wrong with that.
func cannotStart(c *cobra.Command) error {
	_, wrong := loadConfig(c)
	if errors.Is(wrong, fs.ErrPermission) {
		return nil
	}
	return wrong
}

// loadPlaces returns where a daemon keeps its files, for commands that only read. They work without the right
// to read the configuration.
func loadPlaces(c *cobra.Command) (*config.Config, error) {
	s, err := loadSettings(c)
	if errors.Is(err, fs.ErrPermission) && !c.Flags().Changed("config") {
		s, err = config.Defaults(), nil
	}
	if err != nil {
		return nil, err
	}
	return placesOf(s)
}

// placesOf returns the directories alone.
func placesOf(s config.Settings) (*config.Config, error) {
	return checked(s, "state_dir", "runtime_dir")
}

// checked checks the values of the named keys, or of all.
func checked(s config.Settings, names ...string) (*config.Config, error) {
	conf, err := s.Check(names...)
	return conf, misconfigured(err)
}

// misconfigured gives what is wrong with the configuration its exit code.
func misconfigured(err error) error {
	if err == nil {
		return nil
	}
	return &failure{code: exitUsage, err: err}
}

// loadSite is loadConfig for a command that asks the network. It refuses a flag that names an interface which is not there:
// whoever types it is there to correct it. What the file names may come later, and is asked then.
func loadSite(c *cobra.Command, names ...string) (*config.Config, error) {
	conf, err := loadConfig(c, names...)
	if err != nil || !c.Flags().Changed("interface") {
		return conf, err
	}
	if err := config.InterfaceHere(conf.Policy.Interface); err != nil {
		return nil, badUsage("--interface: %v", err)
	}
	return conf, nil
}

// identify says what this program and this device are, for those who are told.
func identify(p *provisioning.Policy, v versionAnswer) {
	p.Version, p.Built = v.Version, v.builtAt()
	p.Workstation, _ = os.Hostname() // unknown is not told
}

// anchored gives a policy the authorities that were accepted on this device.
func anchored(conf *config.Config) {
	store, domain := anchor.In(conf.StateDir), conf.Policy.SIPAddress.Domain
	conf.Policy.Anchors = func() (anchors []provisioning.Anchor) {
		kept, _ := store.Of(domain) // what cannot be read is not trusted; trust show says why
		for i := range kept {
			a := &kept[i]
			anchors = append(anchors, provisioning.Anchor{Fingerprint: a.Fingerprint, Subject: a.Subject, FirstUse: a.By == anchor.FirstUse})
		}
		return anchors
	}
}

// accepts has authorities kept that are trusted on first use: the daemon does that, and nobody who only looks.
func accepts(conf *config.Config) {
	store, domain := anchor.In(conf.StateDir), conf.Policy.SIPAddress.Domain
	conf.Policy.Accept = func(a provisioning.Anchor) error {
		return store.Keep(anchor.Anchor{Fingerprint: a.Fingerprint, Subject: a.Subject, SIPDomain: domain, By: anchor.FirstUse, At: time.Now().UTC().Truncate(time.Second)})
	}
}
