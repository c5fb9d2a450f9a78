// Package journal keeps everything Lockstep must not forget: what it was told
// is stored is on disk (fsynced), in order, and still there after kill -9 or a
// power cut at any instant.
//
// It is the only package with NATS types. One embedded JetStream server, which
// listens on no port, holds three streams in one folder:
//
//	CHANGES  changes.<connection>.<mapping>.<lane>
//	         one message per change and mapping that takes it. Payload: the
//	         change in Debezium's envelope. Headers: Lockstep-Position, and
//	         Lockstep-Origin with Lockstep-Change for a write of our own.
//	STATE    state.<key>
//	         the last value of every key: links, cursors, parked records.
//	         Header Lockstep-Deleted marks a deleted key until the marker,
//	         too, expires. Keys below "journal." are the journal's own.
//	AUDIT    audit.<mapping>.<bucket>.<kind>
//	         one message per AuditEntry, as JSON. The bucket is the first two
//	         characters of the record key's token, so that the number of
//	         subjects, and the memory they take, stays bounded.
//
// Subjects never hold a customer's value. DESIGN.md beside this file says why
// things are as they are.
package journal
