// Package crash cuts the power under the whole store.
package crash
