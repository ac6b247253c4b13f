//go:build linux

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/coreos/go-systemd/v22/unit"
	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

const unitFile = "../packaging/systemd/homeward.service"

// serviceID is the user and the group of the service, as numbers.
const serviceID = 950

// leftToSystemd are the lines of the unit that are no matter of one process: those of the manager, and those for which it
// mounts something or fills a cgroup. An appliance has them, see TestServiceInItsSandbox; confine has all others.
var leftToSystemd = strings.Fields(`Type NotifyAccess ExecStart Restart RestartSec TimeoutStartSec TimeoutStopSec WatchdogSec
	StateDirectory StateDirectoryMode RuntimeDirectory RuntimeDirectoryMode RuntimeDirectoryPreserve LoadCredential SetCredential
	MemoryHigh MemoryMax OOMPolicy OOMScoreAdjust TasksMax DevicePolicy KeyringMode PrivateDevices PrivateIPC PrivateMounts
	PrivateTmp ProcSubset ProtectClock ProtectControlGroups ProtectHome ProtectHostname ProtectKernelLogs ProtectKernelModules
	ProtectKernelTunables ProtectProc ProtectSystem RemoveIPC`)

// service is the part [Service] of the unit: each key with its values, in order.
type service map[string][]string

// last is the value that counts where there may be one.
func (s service) last(key string) string { return strings.Join(s[key][max(0, len(s[key])-1):], "") }

func readService() (service, error) {
	text, err := os.ReadFile(unitFile)
	if err != nil {
		return nil, err
	}
	options, err := unit.DeserializeOptions(bytes.NewReader(text))
	s := service{}
	for _, o := range options {
		if o.Section == "Service" {
			s[o.Name] = append(s[o.Name], o.Value)
		}
	}
	return s, err
}

// envCredentials is where systemd leaves what LoadCredential= names.
const envCredentials = "CREDENTIALS_DIRECTORY"

// asService says whether a process can have the user of the service: a user namespace without root has one user.
func asService() bool {
	users, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && len(strings.Fields(string(users))) == 3 && strings.Fields(string(users))[2] > "1"
}

// give makes the user of the service the owner of what is its own, where there is such a user.
func give(t testing.TB, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if err := os.Chown(path, serviceID, serviceID); err != nil && asService() {
			t.Fatal(err)
		}
	}
}

// confined is a command line that runs argv as the unit has systemd run the daemon, see confine.
func confined(t testing.TB, argv ...string) []string {
	t.Helper()
	program(t, "systemd-analyze")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{"env", envProp + "=confined", self}, argv...)
}

// runConfined is main of the prop "confined". It returns only when it cannot.
func runConfined(argv []string) error {
	program, err := exec.LookPath(argv[0])
	if err != nil {
		return err
	}
	env, err := confine()
	if err != nil {
		return err
	}
	return syscall.Exec(program, argv, env)
}

// confine puts the calling thread, and whatever it executes, into the box that the unit describes: limits, user,
// capabilities, and filters of system calls. It returns the environment that the unit gives.
func confine() (env []string, err error) {
	runtime.LockOSThread()
	s, err := readService()
	if err != nil {
		return nil, err
	}
	var policies []seccomp.Policy
	for key := range s {
		value := s.last(key)
		refuse, filters := refused[key]
		switch {
		case slices.Contains(leftToSystemd, key):
		case key == "Environment":
			env = append(env, s[key]...)
		case key == "UMask":
			var mask uint64
			mask, err = strconv.ParseUint(value, 8, 9)
			syscall.Umask(int(mask))
		case limits[key] != nil:
			err = limit(*limits[key], value)
		case key == "User", key == "Group", key == "CapabilityBoundingSet", key == "AmbientCapabilities", key == "NoNewPrivileges":
			// below, in their order
		case key == "SystemCallFilter", key == "SystemCallErrorNumber", key == "SystemCallArchitectures":
			// below: the last filter, since it refuses to set any other
		case filters:
			if value != "no" {
				policies = append(policies, refusing(refuse(value)))
			}
		default:
			err = errors.New("nobody has said how to replay it")
		}
		if err != nil {
			return nil, fmt.Errorf("%s=%s: %w", key, value, err)
		}
	}
	calls, err := s.calls()
	if err != nil {
		return nil, err
	}
	if err := s.drop(); err != nil {
		return nil, err
	}
	if s.last("NoNewPrivileges") != "yes" || s.last("SystemCallArchitectures") != "native" {
		return nil, errors.New("confine knows NoNewPrivileges=yes and SystemCallArchitectures=native alone")
	}
	for _, p := range append(policies, calls) {
		if err := seccomp.LoadFilter(seccomp.Filter{NoNewPrivs: true, Policy: p}); err != nil {
			return nil, err
		}
	}
	env = append(env, envCredentials+"="+os.Getenv(envCredentials), "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin")
	return env, os.Chdir("/")
}

