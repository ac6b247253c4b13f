package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"homeward/e2e/needs"
	"homeward/internal/config"
	"homeward/internal/golden"
	"homeward/provisioning"
)

const manDir = "../../packaging/man"

// The manual pages are made from what the program itself says: verbs, flags, keys, exit codes. What stands below is
// what only they say.
var (
	manFiles = []struct{ path, text string }{
		{config.DefaultFile, "the configuration, homeward.toml(5); " + defaultsOf("state_dir", "runtime_dir") + " are set there"},
		{"state_dir/" + databaseFile, "the last good record"},
		{"state_dir/" + secondCopy, "the second copy of it, in a form that people can read. It contains no secrets"},
		{"state_dir/record.key", "the key that seals Registrars outside the SIP domain in the record. It is created when there is one, and only the user of the daemon may read it"},
		{"state_dir/" + historyFile, "the events that homeward history shows. The daemon appends to it when it starts, when it saves a new record, when its state becomes registered, outage or resting, and when it ends"},
		{"runtime_dir/control.sock", "the socket over which the verbs talk to the daemon"},
		{"runtime_dir/registrar.json", "what the SIP stack of the phone should use now. It is replaced as a whole, and then on_change is started"},
	}
	manEnvironment = []struct{ name, text string }{
		{"COLUMNS", "the width of the terminal, in place of what the terminal says"},
		{"NO_COLOR", "if it is set, whatever its value, output has no colour. It also has none if TERM is unset or \"dumb\", or if it does not go to a terminal"},
		{"CREDENTIALS_DIRECTORY", "the file password in it is read in place of password_file (set by systemd for LoadCredential=)"},
		{"NOTIFY_SOCKET, JOURNAL_STREAM", "these are set by systemd. Through the first, the daemon reports when it is ready and how it is doing; with the second, it writes the log in the format of the journal"},
	}
)

func defaultsOf(names ...string) string {
	var texts []string
	for _, name := range names {
		texts = append(texts, fmt.Sprintf("%s (default %s)", name, keyNamed(name).Default))
	}
	return strings.Join(texts, " and ")
}

// roff is a manual page in the making (man(7)).
type roff struct{ strings.Builder }

func newRoff(name, section, title string) *roff {
	var r roff
	fmt.Fprintf(&r, ".\\\" Made by go test ./cmd/agent -run Manual -update: do not edit.\n.TH %s %s \"\" homeward \"homeward manual\"\n.SH NAME\n%s \\- %s\n",
		strings.ToUpper(name), section, roffText(name), roffText(title))
	return &r
}

// roffText is text that roff prints as it is. Every hyphen is one that can be copied as such.
func roffText(s string) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case c == '\\':
			b.WriteString(`\e`)
		case c == '-' || c == '^' || c == '~' || c == '`':
			b.WriteString(map[rune]string{'-': `\-`, '^': `\(ha`, '~': `\(ti`, '`': `\(ga`}[c])
		case c == '\'':
			b.WriteString(`\(aq`)
		case c > unicode.MaxASCII:
			fmt.Fprintf(&b, `\[u%04X]`, c)
		default:
			b.WriteRune(c)
		}
	}
	if strings.HasPrefix(s, ".") {
		return `\&` + b.String()
	}
	return b.String()
}

func (r *roff) section(title string) { fmt.Fprintf(r, ".SH %s\n", title) }

func (r *roff) sub(title string) { fmt.Fprintf(r, ".SS \"%s\"\n", roffText(title)) }

// begin begins a paragraph; right below a heading one has begun.
func (r *roff) begin() {
	lines := strings.Split(r.String(), "\n")
	if !strings.HasPrefix(lines[len(lines)-2], ".SH ") {
		fmt.Fprint(r, ".PP\n")
	}
}

func (r *roff) paragraph(text string) {
	r.begin()
	fmt.Fprintf(r, "%s\n", roffText(text))
}

