"""Batches on Flamenco, Blender's own farm: the job type, its settings, and the Manager's REST API."""
