"""Random operations of an artist, one after the other, in Blender's event loop.

Each is a generator that yields while it waits. Beside the scene runs a plain account of what the artist has said about
which keypoint, and of what they did by hand; after each operation, when all is at rest, both must agree.
"""

from __future__ import annotations

import random
import re
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Vector

from . import handwork, worker_process
from .scene import in_viewport, keypoint_names, part, rigs, waiting

_TICK_S = 0.01
#: Ticks, at least, that something may take. Not seconds: the whole machine may pause.
_PATIENCE = 6000
#: Ticks after which Blender has updated the scene, and the loop has heard of it.
_NOTICED = 4
#: Px by which a pin may be off its account: Blender stores places in 32 bits, through matrices.
_SAME_PX = 0.05
_PREDICTED, _PINNED, _IGNORED, _INCORRECT = range(4)
_KINDS = ("objects", "meshes", "armatures", "cameras", "collections", "materials", "lights")

Said = dict[str, dict[int, tuple[int, tuple[float, float]]]]
"""Of each character: keypoint -> (state, place), for those whose state was set."""


def said() -> Said:
    """What the scene holds."""
    handles, out = part("handles.handles"), {}
    for character in rigs():
        found = handles.by_keypoint(part("scene.lookup").rig_with(character))
        states = {index: (int(handles.state_of(handle)), handles.place(handle)) for index, handle in found.items()}
        out[character] = {index: entry for index, entry in states.items() if entry[0] != _PREDICTED}
    return out


def same(a: Said, b: Said) -> bool:
    """Whether both say the same."""
    if a.keys() != b.keys():
        return False
    for one, other in ((a[character], b[character]) for character in a):
        if one.keys() != other.keys():
            return False
        for index in one:
            (state, place), (other_state, other_place) = one[index], other[index]
            if state != other_state:
                return False
            # what is ignored goes where the pose goes
            if state != _IGNORED and max(abs(p - q) for p, q in zip(place, other_place)) > _SAME_PX:
                return False
    return True


def differences(found: Said, expected: Said) -> str:
    """What is not as it should be, for people."""
    parts = [f"characters {sorted(found)} and not {sorted(expected)}"] if found.keys() != expected.keys() else []
    for character in found.keys() & expected.keys():
        one, other = found[character], expected[character]
        parts += [
            f"{character} {index}: {one.get(index)} and not {other.get(index)}"
            for index in sorted(one.keys() | other.keys())
            if one.get(index) != other.get(index)
        ]
    return "; ".join(parts)


