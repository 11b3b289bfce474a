package store

import "time"

// MoveSlowly has every rename of a directory leave its records to a move, which begins
// after a delay and takes a few of them at a time.
func MoveSlowly(o *Options, delay time.Duration, perUpdate int) {
	o.tuning = tuning{moveDelay: delay, movesPerUpdate: perUpdate, movedInline: -1}
}
