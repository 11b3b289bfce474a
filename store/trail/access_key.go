package trail

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A Partition says how the keys of log objects are made (TargetObjectKeyFormat).
type Partition uint8

// The ways. Their numbers are recorded and never change.
const (
	// PrefixUnsaid: the configuration does not say, which is as SimplePrefix.
	PrefixUnsaid Partition = 0
	// SimplePrefix: prefix and the time of delivery.
	SimplePrefix Partition = 1
	// PartitionEvent: below the day of the records, all of which are of that day.
	PartitionEvent Partition = 2
	// PartitionDelivery: below the day of delivery.
	PartitionDelivery Partition = 3
	// PartitionUnsaid: the configuration does not say which day, which is as PartitionEvent.
	PartitionUnsaid Partition = 4
)

// Known says whether there is such a way.
func (p Partition) Known() bool { return p <= PartitionUnsaid }

// ByEvent says whether one log object has the records of one day only.
func (p Partition) ByEvent() bool { return p == PartitionEvent || p == PartitionUnsaid }

// A LogPlace says where the log of a bucket goes ("Amazon S3 log object key format").
type LogPlace struct {
	Prefix    string
	Partition Partition
	// The bucket that is logged: its account, region and name.
	Account, Region, Bucket string
}

// objectTime is the form of times in keys.
const objectTime = "2006-01-02-15-04-05"

// NewKey is a key for a log object that is delivered at a time, whose records are of the day
// of another. No other has it.
func (p LogPlace) NewKey(delivered, day time.Time) string {
	return p.key(delivered, day, rand.Uint64())
}

func (p LogPlace) key(delivered, day time.Time, unique uint64) string {
	at := delivered.UTC()
	name := p.Prefix
	if p.Partition.ByEvent() {
		at = day.UTC().Truncate(24 * time.Hour)
	}
	if p.Partition.ByEvent() || p.Partition == PartitionDelivery {
		name += p.Account + "/" + p.Region + "/" + p.Bucket + "/" + at.Format("2006/01/02/")
	}
	return name + fmt.Sprintf("%s-%016X", at.Format(objectTime), unique)
}

// LogNumber is the number of a frame that holds a record of an access log: when the request
// arrived, and whether it was a delivery of a log.
func LogNumber(at time.Time, ofDelivery bool) uint64 {
	n := uint64(at.UnixMilli()) << 1
	if ofDelivery {
		n |= 1
	}
	return n
}

// SplitLogNumber takes apart what LogNumber makes.
func SplitLogNumber(n uint64) (at time.Time, ofDelivery bool) {
	return time.UnixMilli(int64(n >> 1)).UTC(), n&1 != 0
}
