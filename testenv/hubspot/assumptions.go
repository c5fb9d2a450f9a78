package hubspot

// Assumptions are behaviours that the vendor's documents leave open. Each is a
// switch, so that a connector can be tested under both readings. The zero value
// is not the default: start from DefaultAssumptions.
type Assumptions struct {
	// Archiving a record that is archived already answers 204; else 404.
	DeleteOfArchivedIs204 bool `json:"delete_of_archived_is_204"`
	// PATCH and batch updates answer every property that has a value; else the
	// written ones, hs_object_id and the two dates.
	PatchReturnsAllProperties bool `json:"patch_returns_all_properties"`
	// A batch upsert by a contact's email may succeed for some inputs and fail
	// for others; else one bad input fails all of it, trace ids or not.
	EmailUpsertPartialAllowed bool `json:"email_upsert_partial_allowed"`
	// A propertyChange of a cleared property carries null; else "".
	WebhookNullForCleared bool `json:"webhook_null_for_cleared"`
	// Search sees the account as it was this many milliseconds ago.
	SearchLagMS int64 `json:"search_lag_ms"`
	// Batches fail for some inputs only where every input has an
	// objectWriteTraceId of its own; else always.
	BatchNeedsTraceForPartial bool `json:"batch_needs_trace_for_partial"`
	// occurredAt of an event equals updatedAt of the record; else it is up to
	// 50 ms earlier or later.
	EventTimeEqualsUpdatedAt bool `json:"event_time_equals_updated_at"`
	// Creating a record sends a propertyChange for each property that it sets,
	// after the creation event.
	CreationSendsPropertyChanges bool `json:"creation_sends_property_changes"`
	// A property that was cleared reads "", one never set null; else both null.
	ClearedReadsEmpty bool `json:"cleared_reads_empty"`
	// Writing the values that stand already moves the record's modification date.
	NoopTouchesModified bool `json:"noop_touches_modified"`
	// The API only moves lifecyclestage forward: a write backwards is accepted
	// and ignored, unless the property was cleared before.
	LifecycleOnlyForward bool `json:"lifecycle_only_forward"`
	// Deals and tickets cannot be created without a pipeline stage.
	StageRequired bool `json:"stage_required"`
	// A merge makes a record with a new id; else the primary record survives.
	MergeReturnsNewID bool `json:"merge_returns_new_id"`
	// Reading or updating a record that was merged away reaches the survivor;
	// else it is not found.
	MergedIDResolves bool `json:"merged_id_resolves"`
	// A multi-select value that starts with ";" adds to the selection; else the
	// leading ";" is dropped and the value replaces the selection.
	SemicolonAppends bool `json:"semicolon_appends"`
	// Text is stored without the white space around it.
	TrimsText bool `json:"trims_text"`
	// Numbers are stored in their shortest form: "12.50" reads "12.5".
	NormalizesNumbers bool `json:"normalizes_numbers"`
	// A datetime on a full second is stored without ".000".
	OmitsZeroMillis bool `json:"omits_zero_millis"`
	// The first company of a contact, deal or ticket becomes its primary one,
	// whatever type the association was made with.
	FirstCompanyIsPrimary bool `json:"first_company_is_primary"`
	// When the primary company of a record is removed, the oldest of the others
	// becomes the primary one; else none is.
	RemovedPrimaryPassesOn bool `json:"removed_primary_passes_on"`
	// A second parent of a company takes the place of the first; else it is refused.
	NewParentReplaces bool `json:"new_parent_replaces"`
	// Reading associations in a batch answers an error, NO_ASSOCIATIONS_FOUND, for
	// each record without any; else such records are left out.
	NoAssociationsIsError bool `json:"no_associations_is_error"`
	// Restoring a record brings its associations back; else archiving ends them.
	RestoreBringsAssociations bool `json:"restore_brings_associations"`
	// Archiving a record sends associationChange events for its associations.
	ArchiveSendsAssociationChanges bool `json:"archive_sends_association_changes"`
	// A merge sends associationChange events for the associations that it moves.
	MergeSendsAssociationChanges bool `json:"merge_sends_association_changes"`
}

// DefaultAssumptions returns the reading thought most likely.
func DefaultAssumptions() Assumptions {
	return Assumptions{
		DeleteOfArchivedIs204:        true,
		BatchNeedsTraceForPartial:    true,
		EventTimeEqualsUpdatedAt:     true,
		CreationSendsPropertyChanges: true,
		LifecycleOnlyForward:         true,
		MergedIDResolves:             true,
		SemicolonAppends:             true,
		FirstCompanyIsPrimary:        true,
		NewParentReplaces:            true,
		NoAssociationsIsError:        true,
		RestoreBringsAssociations:    true,
	}
}
