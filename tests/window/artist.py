"""Somebody who works in Blender with mouse and keyboard, and keeps a picture of each step."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .blender import Blender
from .screen import Picture

#: Keys and clicks are taken when Blender next draws, which takes a while without a graphics card.
_TAKEN_S = 300.0
#: Seconds that a character may take to appear, on a machine that does other things as well.
_MADE_S = 180.0
#: Turns of Blender's event loop after which all that was pressed before is heard.
_HEARD_TURNS = 4
#: Seconds after which something has begun to follow from a key.
_FOLLOWS_S = 0.5
_SEARCH_PX = 12
#: The menu File at the top left of the window, and the first of a list of pictures of files from its corner, px.
_FILE_MENU, _FIRST_FILE = (40, 13), (60, 50)
_ENTRIES = 60


class Artist:
    """The hands and eyes.

    Args:
        blender: what is worked in.
        pictures: the folder for them; those that lie there count.
    """

    def __init__(self, blender: Blender, pictures: Path) -> None:
        self.blender, self.screen, self._pictures = blender, blender.screen, pictures

    def make_character(self, photo: Path, texture: bool = False) -> None:
        """Makes the character of a photo in an empty scene, and opens the sidebar's tab."""
        self.blender.call("scene.empty")
        self.blender.call("scene.make_character", photo=str(photo), body="default-lod2", texture=texture)
        self.blender.wait(lambda: bool(self.blender.call("scene.rigs")), _MADE_S)
        self.blender.call("scene.show_panel", photo=str(photo))
        self.over_viewport()
        self.at_rest()
        self.blender.call("scene.open_tab", name="Photo")

    def picture(self, name: str) -> Picture:
        """Keeps a picture of what the screen shows when it has come to rest."""
        self.screen.settle()
        count = len(list(self._pictures.glob("*.png")))
        return self.screen.save(self._pictures / f"{count + 1:02d}_{name}.png")

    def at_rest(self) -> None:
        """Waits until no pose is under way, and all is drawn."""
        self.blender.wait(lambda: not self.blender.call("scene.waiting"), _TAKEN_S)
        self.screen.settle()

    def over_viewport(self) -> None:
        """Moves the mouse over the 3D viewport, which then gets the keys."""
        x0, _, x1, y1 = self.blender.call("scene.viewport")
        self.screen.move(x0 + 0.1 * (x1 - x0), y1 - 30)
        self.screen.settle(0.5)

    def press(self, key: str) -> None:
        """Presses a key over the viewport and waits for what follows."""
        self.screen.key(key)
        time.sleep(_FOLLOWS_S)
        self.at_rest()

    def work_with_empties(self) -> None:
        """Shows the empties of the handles and takes the tool that selects them, as keys and buttons want it."""
        self.blender.call("scene.work_with_empties")
        self.over_viewport()

    def hold(self) -> None:
        """Presses the mouse button, and keeps it down.

        Blender tells where a button was pressed by where the mouse is when it hears of that. A mouse that has already
        moved on presses elsewhere, so this waits until the press was heard: a call is answered once in a turn of
        Blender's event loop, before or after the turn's events.
        """
        self.screen.press()
        for _ in range(_HEARD_TURNS):
            self.blender.call("scene.waiting")

    def click_button(self, operator: str, *settings: str, across: Sequence[float] = (0.3, 0.7)) -> None:
        """Clicks a button of the sidebar's open tab, as ``find_button`` finds it."""
        self.screen.click(*self.find_button(operator, *settings, across=across))

    def find_button(self, operator: str, *settings: str, across: Sequence[float] = (0.3, 0.7)) -> tuple[float, float]:
        """Where a button of the sidebar's open tab is on the screen; the mouse is left there.

        The button is found by what Blender copies from under the mouse with Ctrl+C: a button's command.

        Args:
            settings: words of that command, such as ``to='FK'``, where several buttons are for one operator.
            across: where it may be across the sidebar's width, 0 to 1.
        """
        x0, y0, x1, y1 = self.blender.call("scene.sidebar")
        for y in range(y0, y1, _SEARCH_PX):
            for x in (x0 + share * (x1 - x0) for share in across):
                self.blender.call("scene.copy", text="")
                self.screen.move(x, y)
                time.sleep(0.15)
                self.screen.key("ctrl+c")
                time.sleep(0.15)
                found = self.blender.call("scene.copied")
                if found.startswith(f"bpy.ops.{operator}(") and all(words in found for words in settings):
                    return x, y
        raise AssertionError(f"The sidebar has no button for {operator}.")

    def choose_from_file_menu(self, menu: str, operator: str) -> None:
        """Opens a menu within the menu File and takes an entry of it: three clicks for whoever uses the mouse alone.

        Entries are found as buttons are; here the arrow keys go from one to the next.
        """
        self.screen.click(*_FILE_MENU)
        self.screen.settle()
        self._go_down_to(menu)
        self.screen.key("Right")
        self.screen.settle()
        self._go_down_to(operator)
        self.screen.key("Return")
        self.screen.clicks += 2
        self._until(lambda: bool(self.blender.call("scene.file_list")), "files are listed")
        self.screen.settle()

    def _go_down_to(self, command: str) -> None:
        for _ in range(_ENTRIES):
            self.blender.call("scene.copy", text="")
            self.screen.key("Down")
            time.sleep(0.2)
            self.screen.key("ctrl+c")
            time.sleep(0.2)
            if command in self.blender.call("scene.copied"):
                return
        raise AssertionError(f"No entry of the menu is for {command}.")

    def choose_first_file(self, name: str) -> None:
        """Takes the first of the files that are listed by a double click."""
        x, y, *_ = self.blender.call("scene.file_list")
        self.screen.click(x + _FIRST_FILE[0], y + _FIRST_FILE[1])
        self._until(lambda: self.blender.call("scene.chosen_file") == name, f"{name} is chosen")
        self.accept_file()

    def accept_file(self) -> None:
        """Goes on with the file that is named: the button, or Enter over the list as here."""
        x0, y0, x1, y1 = self.blender.call("scene.file_list")
        self.screen.move((x0 + x1) / 2, (y0 + y1) / 2)
        self.screen.settle(0.5)
        self.screen.key("Return")
        self.screen.clicks += 1
        self._until(lambda: not self.blender.call("scene.file_list"), "the list of files closes")

    def drag_spot(self, keypoint: str, right: float, down: float) -> dict[str, Any]:
        """Drags a handle with the tool "Pose from Photo", and waits for the pose.

        Returns:
            The character as it stood before letting go, of which a picture is kept.
        """
        x, y = self.blender.call("scene.spot", keypoint=keypoint)
        self.screen.move(x, y)
        self.screen.settle(0.5)
        self.hold()
        self.glide(x, y, right, down)
        self.picture(f"{keypoint}_dragged")
        during = self.standing()
        self.screen.release()
        self._until(lambda: not self.blender.call("scene.modal"), "letting go ends the drag")
        self.at_rest()
        return during

    def click_handle(self, keypoint: str) -> tuple[float, float]:
        """Selects a handle; where it is on the screen."""
        name = self.blender.call("scene.handle_name", keypoint=keypoint)
        x, y = self.blender.call("scene.on_screen", name=name)
        self.screen.click(x, y)
        self._until(lambda: self.blender.call("scene.selected") == [name], f"{name} is selected by a click")
        self.screen.settle()
        return x, y

    def drag_by_key(self, keypoint: str, right: float, down: float) -> None:
        """Selects a handle, presses G, moves the mouse, confirms by a click."""
        x, y = self.click_handle(keypoint)
        self.screen.key("g")
        self._until(self._moving, "G moves the handle")
        self.glide(x, y, right, down)
        self.screen.click(x + right, y + down)
        self._until(lambda: not self._moving(), "a click ends the move")
        self.at_rest()

    def drag_by_mouse(self, keypoint: str, right: float, down: float) -> None:
        """Presses the mouse button on a handle, moves, lets go; with the tool Tweak."""
        self.blender.call("scene.take_tool", name="builtin.select")
        name = self.blender.call("scene.handle_name", keypoint=keypoint)
        x, y = self.blender.call("scene.on_screen", name=name)
        self.screen.move(x, y)
        self.screen.settle(0.5)
        self.hold()
        self.glide(x, y, right, down)
        self._until(self._moving, "the mouse moves the handle")
        self.screen.release()
        self._until(lambda: not self._moving(), "letting go ends the move")
        self.at_rest()

    def standing(self) -> dict[str, Any]:
        """The character as it stands."""
        return self.blender.call("scene.standing")

    def glide(self, x: float, y: float, right: float, down: float, steps: int = 8) -> None:
        """Moves the mouse from a pixel by so many in steps, as a hand does."""
        for step in range(1, steps + 1):
            self.screen.move(x + right * step / steps, y + down * step / steps)
            time.sleep(0.12)

    def _moving(self) -> bool:
        return "TRANSFORM_OT_translate" in self.blender.call("scene.modal")

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        try:
            self.blender.wait(condition, _TAKEN_S)
        except TimeoutError as error:
            raise AssertionError(f"It did not come about that {what}.") from error
