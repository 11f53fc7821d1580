"""Settings that Blender keeps: of the session, of the import, and of armatures; panels and operators share them."""
