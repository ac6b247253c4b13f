//go:build windows || darwin

package manager

import (
	"errors"

	kardianos "github.com/kardianos/service"
)

// library returns the library's view of the service.
func library(program string) (kardianos.Service, error) {
	c := &kardianos.Config{
		Name: serviceName, DisplayName: serviceName, Description: "finds the SIP Registrar of this device",
		Executable: program, Arguments: []string{"run"}, Option: kardianos.KeyValue{},
	}
	forPlatform(c)
	return kardianos.ChosenSystem().New(nil, c)
}

// isRunning asks whether the daemon runs.
func isRunning([]string, string) (bool, error) {
	service, err := library("")
	if err != nil {
		return false, err
	}
	said, err := service.Status()
	if errors.Is(err, kardianos.ErrNotInstalled) {
		err = nil
	}
	return said == kardianos.StatusRunning, err
}

// registered says whether a service manager without files knows the daemon.
func registered() (bool, error) {
	service, err := library("")
	if err != nil {
		return false, err
	}
	_, err = service.Status()
	if errors.Is(err, kardianos.ErrNotInstalled) {
		return false, nil
	}
	return err == nil, err
}

// register makes it known there.
func register(program string) error {
	service, err := library(program)
	if err != nil {
		return err
	}
	return service.Install()
}

// unregister takes it away from there.
func unregister() error {
	service, err := library("")
	if err != nil {
		return err
	}
	return service.Uninstall()
}

func orderByLibrary(verb string) error {
	service, err := library("")
	if err != nil {
		return err
	}
	switch verb {
	case "start":
		return service.Start()
	case "stop":
		return service.Stop()
	default:
		_ = service.Stop() // it may not run; if it does, it cannot be started
		return service.Start()
	}
}
