"""Posing armatures of other makes as the people of photos."""
