// Package service is the process around the agent: the tasks that run and end together, the story (log,
// history), the state file for the phone stack, readiness, the fleet's broker, and, in its sub-packages, the control socket and the service
// manager of the machine.
//
//	story := service.NewStory(log, "/var/lib/homeward/history.jsonl")
//	a := agent.New(policy, wire, store, story.Tell)
//	err := service.Run(ctx, service.Task{Name: "agent", Run: agent.Run}, service.Task{Name: "history", Run: story.Run})
//
// It takes no decision about Registrars and reads no configuration. It is the only package that logs, and it
// logs events only.
//
// Read run.go first, then log.go, logqueue.go, logtail.go, journal.go, history_file.go, story.go, statefile.go, group_unix.go,
// command.go, history.go; ready.go, thrift_linux.go, thrift.go, awake.go, watchdog.go, crowd.go, metrics.go; fleet.go; network_linux.go, network.go.
package service
