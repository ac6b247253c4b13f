package service

// Awake tells tasks that the process is awake for a keep-alive: what they do every so often they do then, and wake it no more by
// themselves for a while. Tasks join before it is told anything.
type Awake struct{ joined []chan struct{} }

// join returns where a task is told. It holds one word.
func (a *Awake) join() <-chan struct{} {
	told := make(chan struct{}, 1)
	a.joined = append(a.joined, told)
	return told
}

// Tell does not wait. It may be called from any goroutine.
func (a *Awake) Tell() {
	for _, told := range a.joined {
		select {
		case told <- struct{}{}:
		default:
		}
	}
}
