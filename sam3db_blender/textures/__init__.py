"""Textures of characters from their photos: what stands in the scene, projected and laid on the mesh."""
