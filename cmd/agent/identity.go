package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"homeward/cache"
	"homeward/internal/config"
	certs "homeward/internal/identity"
	"homeward/internal/safefile"
	"homeward/provisioning"
	"homeward/provisioning/signin"
	"homeward/service/control"
)

// Our choices.
const (
	enrolPatience = 150 * time.Second // how long a command waits for a certificate: an enrolment ends within two minutes
	maxPEM        = 1 << 20           // of a file with a certificate
)

func identityCommand(e env) *cobra.Command {
	return group("identity", "Show, import, renew or delete the certificate for sign-in", []*cobra.Command{
		identityShowCommand(e), identityImportCommand(e), identityEnrolCommand(e), identityForgetCommand(e),
	})
}

// identityAnswer is `identity show --json`.
type identityAnswer struct {
	Version int `json:"version"`
	provisioning.Identity
	SIPAddress string `json:"sip_address,omitempty"` // whom it belongs to
	EndpointID string `json:"epid,omitempty"`        // the endpoint that it belongs to
	URL        string `json:"url,omitempty"`         // of the certificate service
}

func identityShowCommand(e env) *cobra.Command {
	var asJSON bool
	c := verb("show [--json]", "Show the certificate with which this device signs in", func(c *cobra.Command) error {
		places, err := loadPlaces(c)
		if err != nil {
			return err
		}
		shown, err := identityOf(c.Context(), places)
		if err != nil {
			return err
		}
		if asJSON {
			err = printJSON(e.stdout, shown)
		} else {
			err = printIdentityAnswer(newPage(e.stdout), &shown, time.Now())
		}
		if err == nil && shown.Subject == "" {
			err = &failure{code: exitNotRegistered}
		}
		return err
	})
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// identityOf is the certificate as the daemon sees it, and what its files say.
func identityOf(ctx context.Context, places *config.Config) (identityAnswer, error) {
	shown := identityAnswer{Version: 1}
	status, err := daemon(places).Status(ctx)
	running := err == nil
	if running && status.Certificate != nil {
		shown.Identity = *status.Certificate
	}
	pair, err := certs.In(places.StateDir).Newest()
	var kind *certs.Error
	if errors.As(err, &kind) && kind.Kind == certs.Absent {
		return shown, nil
	}
	if err != nil {
		if shown.Reason == "" && (!running || !errors.Is(err, fs.ErrPermission)) { // else the daemon has said what there is to say
			return shown, &failure{code: exitFailed, err: err, hints: []string{asWhom(runAsRoot)}}
		}
		return shown, nil
	}
	shown.SIPAddress, shown.EndpointID, shown.URL = pair.Details.SIPAddress, pair.Details.EndpointID, pair.Details.URL
	if shown.Subject == "" {
		leaf := pair.Certificate.Leaf
		shown.Subject, shown.NotBefore, shown.NotAfter, shown.Fingerprint = leaf.Subject.String(), leaf.NotBefore.UTC(), leaf.NotAfter.UTC(), pair.Fingerprint()
		shown.EnrolledBy, shown.EnrolledAt, shown.Proven, shown.Refused = pair.Details.EnrolledBy, pair.Details.EnrolledAt, pair.Proven, pair.Refused
	}
	return shown, nil
}

func printIdentityAnswer(p *page, c *identityAnswer, now time.Time) error {
	if c.Subject == "" {
		p.printf("this device has no certificate for sign-in\n")
	} else {
		p.printf("certificate %s\n", identityWords(&c.Identity, now))
		p.row("subject", printable(c.Subject))
		p.row("SIP address", printable(c.SIPAddress))
		p.row("endpoint id", printable(c.EndpointID))
		p.row("valid from", clock(c.NotBefore))
		p.row("fingerprint", printable(c.Fingerprint))
		p.row("obtained by", printable(c.EnrolledBy)+", "+clock(c.EnrolledAt))
		p.row("from", printable(c.URL))
	}
	if c.Reason != "" {
		p.row("because", because(c.Why()))
		p.hint(c.Hint)
	}
	if !c.NextAt.IsZero() {
		p.row("next request", until(now, c.NextAt))
	}
	return p.err
}

// onlyRoot is an error for who is not root.
func onlyRoot() error {
	if os.Geteuid() > 0 {
		return &failure{code: exitFailed, err: errors.New("only root may do this"), hints: []string{"run the command as root"}}
	}
	return nil
}

// derSequence is how each file begins that is PKCS #12, or another form of DER (X.690 section 8.9).
const derSequence = 0x30

// anEndpoint is an endpoint id as it may stand in SIP requests (MS-SIPRE section 3.2.3.1).
var anEndpoint = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-zA-Z]{1,16}$`) })

func identityImportCommand(e env) *cobra.Command {
	var endpoint string
	c := verb("import FILE [--epid ID]", "Import a certificate and its private key from a PEM file", nil)
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return badUsage("want the path of one file")
		}
		return nil
	}
	c.ValidArgsFunction = nil
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := onlyRoot(); err != nil {
			return err
		}
		conf, err := loadConfig(c, "sip_address", "state_dir", "runtime_dir")
		if err != nil {
			return err
		}
		owner, err := endpointFor(c.Context(), conf, endpoint)
		if err != nil {
			return err
		}
		return importIdentity(e, conf, args[0], owner)
	}
	c.Long = "The file contains an RSA private key, not encrypted, and its certificate. A certificate service issues a certificate to a user and an endpoint: give the id of that endpoint with --epid, unless this device itself has asked for the certificate."
	c.Example = "homeward identity import /media/usb/phone1.pem --epid a1b2c3d4e5"
	c.Flags().StringVar(&endpoint, "epid", "", "the endpoint `ID` that the certificate was issued to")
	return c
}

// endpointFor is the endpoint id for a certificate: the one that is given, or that of this device.
func endpointFor(ctx context.Context, conf *config.Config, given string) (string, error) {
	if given != "" && !anEndpoint().MatchString(given) {
		return "", badUsage("%q is not an endpoint id: 1 to 16 letters and digits", given)
	}
	record, _, err := lastGood(ctx, conf)
	if err != nil && !errors.Is(err, cache.ErrNoRecord) {
		return "", recordFailure(err)
	}
	switch ours := record.EndpointID; {
	case ours == "" && given == "":
		return signin.FreshEndpointID(), nil
	case given == "" || given == ours:
		return ours, nil
	case ours != "":
		return "", &failure{code: exitFailed, err: fmt.Errorf("this device is the endpoint %s, and the certificate is for %s", ours, given), hints: []string{"stop homeward, delete its state directory " + conf.StateDir + ", and import the certificate before it starts again"}}
	}
	return given, nil
}

func importIdentity(e env, conf *config.Config, file, endpoint string) error {
	f, err := safefile.Follow(file)
	if err != nil {
		return &failure{code: exitFailed, err: safefile.Unopened(file, err)}
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPEM))
	if err != nil {
		return &failure{code: exitFailed, err: err}
	}
	defer clear(text)
	pair, err := certs.Import(text, certs.Details{
		SIPAddress: conf.Policy.SIPAddress.String(), EndpointID: endpoint, EnrolledBy: certs.Imported, EnrolledAt: time.Now().UTC().Truncate(time.Second),
	})
	if err != nil {
		f := &failure{code: exitFailed, err: fmt.Errorf("%s: %w", file, err)}
		if len(text) > 0 && text[0] == derSequence {
			f.hints = []string{"this is no PEM; if it is PKCS #12, convert it: openssl pkcs12 -in " + file + " -nodes -out phone1.pem"}
		}
		return f
	}
	if err := os.MkdirAll(conf.StateDir, stateDirMode); err != nil {
		return &failure{code: exitFailed, err: err}
	}
	if err := certs.In(conf.StateDir).Save(pair); err != nil {
		return &failure{code: exitFailed, err: fmt.Errorf("not imported: %w", err), hints: []string{unwritable(conf.StateDir)}}
	}
	p := newPage(e.stdout)
	p.printf("imported %s\n", printable(pair.Certificate.Leaf.Subject.String()))
	p.row("valid until", clock(pair.Certificate.Leaf.NotAfter))
	p.row("endpoint id", endpoint)
	e.remark("hint", file+" contains the private key: delete it")
	return p.err
}

func identityEnrolCommand(e env) *cobra.Command {
	return verb("enrol", "Ask for a new certificate now", func(c *cobra.Command) error {
		places, err := loadPlaces(c)
		if err != nil {
			return err
		}
		began := time.Now().Add(-time.Millisecond) // the history holds no less
		if err := daemon(places).Enrol(c.Context()); err != nil {
			return daemonFailure(err)
		}
		progress, done := progressOn(e)
		progress("waiting for the certificate")
		ctx, cancel := context.WithTimeout(c.Context(), enrolPatience)
		defer cancel()
		came, err := awaitCertificate(ctx, places, began)
		done()
		switch {
		case err != nil:
			return daemonFailure(err)
		case came.Event == "":
			return &failure{code: exitFailed, err: errors.New("no certificate in time"), hints: []string{"see what happens: homeward history --follow"}}
		case came.Reason != "":
			why := &provisioning.Why{Reason: came.Reason, Fault: came.Fault, What: came.What, Detail: came.Detail}
			return &failure{code: exitFailed, err: errors.New(because(why)), hints: []string{came.Hint}}
		}
		shown, err := identityOf(c.Context(), places)
		if err != nil {
			return err
		}
		return printIdentityAnswer(newPage(e.stdout), &shown, time.Now())
	})
}

var errCame = errors.New("it has come")

// awaitCertificate waits for the event that tells what has come of an enrolment; none: ctx has ended first.
func awaitCertificate(ctx context.Context, places *config.Config, since time.Time) (came control.Entry, err error) {
	err = daemon(places).History(ctx, control.Excerpt{Follow: true}, func(entry control.Entry) error {
		if entry.Event == string(provisioning.Enrolled) && (entry.At.After(since) || entry.LastAt.After(since)) {
			came = entry
			return errCame
		}
		return nil
	})
	if errors.Is(err, errCame) {
		err = nil
	}
	return came, err
}

func identityForgetCommand(e env) *cobra.Command {
	c := verb("forget", "Delete the certificate for sign-in and its key", func(c *cobra.Command) error {
		if err := onlyRoot(); err != nil {
			return err
		}
		places, err := loadPlaces(c)
		if err != nil {
			return err
		}
		had, err := certs.In(places.StateDir).Forget()
		switch {
		case err != nil:
			return &failure{code: exitFailed, err: fmt.Errorf("not forgotten: %w", err), hints: []string{unwritable(places.StateDir)}}
		case !had:
			newPage(e.stdout).printf("there was nothing to forget\n")
			return nil
		}
		newPage(e.stdout).printf("forgotten\n")
		e.remark("hint", "the Registrars accept the certificate until it is revoked there: Revoke-CsClientCertificate")
		return nil
	})
	c.Long = strings.Join([]string{
		"The registration goes on as it is; the next sign-in is by password.",
		"A device that is lost keeps its certificate: revoke it at the server (Revoke-CsClientCertificate).",
	}, " ")
	return c
}
