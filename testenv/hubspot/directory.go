package hubspot

import (
	"net/http"
	"strings"
)

// owner is a person of the account whom records can belong to.
type owner struct {
	ID        string   `json:"id"`
	Email     string   `json:"email"`
	Type      string   `json:"type"`
	FirstName string   `json:"firstName"`
	LastName  string   `json:"lastName"`
	UserID    int      `json:"userId"`
	CreatedAt string   `json:"createdAt"`
	UpdatedAt string   `json:"updatedAt"`
	Archived  bool     `json:"archived"`
	Teams     []string `json:"teams,omitempty"`
}

// owners are the same in every account.
var owners = []owner{
	{ID: "41629779", Email: "ada@example.com", Type: "PERSON", FirstName: "Ada", LastName: "Owner", UserID: 1, CreatedAt: longAgo, UpdatedAt: longAgo},
	{ID: "41629780", Email: "bob@example.com", Type: "PERSON", FirstName: "Bob", LastName: "Owner", UserID: 2, CreatedAt: longAgo, UpdatedAt: longAgo},
	{ID: "41629781", Email: "cleo@example.com", Type: "PERSON", FirstName: "Cleo", LastName: "Owner", UserID: 3, CreatedAt: longAgo, UpdatedAt: longAgo},
}

const longAgo = "2024-01-15T09:00:00.000Z"

// pipeline is a way that deals or tickets go, stage by stage.
type pipeline struct {
	ID           string  `json:"id"`
	Label        string  `json:"label"`
	DisplayOrder int     `json:"displayOrder"`
	Stages       []stage `json:"stages"`
	CreatedAt    string  `json:"createdAt"`
	UpdatedAt    string  `json:"updatedAt"`
	Archived     bool    `json:"archived"`
}

type stage struct {
	ID           string            `json:"id"`
	Label        string            `json:"label"`
	DisplayOrder int               `json:"displayOrder"`
	Metadata     map[string]string `json:"metadata"`
	CreatedAt    string            `json:"createdAt"`
	UpdatedAt    string            `json:"updatedAt"`
	Archived     bool              `json:"archived"`
}

// pipelines are the ones of a new account, the same in every one.
var pipelines = map[string][]pipeline{
	"deals": {{ID: "default", Label: "Sales Pipeline", CreatedAt: longAgo, UpdatedAt: longAgo, Stages: []stage{
		dealStage(0, "appointmentscheduled", "Appointment Scheduled", "0.2"), dealStage(1, "qualifiedtobuy", "Qualified To Buy", "0.4"),
		dealStage(2, "presentationscheduled", "Presentation Scheduled", "0.6"), dealStage(3, "decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
		dealStage(4, "contractsent", "Contract Sent", "0.9"), dealStage(5, "closedwon", "Closed Won", "1.0"),
		dealStage(6, "closedlost", "Closed Lost", "0.0"),
	}}},
	"tickets": {{ID: "0", Label: "Support Pipeline", CreatedAt: longAgo, UpdatedAt: longAgo, Stages: []stage{
		ticketStage(0, "1", "New", "OPEN"), ticketStage(1, "2", "Waiting on contact", "OPEN"),
		ticketStage(2, "3", "Waiting on us", "OPEN"), ticketStage(3, "4", "Closed", "CLOSED"),
	}}},
}

func dealStage(order int, id, label, probability string) stage {
	closed := "false"
	if probability == "1.0" || probability == "0.0" {
		closed = "true"
	}
	return stage{
		ID: id, Label: label, DisplayOrder: order, CreatedAt: longAgo, UpdatedAt: longAgo,
		Metadata: map[string]string{"isClosed": closed, "probability": probability},
	}
}

func ticketStage(order int, id, label, state string) stage {
	return stage{ID: id, Label: label, DisplayOrder: order, CreatedAt: longAgo, UpdatedAt: longAgo, Metadata: map[string]string{"ticketState": state}}
}

// ownerRoute serves /crm/v3/owners and below.
func (c *call) ownerRoute(method string, seg []string) route {
	switch {
	case method == http.MethodGet && len(seg) == 0:
		return route{template: "/crm/v3/owners", serve: listOwners}
	case method == http.MethodGet && len(seg) == 1:
		c.id = seg[0]
		return route{template: "/crm/v3/owners/{id}", serve: readOwner}
	}
	return unknownPath
}

func listOwners(c *call) answer {
	found := []owner{}
	for _, o := range owners {
		if email := c.query.Get("email"); email == "" || strings.EqualFold(email, o.Email) {
			found = append(found, o)
		}
	}
	return asJSON(http.StatusOK, map[string]any{"results": found})
}

func readOwner(c *call) answer {
	for _, o := range owners {
		if o.ID == c.id {
			return asJSON(http.StatusOK, o)
		}
	}
	return c.refuse(notFound())
}

// pipelineRoute serves …/pipelines/{type} and below.
func (c *call) pipelineRoute(method, prefix string, seg []string) route {
	if !c.takeKind(seg[0]) {
		return route{template: prefix + "/{type}", serve: unknownType}
	}
	base := prefix + "/" + c.kind.plural
	if method != http.MethodGet {
		return unknownPath
	}
	switch {
	case len(seg) == 1:
		return route{template: base, serve: listPipelines}
	case len(seg) == 2:
		c.name = seg[1]
		return route{template: base + "/{id}", serve: readPipeline}
	case len(seg) == 3 && seg[2] == "stages":
		c.name = seg[1]
		return route{template: base + "/{id}/stages", serve: listStages}
	}
	return unknownPath
}

func listPipelines(c *call) answer {
	list := pipelines[c.kind.plural]
	if list == nil {
		list = []pipeline{}
	}
	return asJSON(http.StatusOK, map[string]any{"results": list})
}

func (c *call) pipeline() *pipeline {
	for i := range pipelines[c.kind.plural] {
		if p := &pipelines[c.kind.plural][i]; p.ID == c.name {
			return p
		}
	}
	return nil
}

func readPipeline(c *call) answer {
	p := c.pipeline()
	if p == nil {
		return c.refuse(notFound())
	}
	return asJSON(http.StatusOK, p)
}

func listStages(c *call) answer {
	p := c.pipeline()
	if p == nil {
		return c.refuse(notFound())
	}
	return asJSON(http.StatusOK, map[string]any{"results": p.Stages})
}