func number(n int) *int { return &n }

var limits = map[string]*int{"LimitNOFILE": number(unix.RLIMIT_NOFILE), "LimitCORE": number(unix.RLIMIT_CORE)}

func limit(resource int, value string) error {
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return err
	}
	return syscall.Setrlimit(resource, &syscall.Rlimit{Cur: n, Max: n})
}

// capabilities are those that the unit may name (linux/capability.h).
var capabilities = map[string]uintptr{"CAP_NET_RAW": unix.CAP_NET_RAW, "CAP_NET_BIND_SERVICE": unix.CAP_NET_BIND_SERVICE}

// drop gives up root: what is left are the user and the capabilities of the unit.
func (s service) drop() error {
	var sets [2]uint64
	for i, key := range []string{"CapabilityBoundingSet", "AmbientCapabilities"} {
		for _, name := range strings.Fields(strings.Join(s[key], " ")) {
			c, known := capabilities[name]
			if !known {
				return fmt.Errorf("%s=%s: not known to confine", key, name)
			}
			sets[i] |= 1 << c
		}
	}
	bounding, ambient := sets[0], sets[1]
	for c := uintptr(0); unix.Prctl(unix.PR_CAPBSET_READ, c, 0, 0, 0) == nil; c++ {
		if bounding&(1<<c) == 0 {
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
				return fmt.Errorf("drop capability %d: %w", c, err)
			}
		}
	}
	if asService() {
		err := errors.Join(unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0), syscall.Setgroups(nil),
			syscall.Setresgid(serviceID, serviceID, serviceID), syscall.Setresuid(serviceID, serviceID, serviceID))
		if err != nil {
			return fmt.Errorf("become %s: %w", s.last("User"), err)
		}
	}
	low, high := uint32(ambient), uint32(ambient>>32)
	held := [2]unix.CapUserData{{Effective: low, Permitted: low, Inheritable: low}, {Effective: high, Permitted: high, Inheritable: high}}
	if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &held[0]); err != nil {
		return fmt.Errorf("hold capabilities %x: %w", ambient, err)
	}
	for _, c := range capabilities {
		if ambient&(1<<c) != 0 {
			if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, c, 0, 0); err != nil {
				return fmt.Errorf("hand on capability %d: %w", c, err)
			}
		}
	}
	return nil
}

// calls lets pass what SystemCallFilter= does: its first line names sets, and those after it with a tilde take away.
func (s service) calls() (seccomp.Policy, error) {
	out, err := exec.Command("systemd-analyze", "syscall-filter").Output()
	if err != nil {
		return seccomp.Policy{}, fmt.Errorf("systemd-analyze syscall-filter: %w", err)
	}
	sets, set := map[string][]string{}, ""
	for line := range strings.Lines(string(out)) {
		switch name := strings.TrimSpace(line); {
		case name == "" || name[0] == '#':
		case line[0] != ' ':
			set = name
		default:
			sets[set] = append(sets[set], name)
		}
	}
	var each func(name string, do func(call string))
	each = func(name string, do func(string)) {
		if name[0] != '@' {
			do(name)
		}
		for _, inner := range sets[name] {
			each(inner, do)
		}
	}
	pass := map[string]bool{}
	for _, line := range s["SystemCallFilter"] {
		names, without := strings.CutPrefix(line, "~")
		for _, name := range strings.Fields(names) {
			if name[0] == '@' && sets[name] == nil {
				return seccomp.Policy{}, fmt.Errorf("SystemCallFilter=%s: systemd knows no %s", line, name)
			}
			each(name, func(call string) { pass[call] = !without })
		}
	}
	maps.DeleteFunc(pass, func(call string, is bool) bool { return !is || !exists(call) })
	if name := s.last("SystemCallErrorNumber"); name != "EPERM" || len(pass) == 0 {
		return seccomp.Policy{}, fmt.Errorf("SystemCallErrorNumber=%s, and %d system calls pass", name, len(pass))
	}
	return seccomp.Policy{
		DefaultAction: seccomp.ActionErrno, // EPERM
		Syscalls:      []seccomp.SyscallGroup{{Names: slices.Sorted(maps.Keys(pass)), Action: seccomp.ActionAllow}},
	}, nil
}

