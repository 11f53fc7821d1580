"""The choices of an export as lists for Blender's menus."""

from __future__ import annotations

FORMAT_ITEMS = (
    ("fbx", "FBX", "For game engines and other 3D programs"),
    ("glb", "glTF", "One binary file (.glb), or a VRM avatar (.vrm)"),
    ("bvh", "BVH", "The skeleton and its pose, without the mesh"),
    ("usd", "USD", "Universal Scene Description"),
)
REST_ITEMS = (
    ("current", "Current Pose", "The mesh is bound in its current pose; the skin is exactly what you see"),
    ("t", "T Pose", "Arms horizontal, palms down"),
    ("a", "A Pose", "Arms 45 degrees below the horizontal"),
)
TWIST_ITEMS = (
    ("keep", "Keep", "Keep the bones that spread the twist of arms and legs"),
    ("fold", "Fold", "Give their weights to the arms and legs themselves"),
)
SHAPE_ITEMS = (
    (
        "keep",
        "Keep",
        "Keep the shape keys of the face and those that were added; the person's own shape is always baked",
    ),
    ("bake", "Bake", "Bake all shape keys into the mesh with their current values"),
)
INFLUENCE_ITEMS = (
    ("8", "8", "Up to eight bones move a vertex"),
    ("4", "4", "Up to four bones move a vertex, as older engines require"),
)
FRAME_ITEMS = (
    ("action", "All Keyed Frames", "The frames over which the character is keyed; none without animation"),
    ("scene", "Scene Range", "The frames of the scene's range"),
    ("range", "Custom Range", "The frames between two that you choose"),
    ("current", "None", "No animation: the character's pose at the current frame"),
)
