package manager

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	kardianos "github.com/kardianos/service"
	"golang.org/x/sys/windows"

	"homeward/internal/safefile"
)

// forPlatform: an account without a password that may do little (LocalService), and a start after every end.
func forPlatform(c *kardianos.Config) {
	c.UserName = `NT AUTHORITY\LocalService`
	c.Option[kardianos.OnFailure] = kardianos.OnFailureRestart
	c.Option[kardianos.OnFailureDelayDuration] = "5s"
}

// enabledInRegistry says whether the daemon is started at boot.
func enabledInRegistry() bool {
	manager, err := windows.OpenSCManager(nil, nil, windows.SC_MANAGER_CONNECT)
	if err != nil {
		return false
	}
	defer windows.CloseServiceHandle(manager)
	name, err := windows.UTF16PtrFromString(serviceName)
	if err != nil {
		return false
	}
	service, err := windows.OpenService(manager, name, windows.SERVICE_QUERY_CONFIG)
	if err != nil {
		return false
	}
	defer windows.CloseServiceHandle(service)
	const room = 8 << 10 // the most that there can be (QueryServiceConfigW)
	config := new([room / unsafe.Sizeof(windows.QUERY_SERVICE_CONFIG{})]windows.QUERY_SERVICE_CONFIG)
	var needed uint32
	err = windows.QueryServiceConfig(service, &config[0], uint32(unsafe.Sizeof(*config)), &needed)
	return err == nil && config[0].StartType == windows.SERVICE_AUTO_START
}

func mustBeRoot(verb string) error {
	if !windows.GetCurrentProcessToken().IsElevated() {
		return refuse("run it in a terminal as administrator: homeward service "+verb, "only an administrator can %s the service", verb)
	}
	return nil
}

// checkProgram refuses a program that somebody else than an administrator can exchange: it is started at every boot.
func checkProgram(program string) error {
	place := os.Getenv("ProgramFiles")
	if place != "" && strings.HasPrefix(strings.ToLower(program), strings.ToLower(place)+`\`) {
		return nil
	}
	return refuse(fmt.Sprintf(`copy it to %s\homeward\homeward.exe, and run that copy to install the service`, place),
		"%s cannot be the program of a service: it is not below %s", program, place)
}

func makeAccount() ([]string, error) { return nil, nil } // LocalService is there

func openUmask() {}

var transient []string // its directories are in that of the configuration

// private says who owns the directory of configuration and state, administrators, and who may use it and all in it: the
// system, administrators, and LocalService, which may not change the list itself.
const private = "O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1301bf;;;LS)"

// furnish writes the configuration, unless there is one, and says whether it did. Its directory, where others could write
// by default, is closed to them. What they have put there before is not believed: on_change starts programs.
func furnish(config, text string) (bool, error) {
	dir := filepath.Dir(config)
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrExist) {
		err = checkOwner(dir)
	}
	if err != nil {
		return false, err
	}
	list, err := windows.SecurityDescriptorFromString(private)
	if err != nil {
		return false, err
	}
	access, _, err := list.DACL()
	if err != nil {
		return false, err
	}
	owner, _, err := list.Owner()
	if err != nil {
		return false, err
	}
	const set = windows.OWNER_SECURITY_INFORMATION | windows.DACL_SECURITY_INFORMATION | windows.PROTECTED_DACL_SECURITY_INFORMATION
	if err := windows.SetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, set, owner, nil, access, nil); err != nil {
		return false, fmt.Errorf("close %s to others: %w", dir, err)
	}
	if _, err := os.Lstat(config); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = checkOwner(config)
		}
		return false, err
	}
	return true, safefile.Replace(config, []byte(text), 0o644)
}

// checkOwner refuses what was there before and is not that of an administrator or of the system. A link is refused: its
// target would be changed.
func checkOwner(path string) error {
	const hint = "find out what it is and who created it, remove it, then install again"
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return refuse(hint, "%s is neither a directory nor a file", path)
	}
	is, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return err
	}
	owner, _, err := is.Owner()
	if err != nil {
		return err
	}
	if !owner.IsWellKnown(windows.WinBuiltinAdministratorsSid) && !owner.IsWellKnown(windows.WinLocalSystemSid) {
		return refuse(hint, "%s belongs to %s, not to administrators", path, owner)
	}
	return nil
}
