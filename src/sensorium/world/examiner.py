"""Chooses what is asked about each scene, so that no answer can be guessed from its question."""

from collections import Counter, defaultdict
from collections.abc import Collection
from random import Random

from sensorium.world.questions import Question, all_questions
from sensorium.world.scene import Scene

_LEAD = 2  # so that an answer does not follow from those of the rows before


class Examiner:
    """Asks about the scenes of one split; the answers to each form come about equally often.

    Args:
        modalities: what there is of a scene.
        name_unseen: whether a question may name a pair that training never shows.
    """

    def __init__(self, modalities: Collection[str], *, name_unseen: bool) -> None:
        self.modalities = modalities
        self.name_unseen = name_unseen
        self._asked: Counter[tuple[str, str]] = Counter()

    def ask(self, scene: Scene, rng: Random) -> list[Question]:
        """One question of each type that the scene allows."""
        by_type: dict[str, list[Question]] = defaultdict(list)
        for question in all_questions(scene, self.modalities, name_unseen=self.name_unseen):
            by_type[question.type].append(question)
        return [self._choose(questions, rng) for questions in by_type.values()]

    def _choose(self, questions: list[Question], rng: Random) -> Question:
        """One whose answer was given seldom so far."""
        by_answer: dict[tuple[str, str], list[Question]] = defaultdict(list)
        for question in questions:
            by_answer[question.form, question.answer[0]].append(question)
        fewest = min(self._asked[key] for key in by_answer)
        keys = [key for key in by_answer if self._asked[key] <= fewest + _LEAD]
        chosen = rng.choice(keys)
        self._asked[chosen] += 1
        return rng.choice(by_answer[chosen])
