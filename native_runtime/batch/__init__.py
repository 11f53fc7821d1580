"""Folders of photos to folders of characters: resumable, one photo after the other, Blender working beside.

``run.run_batch`` is the way in; ``docs/batch.md`` says what users may rely on.
"""
