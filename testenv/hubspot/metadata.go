package hubspot

import "net/http"

func (c *call) propertySet() map[string]*Property {
	if c.query.Get("archived") == "true" {
		return c.table.archivedProperties
	}
	return c.table.properties
}

func listProperties(c *call) answer {
	c.s.store.lock()
	defer c.s.store.unlock()
	return asJSON(http.StatusOK, map[string]any{"results": sortedProperties(c.propertySet())})
}

func readProperty(c *call) answer {
	c.s.store.lock()
	defer c.s.store.unlock()
	p, known := c.propertySet()[c.name]
	if !known {
		return c.refuse(notFound())
	}
	return asJSON(http.StatusOK, p)
}

func createProperty(c *call) answer {
	var p Property
	if bad := c.read(&p); bad != nil {
		return c.refuse(bad)
	}
	c.s.store.lock()
	defer c.s.store.unlock()
	made, bad := c.table.define(custom(p), formatTime(c.s.clock()))
	if bad != nil {
		return c.refuse(bad)
	}
	return asJSON(http.StatusCreated, made)
}

// custom marks a definition as the account's own, whatever the caller claims.
func custom(p Property) Property {
	p.HubspotDefined = false
	p.Modification.Archivable = true
	return p
}

// propertyChange is what of a definition can be changed.
type propertyChange struct {
	Label       *string   `json:"label"`
	Description *string   `json:"description"`
	GroupName   *string   `json:"groupName"`
	Type        *string   `json:"type"`
	FieldType   *string   `json:"fieldType"`
	Hidden      *bool     `json:"hidden"`
	Options     *[]Option `json:"options"`
}

func updateProperty(c *call) answer {
	var in propertyChange
	if bad := c.read(&in); bad != nil {
		return c.refuse(bad)
	}
	c.s.store.lock()
	defer c.s.store.unlock()
	old, known := c.table.properties[c.name]
	if !known {
		return c.refuse(notFound())
	}
	if old.Modification.ReadOnlyDefinition && (in.Type != nil || in.FieldType != nil) {
		return c.refuse(invalid("Property '" + c.name + "' is defined by HubSpot; its type cannot be changed"))
	}
	p := *old
	assign(&p.Label, in.Label)
	assign(&p.Description, in.Description)
	assign(&p.GroupName, in.GroupName)
	assign(&p.Type, in.Type)
	assign(&p.FieldType, in.FieldType)
	assign(&p.Hidden, in.Hidden)
	assign(&p.Options, in.Options)
	if bad := p.check(); bad != nil {
		return c.refuse(bad)
	}
	p.UpdatedAt = formatTime(c.s.clock())
	c.table.properties[c.name] = &p
	return asJSON(http.StatusOK, &p)
}

// assign sets what the caller gave.
func assign[T any](field *T, given *T) {
	if given != nil {
		*field = *given
	}
}

func archiveProperty(c *call) answer {
	c.s.store.lock()
	defer c.s.store.unlock()
	if bad := c.table.retire(c.name, formatTime(c.s.clock())); bad != nil {
		return c.refuse(bad)
	}
	return noContent()
}

func batchReadProperties(c *call) answer {
	var in struct {
		Inputs []struct {
			Name string `json:"name"`
		} `json:"inputs"`
	}
	if bad := c.read(&in); bad != nil {
		return c.refuse(bad)
	}
	c.s.store.lock()
	defer c.s.store.unlock()
	found, errs := []*Property{}, []batchError{}
	for _, one := range in.Inputs {
		if p, known := c.table.properties[one.Name]; known {
			found = append(found, p)
			continue
		}
		bad := notFound()
		bad.context = map[string][]string{"name": {one.Name}}
		errs = append(errs, bad.inBatch(""))
	}
	return c.multiStatus(http.StatusOK, found, errs)
}

func batchCreateProperties(c *call) answer {
	var in struct {
		Inputs []Property `json:"inputs"`
	}
	if bad := c.read(&in); bad != nil {
		return c.refuse(bad)
	}
	c.s.store.lock()
	defer c.s.store.unlock()
	made, errs := []*Property{}, []batchError{}
	for _, one := range in.Inputs {
		p, bad := c.table.define(custom(one), formatTime(c.s.clock()))
		if bad != nil {
			bad.context = map[string][]string{"name": {one.Name}}
			errs = append(errs, bad.inBatch(""))
			continue
		}
		made = append(made, p)
	}
	return c.multiStatus(http.StatusCreated, made, errs)
}