@dataclass
class Walk:
    """A number of random operations.

    Attributes:
        done: how many are over.
        problems: what was not as it should be.
        memory: (operation, process, MB) of the worker, after each.
        seconds: what they took, by kind.
        made: of each character what was done by hand and must stand.
    """

    count: int
    folder: Path
    random: random.Random
    done: int = 0
    problems: list[str] = field(default_factory=list)
    memory: list[tuple[int, int, float]] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    account: Said = field(default_factory=dict)
    past: list[tuple[Said, dict[str, int]]] = field(default_factory=list)
    blocks: dict[str, int] = field(default_factory=dict)
    made: dict[str, handwork.Made] = field(default_factory=dict)
    running: bool = True

    def tick(self) -> float | None:
        """Goes on with the operation under way, or begins the next."""
        try:
            next(self._steps)
        except StopIteration:
            self.running = False
            return None
        except Exception:
            self.problems.append(traceback.format_exc())
            self.running = False
            return None
        return _TICK_S

    def start(self) -> None:
        """Begins."""
        self._steps = self._go()
        self.account, self.blocks = said(), blocks()
        self._remember()
        bpy.app.timers.register(self.tick, persistent=True)

    def _go(self) -> Iterator[None]:
        names = list(_OPERATIONS)
        weights = [_OPERATIONS[name] for name in names]
        while self.done < self.count and len(self.problems) < 10:
            name = self.random.choices(names, weights)[0]
            started = time.perf_counter()
            yield from getattr(self, name)()
            yield from self.rest()
            self.seconds.setdefault(name, []).append(round(time.perf_counter() - started, 3))
            self.done += 1
            self._check(f"operation {self.done}, {name}")
            self.memory += [(self.done, child, round(mb, 1)) for child, mb in worker_process.memory().items()]

    def _check(self, after: str) -> None:
        now, there = said(), blocks()
        if not same(now, self.account):
            self.problems.append(f"{after}: {differences(now, self.account)}")
        if there != self.blocks:
            self.problems.append(f"{after}: there are {there} and not {self.blocks}")
        self.problems += [f"{after}: {problem}" for problem in (*faults(), *handwork.lost(self.made))]
        self.account, self.blocks = now, there
        self._remember()

    def _remember(self) -> None:
        """Notes how things stand, as something that undoing may lead to."""
        self.past.append((said(), blocks()))

    def _do(self, operator: str, **keys: Any) -> None:
        """Calls an operator from the viewport, with its undo step, as a key or a button does."""
        self._remember()
        group, name = operator.split(".")
        with in_viewport():
            getattr(getattr(bpy.ops, group), name)("EXEC_DEFAULT", True, **keys)
        self._remember()

    # --- waiting ---

    def rest(self) -> Iterator[None]:
        """Until the loop has nothing left to do."""
        yield from self.ticks(_NOTICED)
        yield from self.until(lambda: not waiting())

    def ticks(self, count: int) -> Iterator[None]:
        """Some turns of the event loop."""
        for _ in range(count):
            yield

    def until(self, condition: Callable[[], bool]) -> Iterator[None]:
        """Until something is so."""
        for _ in range(_PATIENCE):
            if condition():
                return
            yield
        raise TimeoutError(f"not at rest after {_PATIENCE} ticks: {part('handles.watch').loop.statuses()}")

    # --- whom and what ---

    def _rig(self) -> bpy.types.Object:
        return part("scene.lookup").rig_with(self.random.choice(sorted(rigs())))

    def _pick(self) -> tuple[bpy.types.Object, int, bpy.types.Object]:
        """A person, gone over to; one of their handles, selected."""
        handles, rig = part("handles.handles"), self._rig()
        self._do("sam3db.pick_person", character=part("scene.provenance").character_id(rig))
        index, handle = self.random.choice(list(handles.by_keypoint(rig).items()))
        part("handles.choice").uncover(bpy.context, handle)
        bpy.context.view_layer.update()
        return rig, index, handle

    def _moved(self) -> str:
        """Moves a handle by up to a tenth of the person's height; the character's id."""
        handles = part("handles.handles")
        rig, index, handle = self._pick()
        height = handles.height_of(part("scene.viewpoints").viewpoint_of(rig, 0))
        x, y = (self.random.uniform(-0.1, 0.1) * height for _ in range(2))
        before = np.array(handles.place(handle))
        # not the plane's: what is hidden has no place in the world
        self._do("transform.translate", value=handle.matrix_world.to_3x3() @ Vector((x, -y, 0.0)))
        place = tuple((before + (x, y)).tolist())
        character = part("scene.provenance").character_id(rig)
        self.account = {**self.account, character: {**self.account[character], index: (_PINNED, place)}}
        self._give_way(character, [index])
        return character

    def _say(self, operator: str, state: int) -> None:
        """Says something about a handle by an operator."""
        handles = part("handles.handles")
        rig, index, handle = self._pick()
        character, entries = part("scene.provenance").character_id(rig), {}
        chosen = {index: handle}
        if operator == "sam3db.pin_handles_symmetric":
            other = part("handles.pins").symmetric(handle)
            if other is not None:
                chosen[handles.keypoint_of(other)] = other
        for number, one in chosen.items():
            entries[number] = (state, handles.place(one))
        self._do(operator)
        if state == _PINNED:
            self._give_way(character, entries)
        theirs = {**self.account[character], **entries}
        self.account = {
            **self.account,
            character: {number: entry for number, entry in theirs.items() if entry[0] != _PREDICTED},
        }

    def _edit(self) -> None:
        """Does something by hand to somebody, and notes it."""
        rig = self._rig()
        name, at = self.random.choice(list(handwork.READINGS)), part("scene.provenance").character_id(rig)
        handwork.do(rig, name, self.random)
        bpy.ops.ed.undo_push(message=f"Edit {name}")
        self.made.setdefault(at, {})[name] = handwork.reading(rig, name)
        self._remember()

    def _give_way(self, character: str, keypoints: Iterable[int]) -> None:
        """A pin is newer than what was done by hand to its limb."""
        for keypoint in keypoints:
            limb = handwork.limb_of(keypoint_names()[keypoint])
            for name in [name for name in self.made.get(character, ()) if handwork.LIMBS[name] == limb]:
                del self.made[character][name]

    def _travelled(self) -> None:
        """After undoing: what was done by hand may be undone with the rest. What still stands must stay."""
        for character, made in self.made.items():
            rig = part("scene.lookup").rig_with(character)
            self.made[character] = {
                name: value for name, value in made.items() if rig is not None and handwork.stands(rig, name, value)
            }

    # --- operations ---

    def drag(self) -> Iterator[None]:
        """Drags a handle."""
        self._moved()
        yield

    def drag_twice(self) -> Iterator[None]:
        """Drags another handle while the answer to the first is awaited."""
        self._moved()
        yield from self.ticks(self.random.randint(_NOTICED, 12))
        self._moved()

    def pin(self) -> Iterator[None]:
        """Pins a handle where it lies."""
        self._say("sam3db.pin_handles", _PINNED)
        yield

    def pin_symmetric(self) -> Iterator[None]:
        """And the one on the other side."""
        self._say("sam3db.pin_handles_symmetric", _PINNED)
        yield

    def ignore(self) -> Iterator[None]:
        """Ignores a keypoint."""
        self._say("sam3db.ignore_handles", _IGNORED)
        yield

    def mark_wrong(self) -> Iterator[None]:
        """Marks a keypoint as wrong."""
        self._say("sam3db.mark_handles_wrong", _INCORRECT)
        yield

    def unpin(self) -> Iterator[None]:
        """Takes back what was said about one keypoint."""
        known = [(character, index) for character, entries in self.account.items() for index in entries]
        if not known:
            return
        handles = part("handles.handles")
        character, index = self.random.choice(known)
        rig = part("scene.lookup").rig_with(character)
        self._do("sam3db.pick_person", character=character)
        part("handles.choice").uncover(bpy.context, handles.by_keypoint(rig)[index])
        self._do("sam3db.unpin_handles")
        theirs = {number: entry for number, entry in self.account[character].items() if number != index}
        self.account = {**self.account, character: theirs}
        yield

    def reset(self) -> Iterator[None]:
        """Takes back all that was said about a person."""
        character = part("scene.provenance").character_id(self._rig())
        self._do("sam3db.pick_person", character=character)
        self._do("sam3db.reset_handles", group="all")
        self.account = {**self.account, character: {}}
        yield

    def infer(self) -> Iterator[None]:
        """Has the pose inferred again."""
        self._do("sam3db.pick_person", character=part("scene.provenance").character_id(self._rig()))
        self._do("sam3db.infer_again")
        yield

    def edit_by_hand(self) -> Iterator[None]:
        """Turns a bone, sets a slider or moves a whole character."""
        self._edit()
        yield

    def edit_meanwhile(self) -> Iterator[None]:
        """Does so while an answer is awaited."""
        self._moved()
        yield from self.ticks(self.random.randint(_NOTICED, 12))
        self._edit()

    def discard_edits(self) -> Iterator[None]:
        """Gives up all that was done by hand on a person."""
        character = part("scene.provenance").character_id(self._rig())
        if not self.made.get(character):
            return
        self._do("sam3db.pick_person", character=character)
        self._do("sam3db.discard_edits")
        self.made[character] = {}
        yield

    def switch_person(self) -> Iterator[None]:
        """Goes over to somebody, and hides a group of their handles or shows it."""
        self._do("sam3db.pick_person", character=part("scene.provenance").character_id(self._rig()))
        group = self.random.choice(list(part("handles.handles").GROUPS))
        self._do("sam3db.show_handles", group=group, on=self.random.random() < 0.6)
        yield

    def cancel(self) -> Iterator[None]:
        """Drags, and gives the inference up: the pin stays."""
        character = self._moved()
        yield from self.ticks(self.random.randint(0, 10))
        self._do("sam3db.pick_person", character=character)
        self._do("sam3db.cancel_pose")

    def kill_worker(self) -> Iterator[None]:
        """Drags, and the worker dies over it: the drag is repeated once."""
        self._moved()
        yield from self.ticks(self.random.randint(0, 10))
        worker_process.kill()

    def undo(self) -> Iterator[None]:
        """Undoes some steps; each leads to something that was so before. Redoing them all leads back, unless a pose had
        to be inferred on the way: that of one of two quick actions is a new step, and what came after it is gone.
        """
        before, steps, inferred = self.account, 0, False
        for _ in range(self.random.randint(1, 3)):
            if not _travel("undo"):
                break
            steps += 1
            yield from self.ticks(_NOTICED)
            inferred |= waiting()
            yield from self.rest()
            now, there = said(), blocks()
            if not any(same(now, once) and there == then for once, then in self.past):
                self.problems.append(f"undone to what never was: {differences(now, before)}")
        if steps and not inferred and self.random.random() < 0.5:
            for _ in range(steps):
                _travel("redo")
                yield from self.rest()
        elif steps:
            self.account, self.blocks = now, there
        self._travelled()

    def delete_handle(self) -> Iterator[None]:
        """Deletes a handle, and has it made anew or undoes it."""
        rig, index, _ = self._pick()
        character = part("scene.provenance").character_id(rig)
        before = self.account
        self._do("object.delete")
        yield from self.rest()
        if self.random.random() < 0.5:
            _travel("undo")
            self._travelled()
            self.account = before
        else:
            self._do("sam3db.pick_person", character=character)
            self._do("sam3db.show_handles", group="all", on=True)
            theirs = {number: entry for number, entry in self.account[character].items() if number != index}
            self.account = {**self.account, character: theirs}

    def delete_character(self) -> Iterator[None]:
        """Drags, deletes the whole character while the answer is awaited, and wants it back."""
        handles = part("handles.handles")
        before = self.account
        rig = part("scene.lookup").rig_with(self._moved())
        yield from self.ticks(self.random.randint(_NOTICED, 12))
        theirs = [rig, *rig.children_recursive, *handles.handles_of(rig)]
        for obj in bpy.context.selected_objects:
            obj.select_set(False)
        for obj in theirs:
            obj.hide_viewport = False
            obj.select_set(True)
        self._do("object.delete")
        yield from self.rest()
        gone = part("scene.provenance").character_id
        if any(
            gone(other) not in rigs()
            for other in (part("scene.lookup").rig_with(key) for key in before)
            if other is not None
        ):
            self.problems.append("a deleted character is half there")
        dragged, self.account = self.account, before
        _travel("undo")
        yield from self.rest()
        self._travelled()
        if same(said(), dragged):
            self.account = dragged

    def save_and_reopen(self) -> Iterator[None]:
        """Saves the file and opens it again."""
        path = str(self.folder / "walk.blend")
        with in_viewport():
            bpy.ops.wm.save_as_mainfile(filepath=path)
        yield from self.ticks(1)
        with in_viewport():
            bpy.ops.wm.open_mainfile(filepath=path, load_ui=False)
        self.past = []
        yield


