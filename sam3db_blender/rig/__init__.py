"""The character's rig: bones, mesh, and the exact mapping between MHR's numbers and Blender's channels.

``layout`` and ``channels`` are plain NumPy; the other modules touch bpy.
"""
