package pgform

import (
	"fmt"
	"strings"
)

// QuoteIdent returns the name as SQL spells exactly this name.
func QuoteIdent(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// QuoteTable returns the table as SQL spells exactly this table.
func QuoteTable(schema, table string) string {
	return QuoteIdent(schema) + "." + QuoteIdent(table)
}

// SplitTable reads an object's name: schema.table, or table in the schema
// public. Names stand for themselves, in the catalog's own letters, upper-case
// and non-ASCII ones too: unlike in SQL, nothing is folded to lower case. Only
// a name with a dot or a quote in it needs quotes around it, as in SQL:
// public."a.b", public."say ""hi""".
func SplitTable(object string) (schema, table string, err error) {
	first, rest, err := cutName(object)
	if err != nil {
		return "", "", fmt.Errorf("table name %q: %w", object, err)
	}
	if rest == "" {
		return "public", first, nil
	}
	second, rest, err := cutName(rest[1:])
	if err == nil && rest != "" {
		err = fmt.Errorf(`it has more than two parts: write schema.table, and a name with a dot in it in quotes, as in public."a.b"`)
	}
	if err != nil {
		return "", "", fmt.Errorf("table name %q: %w", object, err)
	}
	return first, second, nil
}

// JoinTable is the one name of a table: SplitTable reads it back, and equal
// tables have equal names.
func JoinTable(schema, table string) string { return part(schema) + "." + part(table) }

func part(name string) string {
	if name == "" || strings.ContainsAny(name, `."`) {
		return QuoteIdent(name)
	}
	return name
}

// cutName reads one name; rest is empty or begins with the dot after it.
func cutName(s string) (name, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexByte(s, '.')
		if end < 0 {
			end = len(s)
		}
		if end == 0 || strings.Contains(s[:end], `"`) {
			return "", "", fmt.Errorf("a part is empty or has a quote inside: write schema.table")
		}
		return s[:end], s[end:], nil
	}
	var out strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			out.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			out.WriteByte('"')
			i++
			continue
		}
		if rest = s[i+1:]; out.Len() == 0 || rest != "" && rest[0] != '.' {
			return "", "", fmt.Errorf("a part is empty or goes on after its closing quote: write schema.table")
		}
		return out.String(), rest, nil
	}
	return "", "", fmt.Errorf("a quote is not closed")
}
