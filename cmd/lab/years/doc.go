// Package years lives years of devices in simulated time: the agent with its store, its history and its registrar.json, in a
// simulated site where everything fails at times, with a power that is cut at any instant, on a disk that then holds what a disk
// would. After every event it holds the promises of ARCHITECTURE.md against what it knows of the site. cmd/lab runs many years,
// the tests a few.
//
// Read world.go first, then network.go, broker.go, disk.go, trace.go, count.go, facts.go, life.go, promises.go, device.go, incidents.go, year.go, main.go, broken.go.
package years
