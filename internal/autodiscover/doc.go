// Package autodiscover reads the root document of Lync Autodiscover (MS-OCDISCWS), which says without credentials where the web
// services are that know a user. It is for people who compare it with DNS and DHCP: nothing is decided by it.
//
//	root, err := autodiscover.Ask(ctx, conn, autodiscover.Question{Host: "lyncdiscoverinternal.contoso.com", User: "phone1@contoso.com"})
//
// It speaks HTTP/1.1 on a connection that its caller has made and trusts, sends no credentials, follows nothing, and reads so
// much of an answer and no more.
package autodiscover
