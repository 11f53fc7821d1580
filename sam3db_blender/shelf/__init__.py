"""The model shelf in words and pictures: what dialogs and panels say about models that one can have."""
