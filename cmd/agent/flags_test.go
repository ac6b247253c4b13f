package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/cobra"

	"homeward/internal/config"
)

// A flag is read by the key that it is made from, and says what is wrong as the command line does.
func TestMistakesInFlags(t *testing.T) {
	for _, test := range []struct{ name, flag, want string }{
		{"a value that makes no sense", "--order=any", `--order: "any" is not device or communicator`},
		{"neither true nor false", "--allow-tcp=maybe", `invalid argument "maybe" for "--allow-tcp" flag: the value must be true or false`},
		{"an unknown flag", "--password=x", "unknown flag: --password"},
		{"none", "--allow-tcp", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := verb("run", "", func(c *cobra.Command) error {
				_, err := loadConfig(c)
				return err
			})
			c.SilenceErrors, c.SilenceUsage = true, true
			addSettingFlags(c)
			c.Flags().String("config", config.DefaultFile, "")
			file := filepath.Join(t.TempDir(), "homeward.toml")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			c.SetArgs([]string{"--config", file, "--sip-address", "sip:phone1@contoso.com", test.flag})
			got := ""
			if err := c.Execute(); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
