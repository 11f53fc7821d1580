"""The terms of the training objective, and how they are weighed and added up.

The terms are those that the paper names (SAM 3D Body, arXiv 2602.15989, section 4.4, *Model Training*), whose training
code is not public; each docstring has the equation as it is computed here. Every term is a mean per person, (B,), and 0
where nothing is known of the person.
"""
