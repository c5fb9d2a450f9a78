// Package writeback takes in what SaaS systems report: a webhook is answered
// 200 only once every change it tells of is on disk.
//
// Intake is the HTTP handler. It knows no vendor: who sent a request, and what
// its body means, is told by the connection's Source. Writing to databases is
// the business of the packages below this one.
package writeback
