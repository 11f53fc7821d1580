"""Where Meta publishes MHR."""

from __future__ import annotations

URL = "https://github.com/facebookresearch/MHR/releases/latest/download/assets.zip"
PAGE = "https://github.com/facebookresearch/MHR"
ABOUT_MB = 199
"""The download's size shown to users before the server is asked."""
