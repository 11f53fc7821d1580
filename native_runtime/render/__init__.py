"""Pictures without Blender: the own rasteriser and its light, the composition of previews, and contact sheets."""
