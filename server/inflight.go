package server

import "sync"

// inFlight counts the handlers that run. Unlike a WaitGroup it may grow from zero while somebody waits: the in-process
// connection starts handlers on goroutines of its own.
type inFlight struct {
	mu      sync.Mutex
	running int
	idle    chan struct{} // closed when running is zero; nil while nobody waits
}

func (f *inFlight) enter() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running++
}

func (f *inFlight) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running--; f.running == 0 && f.idle != nil {
		close(f.idle)
		f.idle = nil
	}
}

// wait waits until nothing runs.
func (f *inFlight) wait() {
	f.mu.Lock()
	if f.running == 0 {
		f.mu.Unlock()
		return
	}
	if f.idle == nil {
		f.idle = make(chan struct{})
	}
	idle := f.idle
	f.mu.Unlock()
	<-idle
}
