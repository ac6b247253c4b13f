package main

import (
	"encoding"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"homeward/internal/golden"
	"homeward/provisioning"
	"homeward/provisioning/check"
	"homeward/provisioning/drill"
	"homeward/service"
	"homeward/service/control"
	"homeward/service/manager"
)

const jsonReference = "../../docs/json.md"

// document is one kind of JSON that somebody outside reads.
type document struct {
	title string // the command whose --json prints it, or the file
	what  string
	value any
}

// documents are all of them: those of commands, then the files. A command with --json that is not here fails the test.
var documents = []document{
	{"homeward status --json", "With `--watch`, one object for each change.", provisioning.Status{}},
	{"homeward plan --json", "What DNS and DHCP say, and what a device would try.", planAnswer{}},
	{"homeward check --json", "The outcome of a check.", check.Report{}},
	{"homeward drill --json", "The outcome of a drill.", drill.Report{}},
	{"homeward dhcp --json", "What DHCP and DHCPv6 servers answer.", dhcpAnswer{}},
	{"homeward dhcp encode --json", "The bytes of the options, and how to enter them.", encodeAnswer{}},
	{"homeward cache show --json", "The last good record.", recordAnswer{}},
	{"homeward cache export --json", "The record, without its source.", exportAnswer{}},
	{"homeward identity show --json", "The certificate for sign-in.", identityAnswer{}},
	{"homeward trust show --json", "The authorities that are trusted besides roots.", trustAnswer{}},
	{"homeward history --json", "One object a line, also in `history.jsonl`.", control.Entry{}},
	{"homeward config check --json", "What the configuration sets.", configAnswer{}},
	{"homeward service status --json", "", manager.Managed{}},
	{"homeward identity show --json", "The certificate with which the device signs in.", identityAnswer{}},
	{"homeward trust show --json", "The authorities that are trusted besides the setting `roots`, and those that were met.", trustAnswer{}},
	{"homeward version --json", "The version of the program.", versionAnswer{}},
	{"registrar.json", "In `runtime_dir`: what the SIP stack of the phone should use now.", service.RegistrarFile{}},
	{"last-good.json", "In `state_dir`: the record, and as its last member `checksum`, the SHA-256 of every byte before that member (`sha256:` and hexadecimal digits).", exportAnswer{}},
	{"homeward bundle: config.json", "A bundle also holds `status.json`, `check.json`, `plan.json`, `dhcp.json`, `cache.json`, and `history.jsonl` and `failures.jsonl`, each as the command prints it, with tokens in place of identities. A part that could not be had is an object with `version`, `error` and `hints`.", configPart{}},
	{"homeward bundle: system.json", "What program this is and where it runs. What the system does not tell is absent.", systemPart{}},
	{"homeward bundle: index.html", "The page holds all parts as one value, for its script.", bundleData{}},
}

// usual are fields that mean the same wherever they are.
var usual = map[string]string{
	"version": "of this form: 1", "took_ms": "how long it took, in milliseconds", "reason": "a code of [reasons.md](reasons.md)", "hint": "what to do",
	"what": "what is wrong, as [faults.md](faults.md) has it", "fault": "its id in [faults.md](faults.md)", "detail": "raw words", "host": "a name, or an address without brackets", "port": "a port",
	"transport": "how it is reached", "address": "the one used", "addresses": "all that are known", "step": "where in the device order", "via": "what has led there", "registrar": "the one in use",
	"home": "the home pool: primary, then backup", "media_relays": "the media relays", "state": "where the agent stands", "degraded": "registered through last good", "sip_address": "of this device",
	"sip_domain": "its part after the @", "registered_at": "since when", "expires_at": "until when the binding is good", "cycle": "the latest walk through a plan", "sources": "what each source said",
	"attempts": "what was tried, and skipped", "started_at": "when it began", "query": "what was asked for", "verdict": "what that proved", "store": "what is not as it should be with the store",
	"problem": "what is wrong with it", "names": "host names", "hex": "the bytes as sent", "wrong_bytes": "the places of the bytes that are wrong, from 0", "interface": "the network interface", "server": "who has answered",
	"udp_port": "0 or absent: not offered", "tcp_port": "0 or absent: not offered", "title": "what it is about, in words", "name": "its name", "event": "what happened", "at": "when", "kind": "what it was",
}

