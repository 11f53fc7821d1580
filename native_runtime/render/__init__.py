"""Pictures without Blender: our own rasteriser and its light, the composition of previews, and contact sheets."""
