package manager

import kardianos "github.com/kardianos/service"

func forPlatform(*kardianos.Config) {}
