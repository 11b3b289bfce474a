package powercut

import (
	"pail/integration/powercut/disk"
	"pail/integration/powercut/mount"
)

// serveEnv marks the process that serves; its control connection is descriptor 3.
const (
	serveEnv  = "PAIL_POWERCUT_SERVE"
	controlFD = 3
)

// config is the first message to the server.
type config struct {
	Mountpoint string
	From       string
	Trace      string
	Disk       disk.Options
}

// request is each later message; exactly one field is set, and the server answers each
// message with one reply. The end of the connection ends the server.
type request struct {
	Cut     *cutRequest
	Freeze  *uint64
	Rule    *mount.Rule
	EndRule *int
	SyncAll bool
	Steps   bool
	Stacks  bool
}

type cutRequest struct {
	Seed uint64
	Mode disk.Mode // "" lets the seed choose
	Dir  string    // an empty directory to write into
}

type reply struct {
	Error  string `json:",omitempty"`
	Report disk.Report
	Number int
	Steps  uint64
	Stacks string `json:",omitempty"`
}
