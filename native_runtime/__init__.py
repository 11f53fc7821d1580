"""From a photo to an MHR character, without Blender: the body model, the engines and the fit."""

import os

#: The version of package, extension and the files they write. Nothing else names it.
__version__ = "0.1.0"

# ONNX Runtime reports to its makers from the moment that it is imported, unless this is set. It is set here since every
# process that uses ONNX Runtime imports this package first.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
