"""Files of the extension: bodies, the SAM 3D Body model, recent photos, and .blend files to open."""
