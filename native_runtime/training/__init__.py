"""PyTorch: training of promptable networks that predict MHR, and the data for it. Never shipped in the extension."""
