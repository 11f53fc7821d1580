"""Control rigs of characters: armatures beside a character's own, whose bones it follows."""