func (r *roff) code(text string) {
	r.begin()
	fmt.Fprint(r, ".RS 4\n.nf\n")
	for line := range strings.SplitSeq(text, "\n") {
		fmt.Fprintf(r, "%s\n", roffText(line))
	}
	fmt.Fprint(r, ".fi\n.RE\n")
}

// item is a term in bold with what it means below it, one paragraph for each text that says something.
func (r *roff) item(term string, texts ...string) {
	fmt.Fprintf(r, ".TP\n\\fB%s\\fR\n", roffText(term))
	between := ""
	for _, text := range texts {
		if text != "" {
			fmt.Fprintf(r, "%s%s\n", between, roffText(text))
			between = ".IP\n"
		}
	}
}

// sentence makes one of what help and tables say without capital and full stop.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}

// whatToDo is a hint as a paragraph of its own.
func whatToDo(hint string) string {
	if strings.HasPrefix(hint, "nothing to do") {
		return sentence(hint)
	}
	return "To do: " + hint + "."
}

// manual is homeward(1).
func manual() string {
	root := rootCommand(env{})
	r := newRoff("homeward", "1", "find the Lync SIP Registrar of this device and register with it")
	r.section("SYNOPSIS")
	fmt.Fprintf(r, "\\fBhomeward\\fR \\fIVERB\\fR [\\fIflags\\fR]\n")
	r.section("DESCRIPTION")
	r.paragraph(root.Long)
	r.paragraph("Results go to standard output, remarks to standard error: \"homeward: error: ...\" and \"homeward: hint: ...\". " +
		"On a terminal, text is wrapped to its width; elsewhere a line stays a line. What --json prints does not depend on either.")
	r.section("VERBS")
	examples := root.Example
	for _, group := range grouped(root) {
		r.sub(group.title)
		for _, verb := range group.verbs {
			examples += r.verb(verb)
		}
	}
	r.section("FLAGS OF EVERY VERB")
	r.flags(root.PersistentFlags())
	r.item("-h, --help", "Show the help of the verb.")
	r.section("EXIT STATUS")
	for _, e := range exitCodes {
		r.item(fmt.Sprint(e.code), sentence(e.meaning))
	}
	r.section("FILES")
	for _, f := range manFiles {
		r.item(f.path, sentence(f.text))
	}
	r.section("ENVIRONMENT")
	for _, e := range manEnvironment {
		r.item(e.name, sentence(e.text))
	}
	r.paragraph("No variable holds a password, and none sets what a key of the configuration sets.")
	r.section("SIGNALS")
	r.item("SIGTERM, SIGINT", "homeward run unregisters and exits within five seconds. A second signal has no effect.")
	r.item("SIGHUP", "Ignored. After a change of the configuration, restart the daemon.")
	r.section("REASONS")
	r.paragraph("Why something failed or was left out, and what to do about it. The codes are the same in every verb, in the log and in JSON, and are never renamed.")
	for _, reason := range provisioning.Reasons() {
		r.item(string(reason.Code), sentence(reason.Title), whatToDo(reason.Hint))
	}
	r.section("EXAMPLES")
	r.code(strings.TrimSuffix(examples, "\n"))
	r.section("SEE ALSO")
	fmt.Fprint(r, "\\fBhomeward.toml\\fR(5)\n")
	return r.String()
}

// verb describes a verb and those below it, and returns their examples.
func (r *roff) verb(c *cobra.Command) string {
	examples := ""
	if c.Example != "" {
		examples = c.Example + "\n"
	}
	if !c.HasSubCommands() || c.Name() == "dhcp" { // the others do nothing by themselves
		settings, own := flagsOf(c)
		about := ""
		switch {
		case settings.Lookup(config.Keys()[0].Flag()) != nil:
			about = "Every key of homeward.toml(5) is a flag, too."
		case settings.HasFlags():
			about = "The key interface of homeward.toml(5) is a flag, too."
		}
		r.item(c.UseLine(), sentence(c.Short), c.Long, about)
		if len(visible(own)) > 0 {
			fmt.Fprint(r, ".RS\n")
			r.flags(own)
			fmt.Fprint(r, ".RE\n")
		}
	}
	for _, below := range c.Commands() {
		examples += r.verb(below)
	}
	return examples
}