#: How often each comes, in relation to the others.
_OPERATIONS = {
    "drag": 30,
    "drag_twice": 6,
    "pin": 4,
    "pin_symmetric": 3,
    "ignore": 3,
    "mark_wrong": 3,
    "unpin": 8,
    "reset": 1,
    "infer": 3,
    "edit_by_hand": 20,
    "edit_meanwhile": 5,
    "discard_edits": 2,
    "switch_person": 5,
    "cancel": 6,
    "kill_worker": 1.5,
    "undo": 15,
    "delete_handle": 3,
    "delete_character": 2,
    "save_and_reopen": 2,
}


def _travel(direction: str) -> bool:
    """Undoes or redoes one step; whether there was one."""
    with in_viewport():
        try:
            return getattr(bpy.ops.ed, direction)() == {"FINISHED"}
        except RuntimeError:
            return False


def blocks() -> dict[str, int]:
    """How many data-blocks there are of each kind. Of images the handles' looks come as they are needed."""
    counts = {kind: len(getattr(bpy.data, kind)) for kind in _KINDS}
    return counts | {"objects": sum(not _keeps_drivers(obj) for obj in bpy.data.objects)}


def _keeps_drivers(obj: bpy.types.Object) -> bool:
    """Whether an object holds the drivers of a character at rest; these come and go."""
    return bool(obj.get(part("rig.resting").KEEPS))


