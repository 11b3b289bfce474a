// Package web is the room of everything that speaks HTTP: listeners and TLS, the chain
// that each request goes through, and, below it, one room per protocol.
//
// # The chain
//
// A request gets its id (ID) when it comes in. Package sigv4 tells who sends it and
// decodes its body, the store is opened as that principal (store.As), and the protocol
// answers (s3api: one operation, one file). An error is rendered in one place of each
// protocol: a fault.Error by the row of its kind, an apierror.Error by itself.
package web
