// Command lab runs a simulated site (package sitetest) on loopback: name servers, DHCP where this process may
// answer it, and Registrars with TLS, all from one text file.
//
//	go run ./cmd/lab FILE               serve the site until interrupted, and print what it sees
//	go run ./cmd/lab FILE -- check      also run one command of the agent against it: plan, check, run, dhcp …
//	go run ./cmd/lab demo               the story of one device: sign-in, outage, restart, the way back
//	go run ./cmd/lab bench              measure the agent, and print the figures with their limits
//	go run ./cmd/lab drill              hold each drill beside the outage that it rehearses, and compare the times
//	go run ./cmd/lab years              live years of devices in simulated time, and hold the promises of ARCHITECTURE.md
//	go run ./cmd/lab storm              play a power cut at a site of many devices, in virtual time
//
// The format of FILE is described in docs/simulated-site.md.
//
// It is for people who write phone software, who want to see what the agent does, or who measure it. It is not a production
// server and not a test of conformance. It uses the agent only as people do: the built binary, its commands, its log; but for the
// years, which package years lives, and the storm, which plays what the agent decides by (package storm).
//
// Read lab.go first, then life_linux.go, agent.go, bench_linux.go, namespace_linux.go, serve.go, demo.go, drill_linux.go, breaking.go, years.go,
// storm_pool.go, storm_manners.go, storm.go, main.go.
package main
