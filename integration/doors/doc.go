// Package doors holds the whole program's doors against each other: the same suite through
// each (storetest), and both at once on the same objects, so that whatever one answers the
// other shows, at the same moment.
package doors
