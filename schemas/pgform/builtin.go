package pgform

import "github.com/lockstep-sync/lockstep/schemas/event"

// builtins holds the types with fixed OIDs, of every version from 14 to 18,
// that a column can have. It is never written to.
var builtins = makeBuiltins()

// family is the types of one kind: name, its OID, its array's OID.
type family struct {
	kind  event.Kind
	types []oids
}

type oids struct {
	name       string
	oid, array uint32
}

func makeBuiltins() map[uint32]Type {
	out := make(map[uint32]Type, 256)
	for _, f := range families {
		for _, t := range f.types {
			// "char" is not the keyword char, which is bpchar.
			name := "pg_catalog." + QuoteIdent(t.name)
			out[t.oid] = Type{OID: t.oid, Name: name, Kind: f.kind, form: formOf(f.kind)}
			if t.array != 0 {
				array := "pg_catalog." + QuoteIdent("_"+t.name)
				out[t.array] = Type{OID: t.array, Name: array, Kind: event.Array}
			}
		}
	}
	return out
}

var families = []family{
	{event.Text, []oids{{"text", 25, 1009}, {"varchar", 1043, 1015}, {"bpchar", 1042, 1014}, {"name", 19, 1003}, {"char", 18, 1002}}},
	{event.Int, []oids{{"int8", 20, 1016}, {"int4", 23, 1007}, {"int2", 21, 1005}, {"oid", 26, 1028}, {"xid", 28, 1011}, {"cid", 29, 1012},
		{"xid8", 5069, 271}}},
	{event.Decimal, []oids{{"numeric", 1700, 1231}}},
	{event.Float, []oids{{"float4", 700, 1021}, {"float8", 701, 1022}}},
	{event.Bool, []oids{{"bool", 16, 1000}}},
	{event.Date, []oids{{"date", 1082, 1182}}},
	{event.Time, []oids{{"time", 1083, 1183}, {"timetz", 1266, 1270}}},
	{event.Local, []oids{{"timestamp", 1114, 1115}}},
	{event.Instant, []oids{{"timestamptz", 1184, 1185}}},
	{event.UUID, []oids{{"uuid", 2950, 2951}}},
	{event.Bytes, []oids{{"bytea", 17, 1001}}},
	{event.JSON, []oids{{"json", 114, 199}, {"jsonb", 3802, 3807}}},
	{event.Array, []oids{{"int2vector", 22, 1006}, {"oidvector", 30, 1013}}},
	{event.Other, []oids{
		{"interval", 1186, 1187}, {"money", 790, 791}, {"xml", 142, 143}, {"bit", 1560, 1561}, {"varbit", 1562, 1563},
		{"inet", 869, 1041}, {"cidr", 650, 651}, {"macaddr", 829, 1040}, {"macaddr8", 774, 775},
		{"point", 600, 1017}, {"lseg", 601, 1018}, {"path", 602, 1019}, {"box", 603, 1020}, {"polygon", 604, 1027}, {"line", 628, 629},
		{"circle", 718, 719},
		{"tsvector", 3614, 3643}, {"tsquery", 3615, 3645}, {"gtsvector", 3642, 3644}, {"jsonpath", 4072, 4073},
		{"int4range", 3904, 3905}, {"int8range", 3926, 3927}, {"numrange", 3906, 3907}, {"daterange", 3912, 3913},
		{"tsrange", 3908, 3909}, {"tstzrange", 3910, 3911},
		{"int4multirange", 4451, 6150}, {"int8multirange", 4536, 6157}, {"nummultirange", 4532, 6151}, {"datemultirange", 4535, 6155},
		{"tsmultirange", 4533, 6152}, {"tstzmultirange", 4534, 6153},
		{"pg_lsn", 3220, 3221}, {"tid", 27, 1010}, {"txid_snapshot", 2970, 2949}, {"pg_snapshot", 5038, 5039},
		{"regproc", 24, 1008}, {"regprocedure", 2202, 2207}, {"regoper", 2203, 2208}, {"regoperator", 2204, 2209},
		{"regclass", 2205, 2210}, {"regtype", 2206, 2211}, {"regrole", 4096, 4097}, {"regnamespace", 4089, 4090},
		{"regconfig", 3734, 3735}, {"regdictionary", 3769, 3770}, {"regcollation", 4191, 4192},
		{"aclitem", 1033, 1034}, {"refcursor", 1790, 2201},
	}},
}
