// Package metrics tells machines how the program does: /metrics for Prometheus, /healthz
// and /readyz for whoever starts and stops it. They have addresses of their own, so that
// the S3 door shows nothing to its clients but S3.
//
// # Promises
//
//   - It answers from the moment at which it listens. Until Opened is called, while the
//     store is opened and recovers, it is alive and not ready.
//   - /readyz answers 200 only if requests are answered and writes are possible; otherwise
//     503 with one sentence that says why.
//   - What a scrape costs does not depend on how many objects there are. Numbers of objects
//     and versions are missing for that reason: the store keeps no count of them (pail
//     bucket info counts).
//   - Names of buckets and keys are in no label. Whoever can reach the address learns how
//     busy the store is, and nothing of what is in it.
//   - Names are only ever added to.
//
// # Decisions
//
// The library is Prometheus's own (client_golang, Apache-2.0). Nothing goes into its global
// registry, so that tests and several stores in one process do not meet.
package metrics
