package postgres

// describeQuery yields one JSON object, or no row. Its parameters are schema
// and table.
//
// down walks from a domain to the type at its bottom and gathers modifier, NOT
// NULL and default on the way. equal is the = of the type's default operator
// class, by its schema, because an extension's need not be on the search path;
// varchar, enums and ranges use one of pg_catalog; an array's or a composite's
// depends on what is inside, so none is named.
const describeQuery = `SELECT pg_catalog.json_build_object(
	'kind', c.relkind, 'identity', c.relreplident,
	'primary', (` + indexColumns + ` AND i.indisprimary),
	'replica', (` + indexColumns + ` AND i.indisreplident),
	'foreign', (` + foreignKeys + `),
	'columns', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
		'name', a.attname, 'id', c.oid || '.' || a.attnum, 'type', a.atttypid::pg_catalog.int8, 'native', pg_catalog.format_type(a.atttypid, a.atttypmod),
		'bottom', d.oid::pg_catalog.int8, 'bottom_is', d.typtype, 'mod', d.mod,
		'not_null', a.attnotnull OR d.not_null, 'default', a.atthasdef OR d.has_default,
		'identity', a.attidentity, 'generated', a.attgenerated,
		'unique', EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid
			AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum),
		'equal', coalesce(` + equalOperator + `, CASE WHEN d.oid = 1043 OR d.typtype IN ('e', 'r', 'm') THEN 'pg_catalog.=' ELSE '' END),
		'options', (SELECT pg_catalog.json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid = d.oid)
		) ORDER BY a.attnum)
		FROM pg_catalog.pg_attribute a
		CROSS JOIN LATERAL (
			WITH RECURSIVE down (oid, typtype, base, mod, not_null, has_default) AS (
				SELECT t.oid, t.typtype, t.typbasetype, greatest(a.atttypmod, t.typtypmod), t.typnotnull, t.typdefault IS NOT NULL
				FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
				UNION ALL
				SELECT t.oid, t.typtype, t.typbasetype, greatest(down.mod, t.typtypmod), down.not_null OR t.typnotnull,
					down.has_default OR t.typdefault IS NOT NULL
				FROM down JOIN pg_catalog.pg_type t ON t.oid = down.base WHERE down.typtype = 'd')
			SELECT * FROM down WHERE down.typtype <> 'd') d
		WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))::pg_catalog.text
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1::pg_catalog.text AND c.relname = $2::pg_catalog.text`

// foreignKeys are the table's foreign keys: the columns, the table that they
// refer to, and whether that is by its whole primary key.
const foreignKeys = `SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
	'name', f.conname, 'schema', fn.nspname, 'table', fc.relname,
	'columns', (SELECT pg_catalog.json_agg(a.attname ORDER BY k.n) FROM pg_catalog.unnest(f.conkey) WITH ORDINALITY k (num, n)
		JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.num),
	'primary', EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = f.confrelid AND i.indisprimary
		AND pg_catalog.string_to_array(i.indkey::pg_catalog.text, ' ')::pg_catalog.int2[] = f.confkey)) ORDER BY f.oid)
	FROM pg_catalog.pg_constraint f
	JOIN pg_catalog.pg_class fc ON fc.oid = f.confrelid
	JOIN pg_catalog.pg_namespace fn ON fn.oid = fc.relnamespace
	WHERE f.conrelid = c.oid AND f.contype = 'f' AND (f.conparentid = 0 OR c.relispartition)`

// indexColumns are the key columns of an index of the table, in its order.
const indexColumns = `SELECT pg_catalog.json_agg(a.attname ORDER BY k.n) FROM pg_catalog.pg_index i
	CROSS JOIN LATERAL pg_catalog.unnest(i.indkey) WITH ORDINALITY k (num, n)
	JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num
	WHERE i.indrelid = c.oid AND k.n <= i.indnkeyatts`

// equalOperator asks the default btree class (403, strategy 3), else the hash
// class (405, strategy 1).
const equalOperator = `(SELECT pg_catalog.quote_ident(ns.nspname) || '.' || o.oprname
	FROM pg_catalog.pg_opclass k
	JOIN pg_catalog.pg_amop m ON m.amopfamily = k.opcfamily AND m.amoplefttype = k.opcintype AND m.amoprighttype = k.opcintype
		AND m.amopstrategy = CASE k.opcmethod WHEN 403 THEN 3 ELSE 1 END AND m.amoppurpose = 's'
	JOIN pg_catalog.pg_operator o ON o.oid = m.amopopr
	JOIN pg_catalog.pg_namespace ns ON ns.oid = o.oprnamespace
	WHERE k.opcdefault AND k.opcmethod IN (403, 405) AND k.opcintype = d.oid ORDER BY k.opcmethod LIMIT 1)`

// constraintQuery yields the columns of a unique constraint or index, by schema
// and name; no row for one on expressions, or for one that is gone.
const constraintQuery = `SELECT a.attname FROM pg_catalog.pg_class ic
	JOIN pg_catalog.pg_namespace n ON n.oid = ic.relnamespace
	JOIN pg_catalog.pg_index i ON i.indexrelid = ic.oid AND i.indexprs IS NULL
	CROSS JOIN LATERAL pg_catalog.unnest(i.indkey) WITH ORDINALITY k (num, n)
	JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num
	WHERE n.nspname = $1::pg_catalog.text AND ic.relname = $2::pg_catalog.text AND k.n <= i.indnkeyatts ORDER BY k.n`
