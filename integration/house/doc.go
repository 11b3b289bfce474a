// Package house keeps the arrows of the house: which room may import which. Its test
// reads the imports of every package of the module and knows no exception that is not
// written down here.
package house
