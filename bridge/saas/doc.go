// Package saas is what the connectors share: an HTTP JSON client that knows what
// a failed call means and by how much the vendor's clock differs from ours, a
// limiter that paces one connection at the speed its vendor grants, and the
// cutting of writes into batches.
//
// Nothing here tries a failed call again. A connector says in an *event.Fault
// what happened and how long the vendor asks to wait; when and how often to try
// again is decided in one place, the delivery of package bridge. The one
// exception is a call refused with 401, which is made once more after the
// connection's credentials were refreshed.
//
// Errors hold no secret: no header, no query, no user information of a URL, and
// what a vendor echoes of our own credentials is blanked.
package saas