def _is_shape_in_use(obj: bpy.types.Object) -> bool:
    """Whether controls look like an object; it then belongs to no scene."""
    return part("controls.shapes").SHAPE in obj and obj.users > 0


def faults() -> list[str]:
    """What must never be, whatever was done."""
    handles, provenance = part("handles.handles"), part("scene.provenance")
    found = [
        f"'{obj.name}' is in no scene"
        for obj in bpy.data.objects
        if not (obj.users_scene or _keeps_drivers(obj) or _is_shape_in_use(obj))
    ]
    named = (*bpy.data.objects, *bpy.data.images, *bpy.data.meshes)
    found += [f"'{block.name}' is a double" for block in named if re.search(r"\.\d{3}$", block.name)]
    for obj in bpy.data.objects:
        if handles.is_handle(obj):
            if handles.rig_of(obj) is None:
                found.append(f"the handle '{obj.name}' belongs to nobody")
            if handles.moved(obj):
                found.append(f"the handle '{obj.name}' was moved, and nobody took notice")
    for character in rigs():
        rig = part("scene.lookup").rig_with(character)
        keypoints = provenance.read_origin(rig).arrays["keypoints_2d"]
        for index, handle in handles.by_keypoint(rig).items():
            if handles.state_of(handle) is handles.State.PREDICTED:
                off = np.abs(np.subtract(handles.place(handle), keypoints[index])).max()
                if off > _SAME_PX:
                    found.append(f"'{handle.name}' lies {off:.2f} px beside what was inferred")
    for character, status in part("handles.watch").loop.statuses().items():
        if status.state == "error":
            found.append(f"{character}: {status.text}")
    return found


_walk: Walk | None = None


def start(seed: int, count: int, folder: str) -> None:
    """Begins a walk."""
    global _walk
    _walk = Walk(count, Path(folder), random.Random(seed))
    _walk.start()


def report() -> dict[str, Any]:
    """How far it has come."""
    assert _walk is not None
    keys = ("running", "done", "problems", "seconds", "memory")
    return {key: getattr(_walk, key) for key in keys} | {"operations": list(_OPERATIONS)}
