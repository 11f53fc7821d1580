"""The Blender process of a batch: builds, saves, renders and exports what the batch has estimated.

``command`` starts one, ``native_runtime.batch.builder_process`` speaks with it, as ``docs/batch.md`` describes.
"""
