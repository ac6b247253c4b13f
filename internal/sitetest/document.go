package sitetest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The section provisioning: the document that Registrars send in band.

// Specification constants (MS-SIPREGE 2.2.2.5).
const (
	provisioningEvent = "vnd-microsoft-provisioning-v2"
	provisioningType  = "application/vnd-microsoft-roaming-provisioning-v2+xml"
	mainGroup         = "ServerConfiguration"
)

// setting is one value of the provisioning document.
type setting struct{ group, name, value string }

// document is the section provisioning.
type document []setting

// take reads "NAME VALUE…" or "GROUP/NAME VALUE…"; without a value it takes the setting away.
func (d *document) take(words []string) error {
	if len(words) == 0 {
		return errors.New("want NAME VALUE or GROUP/NAME VALUE")
	}
	group, name, ok := strings.Cut(words[0], "/")
	if !ok {
		group, name = mainGroup, words[0]
	}
	*d = slices.DeleteFunc(*d, func(s setting) bool { return s.group == group && s.name == name })
	if len(words) > 1 {
		*d = append(*d, setting{group, name, strings.Join(words[1:], " ")})
	}
	return nil
}

// value is that of an element of ServerConfiguration; "" without.
func (d document) value(name string) string {
	for _, s := range d {
		if s.group == mainGroup && s.name == name {
			return s.value
		}
	}
	return ""
}

// text writes the groups asked for, in the two shapes they have.
func (d document) text(groups []string) string {
	var b strings.Builder
	b.WriteString(`<provisionGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification">`)
	for _, group := range groups {
		form, inside := `<property name="%s">%s</property>`, "propertyEntryList"
		switch group {
		case mainGroup:
			form, inside = `<%[1]s>%[2]s</%[1]s>`, ""
		case "ucPolicy":
			inside = "instance"
		}
		fmt.Fprintf(&b, `<provisionGroup name="%s">`, escape(group))
		if inside != "" {
			b.WriteString("<" + inside + ">")
		}
		for _, s := range d {
			if s.group == group {
				fmt.Fprintf(&b, form, escape(s.name), escape(s.value))
			}
		}
		if inside != "" {
			b.WriteString("</" + inside + ">")
		}
		b.WriteString("</provisionGroup>")
	}
	b.WriteString("</provisionGroupList>")
	return b.String()
}

func escape(text string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(text)) // a Buffer takes everything
	return b.String()
}
