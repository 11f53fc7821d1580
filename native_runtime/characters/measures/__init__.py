"""Height and measures of characters, read and typed, without Blender."""