// TestJSONReference keeps docs/json.md what the program prints.
func TestJSONReference(t *testing.T) {
	r := newReference(t)
	for _, d := range documents {
		r.document(d)
	}
	r.forms()
	golden.Compare(t, jsonReference, []byte(r.text()))
	listed := func(name string) bool {
		return slices.ContainsFunc(documents, func(d document) bool { return d.title == name+" --json" })
	}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Flags().Lookup("json") != nil && !listed(c.CommandPath()) {
			t.Errorf("%s --json is not in documents", c.CommandPath())
		}
		for _, verb := range c.Commands() {
			walk(verb)
		}
	}
	walk(rootCommand(env{}))
}

// reference is the page while it is made.
type reference struct {
	t      *testing.T
	parts  []string
	queued []reflect.Type               // structures that have a section of their own
	docs   map[string]map[string]string // by package: of types, of their fields ("Status.State"), and the constants of a type ("=Verdict")
}

func newReference(t *testing.T) *reference {
	return &reference{t: t, docs: map[string]map[string]string{}, parts: []string{`# JSON

<!-- generated by cmd/agent/json_test.go (make generate); do not edit -->

What ` + "`--json`" + ` prints, and the files that programs read. Field names are fixed: more may be added, none is renamed. Times are
RFC 3339 in UTC, durations are numbers of milliseconds. A field that is marked optional is absent while it is not known. Text that
came from the network is escaped as JSON, and nothing more: escape it again before you show it elsewhere.
`}}
}

func (r *reference) text() string { return strings.Join(r.parts, "\n") }

func (r *reference) document(d document) {
	typ := reflect.TypeOf(d.value)
	about := r.doc(typ, "")
	if d.what != "" {
		about = d.what
	}
	r.parts = append(r.parts, fmt.Sprintf("## %s\n\n%s\n\n%s", d.title, sentence(about), r.table(typ)))
}

// forms are the structures inside the documents, each once.
func (r *reference) forms() {
	r.parts = append(r.parts, "# Forms\n")
	for i := 0; i < len(r.queued); i++ {
		typ := r.queued[i]
		about := ""
		if doc, _, _ := strings.Cut(r.doc(typ, ""), ". "); doc != "" {
			about = sentence(doc) + "\n\n"
		}
		if typ.Kind() == reflect.Struct {
			about += r.table(typ)
		} else {
			about += "One of " + wordList(typ) + ".\n"
		}
		r.parts = append(r.parts, fmt.Sprintf("## %s\n\n%s", formName(typ), about))
	}
}

// formName is the name of a type as a heading has it: "Registrar", or where two packages have one, "cache Registrar".
func formName(typ reflect.Type) string {
	name := strings.ToUpper(typ.Name()[:1]) + typ.Name()[1:]
	if pkg := filepath.Base(typ.PkgPath()); pkg == "cache" || pkg == "drill" {
		return name + " of " + pkg
	}
	return name
}

func (r *reference) table(typ reflect.Type) string {
	var b strings.Builder
	b.WriteString("| field | form | meaning |\n|---|---|---|\n")
	for _, f := range reflect.VisibleFields(typ) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() || f.Anonymous {
			continue
		}
		owner := typ // the one in which the field stands
		for _, at := range f.Index[:len(f.Index)-1] {
			owner = owner.Field(at).Type
		}
		meaning := r.doc(owner, f.Name)
		if meaning == "" && (name != "version" || f.Type.Kind() == reflect.Int) {
			meaning = usual[name]
		}
		if meaning == "" {
			r.t.Errorf("%s.%s (%s) has no comment", owner, f.Name, name)
		}
		form := r.form(f.Type)
		if strings.Contains(options, "omit") {
			form += ", optional"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, form, strings.ReplaceAll(meaning, "|", `\|`))
	}
	return b.String()
}

