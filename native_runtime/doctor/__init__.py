"""What this machine is, and how long engines take on it: ``machine``, ``speed``, and ``table`` to paste."""
