"""From a photo to an MHR character, without Blender: the body model, the engines and the fit."""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036  # those who have an older one are to read it in plain words
    # Other files are in a grammar that older ones stumble over; this one keeps to what all of them read.
    _HERE = ".".join(str(number) for number in sys.version_info[:2]) + ", " + sys.executable
    _TEXT = "Python 3.11 or newer is needed, and this is Python " + _HERE + ". Start it with a newer one."
    # A program of ours ends with that line; somebody else's that imports this may want to go on without.
    _PROGRAM = os.path.abspath((sys.argv[:1] or [""])[0])
    _OURS = _PROGRAM.startswith(os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep)
    raise (SystemExit if _OURS or sys.argv[:1] == ["-m"] else ImportError)(_TEXT)

#: The version of package, extension and the files they write. Nothing else names it.
__version__ = "0.1.0"

# ONNX Runtime reports to its makers from the moment that it is imported, unless this is set. It is set here since every
# process that uses ONNX Runtime imports this package first.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
