// Package ddl is everything that Lockstep puts on a PostgreSQL database, one
// publication and one replication slot, and it can check beforehand, install,
// inspect, repair and remove them without a trace and without ever making a
// statement of the application fail.
//
// No table, trigger, function or schema is created. A publication carries a
// comment by which its maker is known; one without it belongs to somebody else
// and is used as it is, never altered and never dropped.
package ddl
