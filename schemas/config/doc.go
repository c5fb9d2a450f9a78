// Package config reads lockstep.yaml and either returns a configuration that is
// complete and consistent in itself, or every problem in it at once, each with
// its line, its column and what to write instead.
//
// It knows neither databases nor vendors: whether a column exists is found out
// later, by whoever knows the live schemas, and reported with At at the same
// places. Only cmd imports it.
package config
