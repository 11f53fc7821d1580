"""From the names under which programs store the model back to the official ones.

* ``official``, ``transformers``: one module a layout, a table of names and what is left out
* ``recipes``, ``rebuilds``: how an official tensor is made of stored ones, or again
* ``unusable``: what is refused
* ``rigs``: MHR inside such files
"""

from .official_names import Laid, official_names

__all__ = ["Laid", "official_names"]
