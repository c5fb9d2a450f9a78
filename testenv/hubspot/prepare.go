package hubspot

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// assignment is a property value in stored form, ready to be written.
type assignment struct{ name, value string }

// prepare checks an input against the definitions and against the record it is
// for (nil for a new one), and returns what to write, by name. It changes
// nothing. claims holds unique values that earlier inputs of the same batch
// take; nil outside of batches. The caller holds the store's lock.
func (t *table) prepare(r *record, in properties, by *actor, rules *Assumptions, claims map[assignment]bool) ([]assignment, *fault) {
	out := make([]assignment, 0, len(in))
	var issues []*issue
	for _, name := range slices.Sorted(maps.Keys(in)) {
		if in[name].null {
			continue
		}
		value, bad := t.prepareValue(r, name, in[name].text, by, rules)
		if bad != nil {
			issues = append(issues, bad)
			continue
		}
		out = append(out, assignment{name, value})
	}
	if len(issues) > 0 {
		return nil, invalidValues(issues)
	}
	out, bad := t.completePipeline(r, out, rules)
	if bad != nil {
		return nil, bad
	}
	return out, t.claim(r, out, claims)
}

// prepareValue brings one value into stored form.
func (t *table) prepareValue(r *record, name, value string, by *actor, rules *Assumptions) (string, *issue) {
	p, known := t.properties[name]
	if !known {
		return "", badValue(name, "PROPERTY_DOESNT_EXIST", `Property "`+name+`" does not exist`)
	}
	if p.Modification.ReadOnlyValue && !(by.person && p.Calculated) {
		return "", badValue(name, "READ_ONLY_VALUE", `"`+name+`" is a read only property; its value cannot be set.`)
	}
	if value == "" {
		return "", nil
	}
	if p.multi() && strings.HasPrefix(value, ";") && r != nil && rules.SemicolonAppends {
		value = r.current(name) + value
	}
	stored, bad := p.stored(value, rules)
	if bad == nil && name == "lifecyclestage" && r != nil && !by.person && rules.LifecycleOnlyForward {
		old := r.current(name)
		if slices.Index(lifecycleStages, stored) < slices.Index(lifecycleStages, old) {
			stored = old
		}
	}
	return stored, bad
}

// completePipeline gives a new deal or ticket its pipeline, and demands a stage
// where the account does.
func (t *table) completePipeline(r *record, out []assignment, rules *Assumptions) ([]assignment, *fault) {
	pipeline, stage := t.kind.pipelineProperties()
	if pipeline == "" || r != nil {
		return out, nil
	}
	has := func(name string) bool {
		return slices.ContainsFunc(out, func(v assignment) bool { return v.name == name && v.value != "" })
	}
	if rules.StageRequired && !has(stage) {
		return nil, &fault{
			status: http.StatusBadRequest, category: "VALIDATION_ERROR",
			message: "Error creating " + t.kind.upper + ". Some required properties were not set.",
			context: map[string][]string{"properties": {stage}},
		}
	}
	if has(stage) && !has(pipeline) {
		out = append(out, assignment{pipeline, pipelines[t.kind.plural][0].ID})
	}
	return out, nil
}

// claim refuses unique values that another record has, or another input takes.
func (t *table) claim(r *record, out []assignment, claims map[assignment]bool) *fault {
	for _, v := range out {
		values, unique := t.unique[v.name]
		if !unique || v.value == "" {
			continue
		}
		other := values[v.value]
		if other != nil && other != r {
			return t.conflict(r, v, other.id)
		}
		if claims[v] && other == nil {
			return t.conflict(r, v, 0)
		}
	}
	for _, v := range out {
		if _, unique := t.unique[v.name]; unique && v.value != "" && claims != nil {
			claims[v] = true
		}
	}
	return nil
}

// conflict is what the vendor says about a unique value that is taken. Inside
// one batch the other record has no id yet.
func (t *table) conflict(r *record, v assignment, existing int64) *fault {
	if v.name == "email" {
		f := taken(t.kind, existing)
		if existing == 0 {
			f.message = t.kind.title + " already exists. Another input of this batch has the same email."
		}
		return f
	}
	on := "a new record"
	if r != nil {
		on = r.text
	}
	f := invalid("Cannot set PropertyValueCoordinates{objectTypeId=" + t.kind.typeID + ", propertyName=" + v.name + ", value=" + v.value +
		"} on " + on + ". " + strconv.FormatInt(existing, 10) + " already has that value.")
	f.code = "CONFLICTING_UNIQUE_VALUE"
	return f
}
