package hubspot

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Property is the definition of one property of an object type, in the
// vendor's JSON form. Type decides what values it takes: string, number, date,
// datetime, enumeration or bool; other types of the vendor take any text.
type Property struct {
	Name                 string       `json:"name"`
	Label                string       `json:"label"`
	Type                 string       `json:"type"`
	FieldType            string       `json:"fieldType"`
	GroupName            string       `json:"groupName"`
	Description          string       `json:"description"`
	Options              []Option     `json:"options"`
	DisplayOrder         int          `json:"displayOrder"`
	HasUniqueValue       bool         `json:"hasUniqueValue"`
	Calculated           bool         `json:"calculated"`
	ExternalOptions      bool         `json:"externalOptions"`
	ReferencedObjectType string       `json:"referencedObjectType,omitempty"`
	Hidden               bool         `json:"hidden"`
	HubspotDefined       bool         `json:"hubspotDefined"`
	FormField            bool         `json:"formField"`
	DataSensitivity      string       `json:"dataSensitivity"`
	Modification         Modification `json:"modificationMetadata"`
	CreatedAt            string       `json:"createdAt,omitempty"`
	UpdatedAt            string       `json:"updatedAt,omitempty"`
	Archived             bool         `json:"archived"`
}

// Option is one value of an enumeration. Records hold Value, people see Label.
type Option struct {
	Label        string `json:"label"`
	Value        string `json:"value"`
	Description  string `json:"description,omitempty"`
	DisplayOrder int    `json:"displayOrder"`
	Hidden       bool   `json:"hidden"`
}

// Modification tells what about a property may be changed.
type Modification struct {
	Archivable         bool `json:"archivable"`
	ReadOnlyDefinition bool `json:"readOnlyDefinition"`
	ReadOnlyOptions    bool `json:"readOnlyOptions"`
	ReadOnlyValue      bool `json:"readOnlyValue"`
}

// multi tells a multi-select, whose value is "a;b".
func (p *Property) multi() bool { return p.Type == "enumeration" && p.FieldType == "checkbox" }

var propertyName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,99}$`)

var fieldTypes = map[string][]string{
	"string":             {"text", "textarea", "html", "file", "phonenumber", "calculation_equation"},
	"number":             {"number", "calculation_equation", "calculation_rollup", "calculation_score"},
	"date":               {"date"},
	"datetime":           {"date"},
	"enumeration":        {"select", "radio", "checkbox", "booleancheckbox"},
	"bool":               {"booleancheckbox", "select", "radio", "calculation_equation"},
	"phone_number":       {"phonenumber", "text"},
	"object_coordinates": {"text"},
	"json":               {"text"},
}

// check completes a definition that a caller sent and says what is wrong with it.
func (p *Property) check() *fault {
	if !propertyName.MatchString(p.Name) {
		return invalid("Property name '" + p.Name + "' must start with a lower-case letter and hold only lower-case letters, digits and underscores")
	}
	allowed, known := fieldTypes[p.Type]
	if !known {
		return invalid("Invalid type '" + p.Type + "' of property '" + p.Name + "'")
	}
	if p.FieldType == "" {
		p.FieldType = allowed[0]
	}
	if !slices.Contains(allowed, p.FieldType) {
		return invalid("Invalid fieldType '" + p.FieldType + "' for type '" + p.Type + "'")
	}
	if p.Label == "" {
		p.Label = p.Name
	}
	if p.Type == "bool" && len(p.Options) == 0 {
		p.Options = []Option{{Label: "Yes", Value: "true"}, {Label: "No", Value: "false", DisplayOrder: 1}}
	}
	seen := make(map[string]bool, len(p.Options))
	for _, option := range p.Options {
		if option.Value == "" || strings.Contains(option.Value, ";") || seen[option.Value] {
			return invalid("Property '" + p.Name + "' has an option value that is empty, doubled or holds a semicolon: '" + option.Value + "'")
		}
		seen[option.Value] = true
	}
	if p.Options == nil {
		p.Options = []Option{}
	}
	if p.DataSensitivity == "" {
		p.DataSensitivity = "non_sensitive"
	}
	return nil
}

// define adds a property to the table. The caller holds the store's lock.
func (t *table) define(p Property, now string) (*Property, *fault) {
	if bad := p.check(); bad != nil {
		return nil, bad
	}
	if _, taken := t.properties[p.Name]; taken {
		return nil, &fault{status: http.StatusConflict, category: "OBJECT_ALREADY_EXISTS", message: "A property named '" + p.Name + "' already exists."}
	}
	p.CreatedAt, p.UpdatedAt, p.Archived = now, now, false
	if _, old := t.archivedProperties[p.Name]; old {
		// The vendor forgets the values of an archived property that is made anew.
		delete(t.archivedProperties, p.Name)
		for _, rec := range t.order {
			delete(rec.fields, p.Name)
		}
	}
	t.properties[p.Name] = &p
	if p.HasUniqueValue {
		t.unique[p.Name] = make(map[string]*record)
	}
	return &p, nil
}

// retire archives a property: its values are hidden and take no writes.
func (t *table) retire(name, now string) *fault {
	p, known := t.properties[name]
	if !known {
		return notFound()
	}
	if !p.Modification.Archivable {
		return invalid("Property '" + name + "' is defined by HubSpot and cannot be archived")
	}
	delete(t.properties, name)
	delete(t.unique, name)
	p.Archived, p.UpdatedAt = true, now
	t.archivedProperties[name] = p
	return nil
}

// sortedProperties lists definitions by name.
func sortedProperties(set map[string]*Property) []*Property {
	list := make([]*Property, 0, len(set))
	for _, name := range slices.Sorted(maps.Keys(set)) {
		list = append(list, set[name])
	}
	return list
}
