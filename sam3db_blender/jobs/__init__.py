"""Talking to the worker without blocking the window: jobs that wait for answers, downloads and batches."""
