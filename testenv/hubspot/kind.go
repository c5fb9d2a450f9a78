package hubspot

// kind is an object type: how the vendor names it in paths, events and messages.
type kind struct {
	plural   string // contacts, in paths
	singular string // contact, in events and association types
	upper    string // CONTACT, in messages
	title    string // Contact, in messages
	typeID   string // 0-1, accepted in paths too
	modified string // the property that holds the modification date
	defaults []string
	search   []string // what a free-text query looks at
}

var kinds = []*kind{
	{
		plural: "contacts", singular: "contact", upper: "CONTACT", title: "Contact", typeID: "0-1", modified: "lastmodifieddate",
		defaults: []string{"createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"},
		search:   []string{"firstname", "lastname", "email", "phone", "company"},
	},
	{
		plural: "companies", singular: "company", upper: "COMPANY", title: "Company", typeID: "0-2", modified: "hs_lastmodifieddate",
		defaults: []string{"createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"},
		search:   []string{"name", "domain", "phone", "website"},
	},
	{
		plural: "deals", singular: "deal", upper: "DEAL", title: "Deal", typeID: "0-3", modified: "hs_lastmodifieddate",
		defaults: []string{"amount", "closedate", "createdate", "dealname", "dealstage", "hs_lastmodifieddate", "hs_object_id", "pipeline"},
		search:   []string{"dealname", "pipeline", "dealstage", "description"},
	},
	{
		plural: "tickets", singular: "ticket", upper: "TICKET", title: "Ticket", typeID: "0-5", modified: "hs_lastmodifieddate",
		defaults: []string{"content", "createdate", "hs_lastmodifieddate", "hs_object_id", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_priority", "subject"},
		search:   []string{"subject", "content", "hs_pipeline_stage"},
	},
}

// kindsByName finds a kind by any name the vendor takes in a path.
var kindsByName = func() map[string]*kind {
	names := make(map[string]*kind, 3*len(kinds))
	for _, k := range kinds {
		names[k.plural], names[k.singular], names[k.typeID] = k, k, k
	}
	return names
}()

// pipeline properties of deals and tickets: the pipeline, and the stage in it.
func (k *kind) pipelineProperties() (pipeline, stage string) {
	switch k.singular {
	case "deal":
		return "pipeline", "dealstage"
	case "ticket":
		return "hs_pipeline", "hs_pipeline_stage"
	}
	return "", ""
}
