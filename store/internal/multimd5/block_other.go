//go:build !amd64

package multimd5

import "unsafe"

const maxLanes = 1

type states [4][maxLanes]uint32

type pointers [maxLanes]unsafe.Pointer

type kernel int

// kernels: there is none for this kind of processor.
func kernels() []kernel { return nil }

func (kernel) hash(*states, *pointers, int) { panic("multimd5: no kernel") }
