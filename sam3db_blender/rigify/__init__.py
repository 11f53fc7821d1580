"""A character posed by a rig that Rigify makes: the metarig on its joints, the rig beside it, and the way back."""
