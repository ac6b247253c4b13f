package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"homeward/dhcpopts"
)

// maxOption is what fits into one option (RFC 2132 section 2). More can be sent (RFC 3396), but few phones can be
// trusted to join it.
const maxOption = 255

// hostNames is a flag that may be repeated, and may hold several names with commas between them.
type hostNames []string

func (n *hostNames) Set(names string) error {
	if names != "" {
		*n = append(*n, strings.Split(names, ",")...)
	}
	return nil
}

func (n *hostNames) String() string { return strings.Join(*n, ",") }
func (n *hostNames) Type() string   { return "strings" }

func encodeCommand(e env) *cobra.Command {
	var registrars hostNames
	var web, server string
	var asJSON bool
	c := verb("encode --registrar FQDN [--web FQDN] [--for SERVER] [flags]", "Print the bytes of options 120 and 43, and the settings for a DHCP server", func(*cobra.Command) error {
		options, err := encodeOptions(registrars, web)
		if err != nil {
			return err
		}
		recipe, err := findRecipe(server)
		if err != nil {
			return err
		}
		for _, doubt := range options.doubts() {
			e.remark("hint", doubt)
		}
		text := recipe.write(options)
		if asJSON {
			return printJSON(e.stdout, encodeAnswer{1, newOption120(&options.sip), newOption43(&options.vendor), server, text})
		}
		_, err = fmt.Fprint(e.stdout, text)
		return err
	})
	c.Flags().Var(&registrars, "registrar", "full host name (`FQDN`) of the Registrar or pool; for several, in order of preference, repeat it or use commas")
	c.Flags().StringVar(&web, "web", "", "full host name (`FQDN`) of the internal web services, where phones get certificates; without it, option 43 is left out")
	c.Flags().StringVar(&server, "for", recipes[0].server, "DHCP `SERVER`: "+strings.Join(recipeNames(), ", "))
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Example = "homeward dhcp encode --registrar pool01.contoso.com --web pool01.contoso.com --for kea"
	c.Flags().SortFlags = false
	complete(c, "registrar")
	complete(c, "web")
	complete(c, "for", recipeNames()...)
	return c
}

// encodeAnswer is `dhcp encode --json`.
type encodeAnswer struct {
	Version   int        `json:"version"`
	Option120 *option120 `json:"option_120"`          // as a phone reads it
	Option43  *option43  `json:"option_43,omitempty"` // as a phone reads it
	For       string     `json:"for"`                 // the DHCP server that the recipe is for
	Recipe    string     `json:"recipe"`              // what to enter there
}

// encodeOptions encodes what was typed, and decodes it again as a phone will.
func encodeOptions(registrars []string, web string) (lyncOptions, error) {
	var o lyncOptions
	if len(registrars) == 0 {
		return o, badUsage("--registrar is missing")
	}
	sip, err := dhcpopts.EncodeSIPServers(registrars...)
	if err != nil {
		return o, noHostName("--registrar", err)
	}
	o.sip = dhcpopts.ParseSIPServers(sip)
	if web != "" {
		vendor, err := dhcpopts.EncodeVendor(web)
		if err != nil {
			return o, noHostName("--web", err)
		}
		o.vendor = dhcpopts.ParseVendor(vendor)
	}
	for _, option := range []struct {
		flag string
		raw  []byte
	}{{"--registrar", o.sip.Raw}, {"--web", o.vendor.Raw}} {
		if len(option.raw) > maxOption {
			return o, badUsage("%s: the option would have %d bytes; the limit is %d", option.flag, len(option.raw), maxOption)
		}
	}
	return o, nil
}

func noHostName(flag string, err error) error {
	return &failure{
		code: exitUsage, err: fmt.Errorf("%s: %w", flag, err),
		hints: []string{"give the full host name, such as pool01.contoso.com, as in the certificate of the server"},
	}
}

// doubts says what is valid, and yet will not work with every phone.
func (o *lyncOptions) doubts() []string {
	var doubts []string
	if len(o.sip.Names) > 1 {
		doubts = append(doubts, "many phones use only the first Registrar, "+o.sip.Names[0])
	}
	for _, name := range append([]string{o.vendor.Sub[3]}, o.sip.Names...) {
		if name != "" && !strings.Contains(name, ".") {
			doubts = append(doubts, fmt.Sprintf("%q has no domain: certificates rarely contain such a name", name))
		}
	}
	return doubts
}
