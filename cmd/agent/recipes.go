package main

import (
	"fmt"
	"slices"
	"strings"

	"homeward/dhcpopts"
)

// lyncOptions is what a DHCP server is to tell Lync phones.
type lyncOptions struct {
	sip    dhcpopts.SIPServers
	vendor dhcpopts.VendorOption // Raw is nil: no option 43
}

// recipe is how one kind of DHCP server is told the options. The host names in them are letters, digits, hyphens
// and dots: nothing needs quoting.
type recipe struct {
	server string
	write  func(lyncOptions) string
}

// recipes are the choices of --for; the first is the default. The end-to-end tests load what is printed for isc,
// kea and dnsmasq into these servers.
var recipes = []recipe{
	{"hex", hexRecipe}, {"windows", windowsRecipe}, {"isc", iscRecipe}, {"kea", keaRecipe}, {"dnsmasq", dnsmasqRecipe}, {"cisco", ciscoRecipe},
}

func recipeNames() []string {
	var names []string
	for _, r := range recipes {
		names = append(names, r.server)
	}
	return names
}

func findRecipe(server string) (recipe, error) {
	i := slices.IndexFunc(recipes, func(r recipe) bool { return r.server == server })
	if i < 0 {
		names := recipeNames()
		last := len(names) - 1
		return recipe{}, badUsage("--for: %q is not %s or %s", server, strings.Join(names[:last], ", "), names[last])
	}
	return recipes[i], nil
}

// subOption is one sub-option of option 43, under the name that Microsoft's DHCPConfigScript gives it.
type subOption struct {
	code        uint8
	name, title string
	value       string
}

// subOptions lists the sub-options in the order of their codes; none without option 43.
func (o *lyncOptions) subOptions() []subOption {
	if o.vendor.Raw == nil {
		return nil
	}
	all := []subOption{
		{1, "UCIdentifier", "UC Identifier", ""}, {2, "URLScheme", "URL Scheme", ""}, {3, "WebServerFqdn", "Web Server Fqdn", ""},
		{4, "WebServerPort", "Web Server Port", ""}, {5, "CertProvRelPath", "Cert Prov Relative Path", ""},
	}
	for i := range all {
		all[i].value = o.vendor.Sub[all[i].code]
	}
	return all
}

// lines collects the lines of a recipe.
type lines struct{ strings.Builder }

func (l *lines) add(format string, args ...any) { fmt.Fprintf(l, format+"\n", args...) }

// hexRecipe prints what DHCPUtil prints.
func hexRecipe(o lyncOptions) string {
	var l lines
	l.add("Sip Server FQDN: %s", strings.Join(o.sip.Names, ", "))
	if o.vendor.Raw != nil {
		l.add("Certificate Provisioning Service URL: %s", o.vendor.URL)
	}
	l.add("")
	l.add("Option 120: %X", o.sip.Raw)
	if o.vendor.Raw != nil {
		l.add("Vendor Class Identifier: %s", o.vendor.Vendor)
		l.add("Option 43 (for vendor=%s): %X", o.vendor.Vendor, o.vendor.Raw)
	}
	for _, s := range o.subOptions() {
		l.add("  sub-option %d <%s>: %X", s.code, s.title, s.value)
	}
	return l.String()
}

// windowsRecipe does what Microsoft's DHCPConfigScript does, for all scopes of the server: every option is binary.
func windowsRecipe(o lyncOptions) string {
	var l lines
	l.add("rem In a command prompt, as administrator. For one scope: netsh dhcp server scope 10.0.0.0 set optionvalue")
	l.add(`netsh dhcp server add optiondef 120 UCSipServer Binary 0 comment="Sip Server Fqdn"`)
	l.add("netsh dhcp server set optionvalue 120 Binary %X", o.sip.Raw)
	if o.vendor.Raw != nil {
		l.add(`netsh dhcp server add class MSUCClient "UC Vendor Class Id" "%s" 1`, o.vendor.Vendor)
	}
	for _, s := range o.subOptions() {
		l.add(`netsh dhcp server add optiondef %d %s Binary 0 vendor=MSUCClient comment="%s"`, s.code, s.name, s.title)
		l.add("netsh dhcp server set optionvalue %d Binary vendor=MSUCClient %X", s.code, s.value)
	}
	l.add("")
	l.add("# The same in PowerShell (Windows Server 2012 and later). For one scope: Set with -ScopeId 10.0.0.0")
	l.add(`Add-DhcpServerv4OptionDefinition -OptionId 120 -Name UCSipServer -Type BinaryData -Description "Sip Server Fqdn"`)
	l.add("Set-DhcpServerv4OptionValue -OptionId 120 -Value ([byte[]](0x%s))", strings.ReplaceAll(fmt.Sprintf("% X", o.sip.Raw), " ", ",0x"))
	if o.vendor.Raw != nil {
		l.add(`Add-DhcpServerv4Class -Name MSUCClient -Type Vendor -Data "%s" -Description "UC Vendor Class Id"`, o.vendor.Vendor)
	}
	for _, s := range o.subOptions() {
		l.add(`Add-DhcpServerv4OptionDefinition -VendorClass MSUCClient -OptionId %d -Name %s -Type BinaryData -Description "%s"`, s.code, s.name, s.title)
		l.add(`Set-DhcpServerv4OptionValue -VendorClass MSUCClient -OptionId %d -Value ([System.Text.Encoding]::ASCII.GetBytes("%s"))`, s.code, s.value)
	}
	return l.String()
}

