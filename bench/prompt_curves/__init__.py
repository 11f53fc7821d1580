"""What prompts gain, and what wrong ones cost: the curves of the paper's table 7, for any promptable model."""
