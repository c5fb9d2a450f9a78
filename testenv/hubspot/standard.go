package hubspot

import "strings"

// standardProperties are the properties every account has, as far as
// integrations commonly meet them.
func standardProperties(k *kind) []Property {
	own := map[string][]Property{
		"contact": contactProperties(), "company": companyProperties(), "deal": dealProperties(), "ticket": ticketProperties(),
	}[k.singular]
	return append(own, systemProperties(k)...)
}

// systemProperties are written by the vendor only.
func systemProperties(k *kind) []Property {
	return []Property{
		readOnly("hs_object_id", "Record ID", "number"),
		readOnly("createdate", "Create Date", "datetime"),
		readOnly(k.modified, "Last Modified Date", "datetime"),
		readOnly("hs_object_source", "Record creation source", "string"),
		readOnly("hs_object_source_id", "Record creation source ID", "string"),
		readOnly("hs_updated_by_user_id", "Updated by user ID", "number"),
		readOnly("hs_merged_object_ids", "Merged record IDs", "string"),
		ownerProperty(),
	}
}

func contactProperties() []Property {
	email := text("email", "Email")
	email.HasUniqueValue = true
	return []Property{
		email,
		text("firstname", "First Name"), text("lastname", "Last Name"), phone("phone", "Phone Number"),
		phone("mobilephone", "Mobile Phone Number"), text("company", "Company Name"), text("website", "Website URL"),
		text("jobtitle", "Job Title"), text("salutation", "Salutation"), text("address", "Street Address"), text("city", "City"),
		text("state", "State/Region"), text("zip", "Postal Code"), text("country", "Country/Region"), area("message", "Message"),
		number("annualrevenue", "Annual Revenue"), standard("date_of_birth", "Date of birth", "string", "text"),
		selection("lifecyclestage", "Lifecycle Stage", lifecycleStages...),
		selection("hs_lead_status", "Lead Status", "NEW", "OPEN", "IN_PROGRESS", "OPEN_DEAL", "UNQUALIFIED",
			"ATTEMPTED_TO_CONTACT", "CONNECTED", "BAD_TIMING"),
		checkboxes("hs_buying_role", "Buying Role", "BLOCKER", "BUDGET_HOLDER", "CHAMPION", "DECISION_MAKER", "END_USER",
			"EXECUTIVE_SPONSOR", "INFLUENCER", "LEGAL_AND_COMPLIANCE", "OTHER"),
		standard("hs_email_optout", "Unsubscribed from all email", "bool", "booleancheckbox"),
		standard("hs_content_membership_registered_at", "Registered At", "datetime", "date"),
		calculated("hubspotscore", "HubSpot Score", "number"),
		calculated("hs_analytics_num_page_views", "Number of Pageviews", "number"),
		calculated("hs_analytics_last_visit_timestamp", "Time Last Seen", "datetime"),
		readOnly("hs_additional_emails", "Additional email addresses", "string"),
	}
}

func companyProperties() []Property {
	return []Property{
		text("name", "Company name"), text("domain", "Company Domain Name"), text("website", "Website URL"),
		phone("phone", "Phone Number"), area("description", "Description"), text("address", "Street Address"), text("city", "City"),
		text("state", "State/Region"), text("zip", "Postal Code"), text("country", "Country/Region"),
		number("annualrevenue", "Annual Revenue"), number("numberofemployees", "Number of Employees"),
		text("founded_year", "Year Founded"), standard("is_public", "Is Public", "bool", "booleancheckbox"),
		selection("lifecyclestage", "Lifecycle Stage", lifecycleStages...),
		selection("hs_lead_status", "Lead Status", "NEW", "OPEN", "IN_PROGRESS", "OPEN_DEAL", "UNQUALIFIED"),
		selection("type", "Type", "PROSPECT", "PARTNER", "RESELLER", "VENDOR", "OTHER"),
		selection("industry", "Industry", "ACCOUNTING", "BANKING", "COMPUTER_SOFTWARE", "CONSTRUCTION", "EDUCATION_MANAGEMENT",
			"FINANCIAL_SERVICES", "HOSPITAL_HEALTH_CARE", "INTERNET", "MACHINERY", "RETAIL", "TELECOMMUNICATIONS"),
		calculated("hs_num_open_deals", "Number of open deals", "number"),
		calculated("num_associated_contacts", "Number of Associated Contacts", "number"),
	}
}

