"""The shelf: the networks and bodies that a user can have, what each gives, its terms, and who has a copy of it.

Standard library only: windows draw it at every start.
"""

from .catalogue import shelf, shelf_item
from .items import Figure, ItemState, Needs, RemoteFile, ShelfItem, Source, State, Terms
from .state import state_of
from .used import model_terms

__all__ = [
    "Figure",
    "ItemState",
    "Needs",
    "RemoteFile",
    "ShelfItem",
    "Source",
    "State",
    "Terms",
    "model_terms",
    "shelf",
    "shelf_item",
    "state_of",
]
