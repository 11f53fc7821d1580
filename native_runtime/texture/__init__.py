"""Textures from photos: what the photos show of a person, laid into the texture coordinates of the body."""