func iscRecipe(o lyncOptions) string {
	var l lines
	l.add("# dhcpd.conf, outside of any subnet")
	l.add("authoritative; # otherwise dhcpd does not answer DHCPINFORM")
	l.add("option UCSipServer code 120 = string;")
	l.add("option UCSipServer %s;", colons(o.sip.Raw))
	if o.vendor.Raw == nil {
		return l.String()
	}
	l.add("")
	l.add("option space MSUCClient;")
	for _, s := range o.subOptions() {
		l.add("option MSUCClient.%s code %d = text;", s.name, s.code)
	}
	l.add("class \"%s\" {", o.vendor.Vendor)
	l.add("  match if option vendor-class-identifier = \"%s\";", o.vendor.Vendor)
	l.add("  vendor-option-space MSUCClient;")
	for _, s := range o.subOptions() {
		l.add("  option MSUCClient.%s \"%s\";", s.name, s.value)
	}
	l.add("}")
	return l.String()
}

// colons is hex as dhcpd reads it: 00:06:70.
func colons(raw []byte) string { return strings.ReplaceAll(fmt.Sprintf("% x", raw), " ", ":") }

// keaRecipe is JSON as Kea reads it, which may have comments.
func keaRecipe(o lyncOptions) string {
	var l lines
	l.add(`// inside "Dhcp4": { }`)
	l.add(`"option-data": [`)
	l.add(`  {"code": 120, "csv-format": false, "data": "%X"}`, o.sip.Raw)
	if o.vendor.Raw == nil {
		l.add("]")
		return l.String()
	}
	l.add("],")
	l.add(`"option-def": [`)
	subs := o.subOptions()
	for i, s := range subs {
		l.add(`  {"space": "MSUCClient", "code": %d, "name": "%s", "type": "string"}%s`, s.code, s.name, comma(i+1 < len(subs)))
	}
	l.add("],")
	l.add(`"client-classes": [`)
	l.add("  {")
	l.add(`    "name": "%[1]s", "test": "option[60].text == '%[1]s'",`, o.vendor.Vendor)
	l.add(`    "option-def": [{"code": 43, "name": "vendor-encapsulated-options", "type": "empty", "encapsulate": "MSUCClient"}],`)
	l.add(`    "option-data": [`)
	l.add(`      {"name": "vendor-encapsulated-options"},`)
	for i, s := range subs {
		l.add(`      {"space": "MSUCClient", "name": "%s", "data": "%s"}%s`, s.name, s.value, comma(i+1 < len(subs)))
	}
	l.add("    ]")
	l.add("  }")
	l.add("]")
	return l.String()
}

// comma is what follows an element of a JSON list.
func comma(more bool) string {
	if more {
		return ","
	}
	return ""
}

func dnsmasqRecipe(o lyncOptions) string {
	var l lines
	l.add("# for dnsmasq.conf, not the command line: without the quotes, 443 would be sent as a binary number")
	l.add("dhcp-option=option:sip-server,%s", strings.Join(o.sip.Names, ","))
	// dnsmasq sends sub-options from the last to the first.
	for _, s := range slices.Backward(o.subOptions()) {
		l.add(`dhcp-option=vendor:%s,%d,"%s"`, o.vendor.Vendor, s.code, s.value)
	}
	return l.String()
}

func ciscoRecipe(o lyncOptions) string {
	var l lines
	l.add("! in the pool: ip dhcp pool NAME")
	if o.vendor.Raw != nil {
		l.add("! IOS pools do not distinguish vendor classes: every device in the pool gets option 43")
	}
	l.add("option 120 hex %X", o.sip.Raw)
	if o.vendor.Raw != nil {
		l.add("option 43 hex %X", o.vendor.Raw)
	}
	return l.String()
}
