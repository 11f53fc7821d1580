"""How good estimates are, by the field's measures, on data sets as they lie on a user's disk, and by people's votes."""
