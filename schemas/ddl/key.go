package ddl

// KeyColumns are the columns that name a record of a table, in key order, given
// its replica identity ('d', 'i', 'f', 'n') and the columns of its primary key
// and of its identity index. A deleted row comes with its replica identity only,
// so the key is the primary key where that is part of it, else the identity
// index's columns. Empty: the table has no key that its log carries.
func KeyColumns(identity byte, primary, index []string) []string {
	switch identity {
	case 'd', 'f':
		return primary
	case 'i':
		if len(primary) > 0 && covers(index, primary) {
			return primary
		}
		return index
	}
	return nil
}

// covers tells whether every one of the columns is in the list.
func covers(list, columns []string) bool {
	for _, c := range columns {
		found := false
		for _, l := range list {
			found = found || l == c
		}
		if !found {
			return false
		}
	}
	return true
}