// form is what a value looks like.
func (r *reference) form(typ reflect.Type) string {
	switch {
	case typ.Kind() == reflect.Pointer:
		return r.form(typ.Elem())
	case typ == reflect.TypeFor[time.Time]():
		return "time"
	case typ == reflect.TypeFor[netip.Addr]():
		return "address"
	case typ == reflect.TypeFor[provisioning.Reason]():
		return "code"
	case typ.Implements(reflect.TypeFor[encoding.TextMarshaler]()) && typ.Kind() == reflect.Int:
		return r.named(typ)
	case typ == reflect.TypeFor[netip.Prefix]():
		return "address with the length of its prefix"
	}
	switch typ.Kind() {
	case reflect.Struct:
		return r.named(typ)
	case reflect.Slice:
		return "list of " + r.form(typ.Elem())
	case reflect.Map:
		return "object of " + r.form(typ.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		if all := r.packageOf(typ)["="+typ.Name()]; all != "" {
			return all
		}
		return "text"
	case reflect.Interface:
		return "any"
	default:
		return "number"
	}
}

// named is a link to the section of a type.
func (r *reference) named(typ reflect.Type) string {
	if !slices.Contains(r.queued, typ) {
		r.queued = append(r.queued, typ)
	}
	name := formName(typ)
	return fmt.Sprintf("[%s](#%s)", name, strings.ReplaceAll(strings.ToLower(name), " ", "-"))
}

// wordList has the words of a type that is a list of words.
func wordList(typ reflect.Type) string {
	var all []string
	for i := int64(0); ; i++ {
		v := reflect.New(typ).Elem()
		v.SetInt(i)
		word, ok := wordOf(v.Interface().(encoding.TextMarshaler))
		if !ok {
			return strings.Join(all, ", ")
		}
		all = append(all, "`"+word+"`")
	}
}

// wordOf is false behind the last word.
func wordOf(v encoding.TextMarshaler) (word string, ok bool) {
	defer func() { ok = recover() == nil && word != "" }()
	text, _ := v.MarshalText()
	return string(text), true
}

// doc is the comment of a type, or of one of its fields; "": it has none.
func (r *reference) doc(typ reflect.Type, field string) string {
	if field != "" {
		field = "." + field
	}
	return r.packageOf(typ)[typ.Name()+field]
}

// packageOf reads the comments of the package of a type.
func (r *reference) packageOf(typ reflect.Type) map[string]string {
	r.t.Helper()
	dir := filepath.Join("../..", strings.TrimPrefix(typ.PkgPath(), module))
	if typ.PkgPath() == "" || !strings.HasPrefix(typ.PkgPath(), module) {
		return nil
	}
	if r.docs[dir] != nil {
		return r.docs[dir]
	}
	docs := map[string]string{}
	r.docs[dir] = docs
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		r.t.Fatalf("%s: no sources: %v", dir, err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, d := range file.Decls {
			if g, ok := d.(*ast.GenDecl); ok {
				takeComments(g, docs)
			}
		}
	}
	return docs
}

func takeComments(g *ast.GenDecl, docs map[string]string) {
	for _, spec := range g.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			fields, isStruct := s.Type.(*ast.StructType)
			about := s.Doc.Text()
			if about == "" {
				about = g.Doc.Text()
			}
			docs[s.Name.Name] = forReaders(about, s.Name.Name)
			if !isStruct {
				continue
			}
			for _, f := range fields.Fields.List {
				for _, name := range f.Names {
					docs[s.Name.Name+"."+name.Name] = forReaders(strings.TrimSpace(f.Doc.Text()+" "+f.Comment.Text()), name.Name)
				}
			}
		case *ast.ValueSpec:
			kind, named := s.Type.(*ast.Ident)
			for _, v := range s.Values {
				if literal, ok := v.(*ast.BasicLit); ok && named && literal.Kind == token.STRING {
					word, _ := strconv.Unquote(literal.Value)
					docs["="+kind.Name] += map[bool]string{true: ", "}[docs["="+kind.Name] != ""] + "`" + word + "`"
				}
			}
		}
	}
}

// opening is how a comment begins that repeats the name of what it is about.
var opening = regexp.MustCompile(`^(is|are|says that) `)

// forReaders is a comment without the name that it begins with, on one line.
func forReaders(comment, name string) string {
	text := strings.Join(strings.Fields(comment), " ")
	text = strings.TrimPrefix(text, name+" ")
	text = opening.ReplaceAllString(text, "")
	return strings.ReplaceAll(strings.TrimSuffix(text, "."), "docs/faults.md", "[faults.md](faults.md)")
}
