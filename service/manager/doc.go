// Package manager talks to the service manager of the machine: it installs the program as a service, starts and stops it, and
// reports its state. It knows nothing of what the daemon does.
//
//	m, err := manager.Find()
//	done, err := m.Install("/usr/bin/homeward", "/etc/homeward/homeward.toml", example)
//
// A daemon that the service control manager of Windows has started runs in Host, and writes its log to a LogFile.
//
// Read refusal.go first, then manager_unix.go, library_other.go, manager.go, daemon.go, install.go, host_other.go, logfile.go.
package manager
