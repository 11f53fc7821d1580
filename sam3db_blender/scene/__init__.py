"""The stage around a character: camera, photo, light, materials, and the record of where it came from."""
