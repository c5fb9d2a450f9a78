// Package hubspot keeps HubSpot CRM objects in step: it describes them, reads
// and looks them up, writes them in batches, and reads HubSpot's webhooks.
//
// HubSpot has no conditional write: Write.Guard is ignored, and a mapping that
// wants one reads before it writes (guard: read). HubSpot keeps every value as
// a string; this package turns it into the canonical text of its property's
// kind and back, so that nobody else meets HubSpot's forms.
//
// README.md lists what is assumed of the vendor and not documented by it.
package hubspot
