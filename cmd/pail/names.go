package main

import (
	"pail/store/fault"
	"pail/versioning"
)

// checkBucketName refuses a name before a store is reached for it.
func checkBucketName(name string) error {
	if err := versioning.CheckBucketName(name); err != nil {
		return fault.New(fault.InvalidBucketName, "%v", err)
	}
	return nil
}

func noBucket(name string) error {
	return fault.New(fault.NoSuchBucket, "there is no bucket %q", name)
}
