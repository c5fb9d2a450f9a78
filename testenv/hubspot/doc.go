// Package hubspot is a HubSpot account in a box: an HTTP server that answers the
// CRM API as the vendor does — values, errors, limits, batches, search,
// associations, merges — and posts signed webhooks for every change, so that a
// connector can be built, tortured and measured without an account.
//
// The same listener carries a control API under /_control for what happens on
// the vendor's side: people who edit records, outages, lost or doubled
// webhooks, a clock that is off. Every control call has a Go method on Server.
//
// What the vendor documents is imitated; what nobody outside can know is a named
// switch in Assumptions, to be tested both ways. README.md has the whole list.
//
// Everything lives in memory, bounded per record (20 versions of a property) and
// per counter; nothing survives Close. The package imports the standard library
// only and no product package: it must not share the connector's misreadings.
package hubspot
