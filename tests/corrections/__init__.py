"""Tests of native_runtime.corrections."""
