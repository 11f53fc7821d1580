"""How well hard photos are found and named, on rendered people whose pose and difficulty are known (docs/mining.md)."""
