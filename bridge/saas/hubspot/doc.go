// Package hubspot keeps HubSpot CRM objects in step: it describes them, reads
// and looks them up, writes them in batches, and reads HubSpot's webhooks.
//
// HubSpot has no conditional write: Write.Guard protects nothing (it helps to
// finish a switch of associations that broke off), and a mapping that wants a
// guard reads before it writes (guard: read). Associations are fields that hold
// the id of the main associated record. HubSpot keeps every value as
// a string; this package turns it into the canonical text of its property's
// kind and back, so that nobody else meets HubSpot's forms.
//
// README.md lists what is assumed of the vendor and not documented by it.
package hubspot
