package store

import "pail/store/fault"

// StandardClass is the storage class of what was given none.
const StandardClass = "STANDARD"

// StorageClasses are those that an object of a general purpose bucket may be given
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html; of its list OUTPOSTS,
// SNOW, EXPRESS_ONEZONE and the FSX classes are those of other kinds of bucket). A class is
// kept and shown; where the bytes are does not depend on it, and reading them needs no
// restore.
func StorageClasses() []string {
	return []string{
		StandardClass, "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING",
		"GLACIER", "DEEP_ARCHIVE", "GLACIER_IR",
	}
}

func checkStorageClass(class string) error {
	if class == "" {
		return nil
	}
	for _, c := range StorageClasses() {
		if c == class {
			return nil
		}
	}
	return fault.New(fault.InvalidStorageClass, "The storage class you specified is not valid").With("StorageClassRequested", class)
}

// storageClass is how records have a class.
func storageClass(class string) string {
	if class == StandardClass {
		return ""
	}
	return class
}
