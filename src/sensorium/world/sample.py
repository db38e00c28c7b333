"""One scene as files and as its line of the manifest: a new modality adds its own here."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from sensorium.world.captions import CHINESE, ENGLISH, Language, all_captions
from sensorium.world.changes import choose_changes
from sensorium.world.clip import film_frames, write_clip
from sensorium.world.examiner import Examiner
from sensorium.world.phrases import choose_phrases
from sensorium.world.picture import draw_picture
from sensorium.world.scene import SCENE_SECONDS, SLOT_SECONDS, Object, Scene
from sensorium.world.sound import play_sounds, write_sound
from sensorium.world.stories import CHINESE_TELLINGS, ENGLISH_TELLINGS
from sensorium.world.subtitles import as_subrip, cues_of

FILES = {
    "image": ("file_name", "images", "png"),
    "video": ("video", "videos", "mp4"),
    "audio": ("audio", "sounds", "wav"),
    "subtitles": ("subtitles", "subtitles", "srt"),
}
"""What is written of a scene -> its column, its folder and its suffix."""


@dataclass(frozen=True)
class Studio:
    """Turns scenes into samples.

    Attributes:
        folder: the world's folder.
        modalities: what is written of each scene.
        image_size: side of pictures and clips, in pixels.
    """

    folder: Path
    modalities: Collection[str]
    image_size: int

    def prepare(self, split: str) -> None:
        """Make the folders of a split."""
        for _, folder, _ in self._files.values():
            (self.folder / folder / split).mkdir(parents=True)

    def write(self, name: str, scene: Scene, examiner: Examiner, stream: str) -> dict[str, Any]:
        """Write the scene's files.

        Args:
            name: the split and the number, as in "train/00000".
            scene: what to write.
            examiner: asks about the scenes of this split, in their order.
            stream: names the scene's source of chance.

        Returns:
            The row of the manifest.
        """
        paths = {
            kind: (column, f"{folder}/{name}.{suffix}")
            for kind, (column, folder, suffix) in self._files.items()
        }
        self._write_files(scene, {kind: self.folder / path for kind, (_, path) in paths.items()})
        return {
            **dict(paths.values()),
            **self._words(scene, examiner, stream),
            **self._phrases(scene, stream),
            "unseen": scene.unseen,
            **self._labels(scene),
            "objects": [self._facts(thing) for thing in scene.objects],
        }

    @property
    def _files(self) -> dict[str, tuple[str, str, str]]:
        written = set(self.modalities)
        if "text" in written and written & {"video", "audio"}:
            written.add("subtitles")
        return {kind: file for kind, file in FILES.items() if kind in written}

    def _write_files(self, scene: Scene, paths: dict[str, Path]) -> None:
        samples = play_sounds(scene) if "audio" in paths else None
        if "image" in paths:
            draw_picture(scene, self.image_size).save(paths["image"])
        if "video" in paths:
            write_clip(paths["video"], film_frames(scene, self.image_size), samples)
        if samples is not None:
            write_sound(paths["audio"], samples)
        if "subtitles" in paths:
            text = as_subrip(cues_of(scene))
            paths["subtitles"].write_text(text, encoding="utf-8", newline="\n")

    def _words(self, scene: Scene, examiner: Examiner, stream: str) -> dict[str, Any]:
        """Captions, and questions with their answers."""
        if "text" not in self.modalities:
            return {}
        rng = Random(f"{stream}/wording")
        words: dict[str, Any] = {
            "text": rng.choice(all_captions(scene, ENGLISH)),
            "text_zh": rng.choice(all_captions(scene, CHINESE)),
        }
        words |= self._wrong_words(scene, words, Random(f"{stream}/wrong words"))
        if "video" in self.modalities:
            rng = Random(f"{stream}/telling of motion")
            words["text_video"] = rng.choice(ENGLISH_TELLINGS).of_motion(scene)
            words["text_video_zh"] = rng.choice(CHINESE_TELLINGS).of_motion(scene)
        if "audio" in self.modalities:
            rng = Random(f"{stream}/telling of sound")
            words["text_audio"] = rng.choice(ENGLISH_TELLINGS).of_sound(scene)
            words["text_audio_zh"] = rng.choice(CHINESE_TELLINGS).of_sound(scene)
        asked = examiner.ask(scene, Random(f"{stream}/questions"))
        return {**words, "questions": [question.as_row() for question in asked]}

    def _wrong_words(self, scene: Scene, words: dict[str, Any], rng: Random) -> dict[str, Any]:
        """Captions that are false of the scene in one thing, in the wording of its own."""
        changes = choose_changes(scene, rng)

        def told(column: str, language: Language) -> list[str]:
            wording = all_captions(scene, language).index(words[column])
            return [all_captions(change.scene, language)[wording] for change in changes]

        return {
            "text_wrong": told("text", ENGLISH),
            "text_wrong_zh": told("text_zh", CHINESE),
            "text_wrong_type": [change.type for change in changes],
        }

    def _phrases(self, scene: Scene, stream: str) -> dict[str, Any]:
        """Phrases that mean one object of the picture each, with its box."""
        if not {"text", "image"} <= set(self.modalities):
            return {}
        chosen = choose_phrases(scene, Random(f"{stream}/phrases"))
        return {
            "phrases": [
                {
                    "type": one.type,
                    "phrase": one.phrase[0],
                    "phrase_zh": one.phrase[1],
                    "box": self._in_pixels(one.thing),
                }
                for one in chosen
            ]
        }

    def _labels(self, scene: Scene) -> dict[str, Any]:
        """What a classifier can learn to tell."""
        labels: dict[str, Any] = {
            "number": len(scene.objects),
            "arrangement": scene.arrangement.value,
            "first_shape": scene.objects[0].shape.name,
        }
        if "video" in self.modalities:
            movers = scene.movers
            labels["first_motion"] = movers[0].act.motion.name if movers else "still"
        if "audio" in self.modalities:
            sounders = scene.sounders
            labels["first_sound"] = sounders[0].shape.name
            labels["sound_order"] = [f"{one.colour.name} {one.shape.name}" for one in sounders]
        return labels

    def _facts(self, thing: Object) -> dict[str, Any]:
        size, colour, shape = thing.words
        facts: dict[str, Any] = {"shape": shape, "colour": colour, "size": size}
        facts["box"] = self._in_pixels(thing)
        if "video" in self.modalities:
            facts["motion"] = thing.act.motion.name
            facts["slot"] = [thing.act.start, thing.act.start + SLOT_SECONDS]
            facts["end_box"] = self._in_pixels(thing.at(SCENE_SECONDS))
        if "audio" in self.modalities:
            facts["sound"] = None if thing.sound is None else [round(t, 3) for t in thing.sound]
            facts["pitch_hertz"] = thing.colour.pitch_hertz
        return facts

    def _in_pixels(self, thing: Object) -> list[float]:
        return [round(self.image_size * value, 2) for value in thing.box]