// visible are the flags that stand in the manual at their verb.
func visible(flags *pflag.FlagSet) (list []*pflag.Flag) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" && !f.Hidden {
			list = append(list, f)
		}
	})
	return list
}

func (r *roff) flags(flags *pflag.FlagSet) {
	for _, f := range visible(flags) {
		name, usage := pflag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "0" && f.DefValue != "false" && f.DefValue != "[]" && f.Value.Type() != "bool" {
			usage += " (default " + f.DefValue + ")"
		}
		r.item(strings.TrimSpace("--"+f.Name+" "+name), sentence(usage))
	}
}

// configManual is homeward.toml(5).
func configManual() string {
	r := newRoff("homeward.toml", "5", "configuration of homeward")
	r.section("SYNOPSIS")
	fmt.Fprintf(r, "\\fI%s\\fR\n", roffText(config.DefaultFile))
	r.section("DESCRIPTION")
	r.paragraph("A file in TOML, without tables: a line for each key that is to differ from its default. Only sip_address is required. " +
		"A key that does not exist is an error. The daemon reads the file when it starts; restart it after a change.")
	r.paragraph("Text stands in quotes. Inside single quotes a backslash is literal: 'CONTOSO\\phone1'.")
	r.paragraph("Each key is also a flag of homeward run, plan and check, with hyphens: --sip-address for sip_address. A flag overrides the file.")
	r.paragraph("The file must not be writable by everybody. The password itself is in no key; see password_file.")
	r.section("KEYS")
	for _, k := range config.Keys() {
		first, more, _ := strings.Cut(k.Doc, "\n")
		facts := "Default: " + k.Default
		if k.Default == "" {
			facts = "Example: " + k.Example
		}
		r.item(k.Name, strings.TrimSpace(sentence(first)+" "+strings.ReplaceAll(more, "\n", " ")), facts)
	}
	r.section("EXAMPLES")
	r.paragraph("What most sites need:")
	r.code("sip_address = \"sip:phone1@contoso.com\"\nuser = 'CONTOSO\\phone1'\npassword_file = \"/etc/homeward/password\"")
	r.paragraph("homeward config example prints a file with every key and what it means; homeward config check says what is wrong with a file, and in which line.")
	r.section("SEE ALSO")
	fmt.Fprint(r, "\\fBhomeward\\fR(1)\n")
	return r.String()
}

// TestManual keeps packaging/man what the program says, and proper roff.
func TestManual(t *testing.T) {
	for name, text := range map[string]string{"homeward.1": manual(), "homeward.toml.5": configManual()} {
		t.Run(name, func(t *testing.T) { golden.Compare(t, filepath.Join(manDir, name), []byte(text)) })
		for _, check := range [][]string{{"groff", "-man", "-Tutf8", "-ww", "-z"}, {"mandoc", "-Tlint", "-Wwarning"}} {
			t.Run(name+" in the eyes of "+check[0], func(t *testing.T) {
				needs.Program(t, check[0])
				cmd := exec.Command(check[0], append(check[1:], filepath.Join(manDir, name))...)
				out, err := cmd.CombinedOutput()
				said := strings.TrimSpace(string(out))
				if err != nil && said == "" {
					t.Error(err)
				}
				for line := range strings.SplitSeq(said, "\n") {
					if line != "" && !strings.Contains(line, "missing date") { // a page that has none is the same every day
						t.Error(line)
					}
				}
			})
		}
	}
}

// No verb gets lost between the groups.
func TestManualIsComplete(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(manDir, "homeward.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range rootCommand(env{}).Commands() {
		if !strings.Contains(string(page), "\\fBhomeward "+verb.Name()) {
			t.Errorf("homeward(1) does not know %s", verb.Name())
		}
	}
}