// exists says whether this processor has a system call.
func exists(call string) bool {
	here, err := arch.GetInfo("")
	if err != nil {
		return false
	}
	_, known := here.SyscallNames[call]
	return known
}

// refusal is a system call that fails when all of its conditions hold.
type refusal struct {
	call  string
	errno syscall.Errno
	when  seccomp.ArgumentConditions // nil: always
}

// refusing is the filter of a list of refusals.
func refusing(list []refusal) seccomp.Policy {
	p := seccomp.Policy{DefaultAction: seccomp.ActionAllow}
	for _, r := range list {
		if !exists(r.call) {
			continue
		}
		g := seccomp.SyscallGroup{Action: seccomp.ActionErrno | seccomp.Action(r.errno)}
		if r.when == nil {
			g.Names = []string{r.call}
		} else {
			g.NamesWithCondtions = []seccomp.NameWithConditions{{Name: r.call, Conditions: r.when}}
		}
		p.Syscalls = append(p.Syscalls, g)
	}
	return p
}

func bits(argument uint32, any uint64) seccomp.Condition {
	return seccomp.Condition{Argument: argument, Operation: seccomp.BitsSet, Value: any}
}

// notAmong are the conditions for an argument that is none of the values.
func notAmong(argument uint32, values ...uint64) (all seccomp.ArgumentConditions) {
	for _, v := range values {
		all = append(all, seccomp.Condition{Argument: argument, Operation: seccomp.NotEqual, Value: v})
	}
	return all
}

// refused is what the lines of the unit besides SystemCallFilter= make of system calls (systemd.exec(5); seccomp-util.c).
var refused = map[string]func(value string) []refusal{
	"RestrictAddressFamilies": func(value string) []refusal {
		known := map[string]uint64{
			"AF_INET": unix.AF_INET, "AF_INET6": unix.AF_INET6, "AF_UNIX": unix.AF_UNIX, "AF_NETLINK": unix.AF_NETLINK, "AF_PACKET": unix.AF_PACKET,
		}
		var families []uint64 // of one that is not known 0, which is none
		for _, name := range strings.Fields(value) {
			families = append(families, known[name])
		}
		return []refusal{{"socket", unix.EAFNOSUPPORT, notAmong(0, families...)}}
	},
	"LockPersonality": func(string) []refusal {
		return []refusal{{"personality", unix.EPERM, notAmong(0, 0, 0xffffffff)}} // the usual one, and the question which it is
	},
	"MemoryDenyWriteExecute": func(string) []refusal {
		return []refusal{
			{"mmap", unix.EPERM, seccomp.ArgumentConditions{bits(2, unix.PROT_EXEC), bits(2, unix.PROT_WRITE)}},
			{"mprotect", unix.EPERM, seccomp.ArgumentConditions{bits(2, unix.PROT_EXEC)}},
			{"pkey_mprotect", unix.EPERM, seccomp.ArgumentConditions{bits(2, unix.PROT_EXEC)}},
			{"shmat", unix.EPERM, seccomp.ArgumentConditions{bits(2, 0o100000)}}, // SHM_EXEC of linux/shm.h
		}
	},
	"RestrictNamespaces": func(string) []refusal {
		const kinds = unix.CLONE_NEWCGROUP | unix.CLONE_NEWIPC | unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUSER |
			unix.CLONE_NEWUTS | unix.CLONE_NEWTIME
		return []refusal{
			{"unshare", unix.EPERM, seccomp.ArgumentConditions{bits(0, kinds)}},
			{"clone", unix.EPERM, seccomp.ArgumentConditions{bits(0, kinds&^unix.CLONE_NEWTIME)}},
			{"setns", unix.EPERM, nil},
			{"clone3", unix.ENOSYS, nil}, // its flags are where no filter sees them
		}
	},
	"RestrictRealtime": func(string) []refusal {
		return []refusal{{"sched_setscheduler", unix.EPERM, notAmong(1, unix.SCHED_NORMAL, unix.SCHED_BATCH, unix.SCHED_IDLE)}}
	},
	"RestrictSUIDSGID": func(string) []refusal {
		list := []refusal{{"openat2", unix.ENOSYS, nil}}
		for call, mode := range map[string]uint32{
			"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2, "mkdir": 1, "mkdirat": 2, "mknod": 1, "mknodat": 2, "creat": 1, "open": 2, "openat": 3,
		} {
			when := seccomp.ArgumentConditions{bits(mode, unix.S_ISUID|unix.S_ISGID)}
			if strings.HasPrefix(call, "open") {
				when = append(when, bits(mode-1, unix.O_CREAT))
			}
			list = append(list, refusal{call, unix.EPERM, when})
		}
		return list
	},
}
