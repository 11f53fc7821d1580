"""What a rig is, without Blender: layout, channels, sliders, drivers, presets, settings, and where people stand."""
