package device

import (
	"sync/atomic"
	"time"
)

// A watcher sees to it that requests are taken while handlers take their time. It sleeps
// while the mount is idle.
type watcher struct {
	awake atomic.Bool
	wake  chan struct{} // buffered
}

const (
	// tick is how long nothing may move before there is another worker.
	tick = 2 * time.Millisecond
	// idleTicks is for how many the mount has to be idle for the watcher to sleep.
	idleTicks = 16
	// measureTicks is how often it is looked how busy the machine is, and measureWeight
	// over how many looks the average goes.
	measureTicks  = 8
	measureWeight = 16
)

func newWatcher() watcher { return watcher{wake: make(chan struct{}, 1)} }

// wakeWatch has the watcher look again. It comes after waiting was set to false, and the
// watcher looks at waiting after it has set awake to false: one of both sees the other.
func (d *Device) wakeWatch() {
	if d.awake.Load() {
		return
	}
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// watch looks after requests until the connection has ended.
func (d *Device) watch() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		d.awake.Store(true)
		if !d.watchBusy(ticker) {
			return
		}
		ticker.Stop()
		d.awake.Store(false)
		if d.waiting.Load() {
			select {
			case <-d.wake:
			case <-d.ended:
				return
			}
		}
		ticker.Reset(tick)
	}
}

// watchBusy looks after requests until the mount is idle; false means that the
// connection has ended.
func (d *Device) watchBusy(ticker *time.Ticker) bool {
	last := d.served.Load()
	for idle, ticks := 0, 0; idle < idleTicks; ticks++ {
		if ticks%measureTicks == 0 {
			d.measure()
		}
		select {
		case <-ticker.C:
		case <-d.ended:
			return false
		}
		served := d.served.Load()
		switch {
		case served != last:
			idle = 0
		case d.waiting.Load():
			idle++
		default: // whoever took the last request is still at it
			idle = 0
			d.crowd.Store(crowdFor)
			d.spawn()
		}
		last = served
	}
	return true
}