func dealProperties() []Property {
	pipeline, stage := pipelineProperties("deals", "pipeline", "dealstage")
	return []Property{
		text("dealname", "Deal Name"), number("amount", "Amount"), standard("closedate", "Close Date", "datetime", "date"),
		pipeline, stage, area("description", "Deal Description"),
		selection("dealtype", "Deal Type", "newbusiness", "existingbusiness"),
		selection("hs_priority", "Priority", "low", "medium", "high"),
		text("deal_currency_code", "Currency"), area("closed_lost_reason", "Closed Lost Reason"),
		calculated("hs_deal_stage_probability", "Deal Probability", "number"),
		calculated("hs_forecast_amount", "Forecast Amount", "number"),
		calculated("hs_is_closed", "Is Closed", "bool"),
	}
}

func ticketProperties() []Property {
	pipeline, stage := pipelineProperties("tickets", "hs_pipeline", "hs_pipeline_stage")
	return []Property{
		text("subject", "Ticket name"), area("content", "Ticket description"), pipeline, stage,
		selection("hs_ticket_priority", "Priority", "LOW", "MEDIUM", "HIGH", "URGENT"),
		selection("hs_ticket_category", "Category", "PRODUCT_ISSUE", "BILLING_ISSUE", "FEATURE_REQUEST", "GENERAL_INQUIRY"),
		selection("source_type", "Source", "CHAT", "EMAIL", "FORM", "PHONE"),
		calculated("time_to_close", "Time to close", "number"),
	}
}

// lifecycleStages in the order a record moves through them.
var lifecycleStages = []string{"subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer", "evangelist", "other"}

func standard(name, label, typ, field string) Property {
	return Property{
		Name: name, Label: label, Type: typ, FieldType: field, GroupName: "information", HubspotDefined: true, FormField: true,
		Modification: Modification{ReadOnlyDefinition: true},
	}
}

func text(name, label string) Property   { return standard(name, label, "string", "text") }
func area(name, label string) Property   { return standard(name, label, "string", "textarea") }
func phone(name, label string) Property  { return standard(name, label, "string", "phonenumber") }
func number(name, label string) Property { return standard(name, label, "number", "number") }

func readOnly(name, label, typ string) Property {
	p := standard(name, label, typ, fieldTypes[typ][0])
	p.FormField = false
	p.Modification.ReadOnlyValue = true
	return p
}

func calculated(name, label, typ string) Property {
	p := readOnly(name, label, typ)
	p.Calculated = true
	return p
}

func selection(name, label string, values ...string) Property {
	p := standard(name, label, "enumeration", "select")
	p.Modification.ReadOnlyOptions = false
	for i, value := range values {
		p.Options = append(p.Options, Option{Label: titled(value), Value: value, DisplayOrder: i})
	}
	return p
}

func checkboxes(name, label string, values ...string) Property {
	p := selection(name, label, values...)
	p.FieldType = "checkbox"
	return p
}

// ownerProperty takes the ids that the owners API lists.
func ownerProperty() Property {
	p := selection("hubspot_owner_id", "Owner")
	p.ExternalOptions, p.ReferencedObjectType = true, "OWNER"
	return p
}

// pipelineProperties takes ids of the pipelines API.
func pipelineProperties(plural, pipeline, stage string) (Property, Property) {
	in, at := selection(pipeline, "Pipeline"), selection(stage, "Stage")
	in.ExternalOptions, at.ExternalOptions = true, true
	for _, p := range pipelines[plural] {
		in.Options = append(in.Options, Option{Label: p.Label, Value: p.ID, DisplayOrder: p.DisplayOrder})
		for _, s := range p.Stages {
			at.Options = append(at.Options, Option{Label: s.Label, Value: s.ID, DisplayOrder: s.DisplayOrder})
		}
	}
	return in, at
}

// titled makes a label of a value: OPEN_DEAL becomes "Open deal".
func titled(value string) string {
	words := strings.ToLower(strings.ReplaceAll(value, "_", " "))
	return strings.ToUpper(words[:1]) + words[1:]
}
