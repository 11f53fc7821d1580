"""Posing other armatures like the people of photos."""
