"""The character's rig: bones, mesh, sliders, and the exact mapping between MHR's numbers and Blender's channels.

``layout``, ``channels``, ``wiring``, ``sliders``, ``rigmap``, ``settings``, ``presets`` and ``exchange`` are plain
NumPy and know nothing of Blender; the other modules touch bpy. See ``docs/rig.md``.
"""
