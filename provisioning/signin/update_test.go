package signin

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeward/internal/sip"
	"homeward/provisioning"
)

// The updater of the phone gets URLs of the site alone, over https; and none where the site wants no updates.
func TestWhereUpdatesMayBe(t *testing.T) {
	const in, out = "https://pool01.contoso.com:443/RequestHandler/ucdevice.upx", "https://lync.contoso.com/RequestHandlerExt/ucdevice.upx"
	both := provisioning.Update{Enabled: true, URL: in, InternalURL: in, ExternalURL: out}
	outside := both
	outside.URL = out
	for name, test := range map[string]struct {
		lesson Lesson
		want   *provisioning.Update
	}{
		"inside":                   {Lesson{known: true, provisioning: sip.Provisioning{UpdateInternalURL: in, UpdateExternalURL: out}}, &both},
		"outside":                  {Lesson{known: true, remote: true, provisioning: sip.Provisioning{UpdateInternalURL: in, UpdateExternalURL: out}}, &outside},
		"outside, none there":      {Lesson{known: true, remote: true, provisioning: sip.Provisioning{UpdateInternalURL: in}}, &provisioning.Update{Enabled: true, InternalURL: in}},
		"switched off":             {Lesson{known: true, provisioning: sip.Provisioning{UpdateInternalURL: in, UpdatesOff: true}}, &provisioning.Update{}},
		"nothing told":             {Lesson{known: true}, nil},
		"no answer":                {Lesson{provisioning: sip.Provisioning{UpdateInternalURL: in}}, nil},
		"in clear":                 {Lesson{known: true, provisioning: sip.Provisioning{UpdateInternalURL: "http://pool01.contoso.com/ucdevice.upx"}}, nil},
		"another's host":           {Lesson{known: true, provisioning: sip.Provisioning{UpdateInternalURL: "https://pool01.contoso.com.example/ucdevice.upx"}}, nil},
		"an address":               {Lesson{known: true, provisioning: sip.Provisioning{UpdateInternalURL: "https://10.0.0.5/ucdevice.upx"}}, nil},
		"with a password":          {Lesson{known: true, provisioning: sip.Provisioning{UpdateInternalURL: "https://a:b@pool01.contoso.com/ucdevice.upx"}}, nil},
		"with a piece of a page":   {Lesson{known: true, provisioning: sip.Provisioning{UpdateInternalURL: in + "#a"}}, nil},
		"one of both is another's": {Lesson{known: true, provisioning: sip.Provisioning{UpdateInternalURL: "https://example.com/", UpdateExternalURL: out}}, &provisioning.Update{Enabled: true, ExternalURL: out}},
	} {
		for _, naming := range []provisioning.Naming{provisioning.NamingSuffix, provisioning.NamingStrict} {
			policy := provisioning.Policy{SIPAddress: provisioning.SIPAddress{User: "phone1", Domain: "contoso.com"}, Naming: naming}
			if diff := cmp.Diff(test.want, updateOf(&policy, test.lesson)); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", name, diff)
			}
		}
	}
}
