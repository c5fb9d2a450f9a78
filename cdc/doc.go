// Package cdc carries every committed change of a database into the durable log
// exactly once: nothing is skipped, nothing is appended twice, and the database
// may forget a transaction only when all of it is on disk here.
//
// The Pump holds that promise. A Reader (cdc/postgres) yields row changes in
// commit order, a RouteFunc says which mappings take a change, and a Log makes
// the entries durable. The package knows no SaaS, no NATS and no SQL.
//
// Invariants, quoted where they are enforced:
//
//	I1  A checkpoint is confirmed only after every change before it is durable.
//	I2  Per mapping, positions in the Log only grow.
//	I3  A change that cannot be decoded, routed or appended stops the stream; it
//	    is never passed over.
//	I4  Memory does not grow with the size of a transaction.
package cdc
