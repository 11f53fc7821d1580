"""Who is in the photo, before characters are made."""

from pathlib import Path

import bpy

from native_runtime.errors import Sam3dbError

from .. import places
from ..properties.import_options import to_request
from .modal_job import ModalJobOperator
from .person import reported


class SAM3DB_OT_find_people(ModalJobOperator, bpy.types.Operator):
    """Find the people in the photo, and choose which of them become characters"""

    bl_idname = "sam3db.find_people"
    bl_label = "Find People"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context):
        state = context.window_manager.sam3db
        if not state.photo:
            cls.poll_message_set("Choose a photo first")
            return False
        if state.running:
            cls.poll_message_set("Another photo is being processed")
            return False
        return True

    def execute(self, context):
        from ..jobs.photo import ReadJob
        from ..jobs.worker import worker

        def work():
            state = context.window_manager.sam3db
            request = to_request(state, Path(bpy.path.abspath(state.photo)), places.models_folder())
            self._found_in = state.found_key
            return self.begin(context, ReadJob(worker(), request))

        return reported(self, work)

    def finish(self, context):
        from native_runtime.image.reading import read_photo

        from ..previews import thumbnails

        job = self._job
        if job.state == "cancelled":
            return {"CANCELLED"}

        def work():
            if job.state == "failed":
                raise Sam3dbError(job.error)
            state = context.window_manager.sam3db
            photo = read_photo(job.request.photo).turned_by(job.turn)
            state.found.clear()
            for number, (box, head) in enumerate(zip(job.boxes, job.heads)):
                person = state.found.add()
                person.chosen = True
                corners = photo.to_working([box[:2], box[2:]]).ravel()
                middle = None if head is None else photo.to_working([head]).ravel()
                thumbnails.put(person.key_of(number), photo.pixels, corners, middle)
            state.found_in = self._found_in

        return reported(self, work)


CLASSES = (SAM3DB_OT_find_people,)
