"""Characters for other programs: FBX, glTF, VRM, BVH and USD files with the bones that each target expects."""
