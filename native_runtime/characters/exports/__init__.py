"""A character as other programs take it: options, skeleton at rest and posed, skins, and the last bytes of files."""
