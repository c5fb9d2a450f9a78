// Package postgres reads a PostgreSQL database's committed changes from its
// logical replication slot, each with its exact values, its origin and its place
// in the log, and lets the server forget only what was confirmed.
//
// A Reader streams with pgoutput (protocol 1, messages on), on servers from
// version 14. It writes nothing: publication and slot are schemas/ddl's work.
// It never creates a slot, so a lost one is a cdc.Problem and never a silent gap.
package postgres
