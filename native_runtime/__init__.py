"""From a photo to an MHR character, without Blender: the body model, the engines and the fit."""
