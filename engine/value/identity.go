package value

// Identity is equal for two values exactly when they share one list, dict or
// object, so that "is the same" can be told from "is equal". It is nil for
// kinds without identity.
func (v Value) Identity() any {
	switch v.kind {
	case KindList:
		return v.list()
	case KindMap:
		return v.dict()
	case KindObject:
		return v.Object()
	}
	return nil
}
