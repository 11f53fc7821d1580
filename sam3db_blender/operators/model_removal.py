"""What the operators share that delete files of a model of the shelf, and say how much room that gave."""

from typing import TYPE_CHECKING

import bpy

from native_runtime.errors import Sam3dbError

if TYPE_CHECKING:
    from pathlib import Path

    from bpy.stub_internal.rna_enums import OperatorReturnItems

    from native_runtime.models.shelf import ShelfItem


class ModelRemovalOperator:
    """A mix-in: asks first, and waits for jobs that have the files open. `remove` is what differs."""

    item: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def remove(self, item: "ShelfItem", models: "Path") -> int:
        """Deletes files of a model of the shelf; the bytes that are free now.

        Raises:
            ModelError: they are in use.
        """
        raise NotImplementedError

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..jobs import moving, shelf

        if shelf.slot.busy or moving.slot.busy:
            cls.poll_message_set("Wait until the running job has ended")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> "set[OperatorReturnItems]":
        return context.window_manager.invoke_confirm(self, event)  # type: ignore[arg-type]  # a mix-in of operators

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from native_runtime.models.shelf import shelf as items

        from ..files import sam3d_body
        from ..files import shelf as shelf_files
        from ..jobs.worker import stop_worker
        from ..remedies import in_words
        from ..shelf import facts

        stop_worker()  # which may have the files open
        try:
            freed = self.remove(items()[self.item], sam3d_body.models_folder())
        except Sam3dbError as error:
            self.report({"ERROR"}, in_words(error))
            return {"CANCELLED"}
        shelf_files.forget()
        self.report({"INFO"}, f"{facts.size_text(freed)} freed")
        return {"FINISHED"}
