package hubspot

import (
	"context"
	"net/http"
	"net/url"

	"github.com/lockstep-sync/lockstep/bridge/saas"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

const (
	keyField = "hs_object_id"
	maxText  = 65536 // characters of a text property
)

// kindOfObject names standard objects: by the word that webhooks use, and by
// the number of their type.
var kindOfObject = map[string]string{
	"contact": "contacts", "company": "companies", "deal": "deals", "ticket": "tickets", "product": "products", "line_item": "line_items",
	"0-1": "contacts", "0-2": "companies", "0-3": "deals", "0-5": "tickets", "0-7": "products", "0-8": "line_items",
}

// property is the definition of one property.
type property struct {
	Name           string   `json:"name"`
	Label          string   `json:"label"`
	Type           string   `json:"type"`
	FieldType      string   `json:"fieldType"`
	HasUniqueValue bool     `json:"hasUniqueValue"`
	Calculated     bool     `json:"calculated"`
	Options        []option `json:"options"`
	Modification   struct {
		ReadOnlyValue bool `json:"readOnlyValue"`
	} `json:"modificationMetadata"`
}

type option struct {
	Value string `json:"value"`
}

// Describe asks HubSpot for the object's properties, and renews what reading,
// writing and webhooks know of them. Standard objects go by their plural
// (contacts), custom ones by the id of their type (2-3465404). An error is an
// *event.Fault.
func (c *Connector) Describe(ctx context.Context, object string) (event.Object, error) {
	s, fault := c.shapes.renew(ctx, object)
	if fault != nil {
		return event.Object{}, fault
	}
	return s.object, nil
}

// fetchShape reads the properties of an object.
func (c *Connector) fetchShape(ctx context.Context, object string) (event.Object, *event.Fault) {
	if plural, alias := kindOfObject[object]; alias {
		// Webhooks name their object one way only: another name would miss them.
		return event.Object{}, &event.Fault{Class: event.Rejected, Message: "object " + object + ": call it " + plural}
	}
	var list struct {
		Results []property `json:"results"`
	}
	_, fault := c.client.Do(ctx, saas.Request{Method: http.MethodGet, Path: "/crm/v3/properties/" + url.PathEscape(object)}, &list)
	if fault != nil {
		fault.Message = "describe " + object + ": " + fault.Message
		return event.Object{}, fault
	}
	out := event.Object{Name: object, Key: []string{keyField}, Fields: make([]event.Field, 0, len(list.Results)+1)}
	for i := range list.Results {
		out.Fields = append(out.Fields, list.Results[i].field(object))
	}
	for _, a := range associations[object] {
		out.Fields = append(out.Fields, a.describe())
	}
	if _, has := out.Field(keyField); !has {
		out.Fields = append(out.Fields, event.Field{Name: keyField, Label: "Record ID", Kind: event.Decimal, Native: "number", Unique: true, ReadOnly: true, Generated: true})
	}
	return out, nil
}

// field describes one property.
func (p *property) field(object string) event.Field {
	f := event.Field{
		Name: p.Name, Label: p.Label, Kind: p.kind(), Native: p.Type, Nullable: true,
		ReadOnly: p.Modification.ReadOnlyValue || p.Calculated,
		Unique:   p.HasUniqueValue || object == "contacts" && p.Name == "email",
	}
	switch f.Kind {
	case event.Text:
		f.MaxLength = maxText
	case event.Decimal:
		f.Scale = -1
	}
	if p.Name == keyField {
		f.Nullable, f.ReadOnly, f.Unique, f.Generated = false, true, true, true
	}
	if f.Kind == event.Enum || f.Kind == event.Multi {
		for _, o := range p.Options {
			f.Options = append(f.Options, o.Value)
		}
	}
	return f
}

func (p *property) kind() event.Kind {
	switch p.Type {
	case "string", "phone_number":
		return event.Text
	case "number":
		return event.Decimal
	case "bool":
		return event.Bool
	case "date":
		return event.Date
	case "datetime":
		return event.Instant
	case "json":
		return event.JSON
	case "enumeration":
		switch p.FieldType {
		case "checkbox":
			return event.Multi
		case "booleancheckbox":
			return event.Bool
		}
		return event.Enum
	}
	return event.Other
}
