"""The lines of licences, as a list that scrolls wants them."""

import bpy


class SAM3DB_TermsLine(bpy.types.PropertyGroup):
    """A line of a license"""

    terms: bpy.props.StringProperty(name="License", description="Key of the license that the line is of")
    text: bpy.props.StringProperty(name="Line", description="The line")


CLASSES = (SAM3DB_TermsLine,)
