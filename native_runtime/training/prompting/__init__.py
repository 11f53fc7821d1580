"""Prompts as a network in training gets them: what a helpful, a careless and a mistaken person would say."""
