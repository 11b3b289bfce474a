package meta

// ballastName is a file of real blocks that is given up when the disk is nearly full.
const ballastName = "ballast"

// SpaceInfo is how the disk stands.
type SpaceInfo struct {
	Free    int64 // bytes that the filesystem has left for us
	Reserve int64 // bytes that only updates which free space may go below
}
