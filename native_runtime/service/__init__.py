"""The worker process that runs inference beside Blender, and its client. See ``docs/worker.md``."""
