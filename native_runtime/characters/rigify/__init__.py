"""A Rigify rig for a character: its metarig, and which controls carry which joints, without Blender."""
