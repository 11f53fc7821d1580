"""When operators that bring people into the scene can be used."""

import bpy


class ObjectModePoll:
    """A mix-in for operators that make objects."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.mode != "OBJECT":
            cls.poll_message_set("Go to Object Mode first")
            return False
        return True


class PhotoImportPoll(ObjectModePoll):
    """A mix-in for operators that have photos read, one at a time."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.window_manager.sam3db.running:
            cls.poll_message_set("Another photo is being processed")
            return False
        return super().poll(context)
