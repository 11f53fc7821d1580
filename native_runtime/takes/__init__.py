"""Videos and several photos of the same people: one body for each person, and its poses over time."""
