"""What a training draws its batches from, and what it is validated on."""

from __future__ import annotations

from collections.abc import Iterator

from sensorium import ranks
from sensorium.batch import Batch
from sensorium.data import (
    Dataset,
    DataSplits,
    Loader,
    Mixed,
    Quarantine,
    Streamed,
    StreamLoader,
)
from sensorium.device import choose_device
from sensorium.recipe import Recipe
from sensorium.tasks import Mixture
from sensorium.training.features import Features, encoded, joined
from sensorium.verbs.listeners import Listeners


def batches_to_train_on(
    recipe: Recipe, mixture: Mixture, splits: DataSplits, listeners: Listeners
) -> Loader | StreamLoader | Features:
    """Batches without end: as loaded, or as frozen encoders encoded them once."""
    dataset, quarantine = splits.train, splits.quarantine
    assert dataset is not None, "a recipe without data.train is refused"
    if recipe.finetune is not None and recipe.finetune.cache_features:
        assert isinstance(dataset, Dataset), "the recipe refuses several sets and streams"
        return _features(recipe, mixture, dataset, splits, listeners)
    return batches_of(recipe, dataset, quarantine)


def batches_of(
    recipe: Recipe, dataset: Dataset | Mixed | Streamed, quarantine: Quarantine
) -> Loader | StreamLoader:
    """The batches to train on, without end."""
    pin_memory = choose_device(recipe.train.device).type == "cuda"
    if isinstance(dataset, Streamed):
        return StreamLoader(
            dataset,
            batch_size=recipe.train.batch_size,
            quarantine=quarantine,
            workers=recipe.data.workers,
            pin_memory=pin_memory,
            rank=ranks.rank(),
            ranks=ranks.count(),
        )
    return Loader(
        dataset,
        batch_size=min(recipe.train.batch_size, len(dataset)),
        seed=recipe.seed,
        shuffle=True,
        quarantine=quarantine,
        workers=recipe.data.workers,
        drop_last=True,
        pin_memory=pin_memory,
        rank=ranks.rank(),
        ranks=ranks.count(),
    )


def one_pass(recipe: Recipe, dataset: Dataset | Mixed, quarantine: Quarantine) -> Loader:
    """The samples of a set in their order, as they are judged."""
    return Loader(
        dataset,
        batch_size=recipe.evaluation.batch_size,
        seed=recipe.seed,
        shuffle=False,
        quarantine=quarantine,
        workers=recipe.data.workers,
        drop_last=False,
    )


def batches_to_validate_on(
    recipe: Recipe, mixture: Mixture, splits: DataSplits, listeners: Listeners
) -> Loader | list[Batch] | None:
    """One pass over the validation set, encoded once where the training set is; None without a set.

    The first rank alone validates.
    """
    if splits.validation is None:
        return None
    loader = one_pass(recipe, splits.validation, splits.quarantine)
    if recipe.finetune is None or not recipe.finetune.cache_features:
        return loader
    if ranks.rank() > 0:
        return []
    return list(_encoded(recipe, mixture, splits.validation, loader, "validation", listeners))


def _features(
    recipe: Recipe,
    mixture: Mixture,
    dataset: Dataset,
    splits: DataSplits,
    listeners: Listeners,
) -> Features:
    loader = one_pass(recipe, dataset.as_evaluated(), splits.quarantine)
    samples = joined(
        list(_encoded(recipe, mixture, dataset, loader, "train", listeners)),
        pad=splits.tokenizer.pad,
    )
    return Features(
        samples,
        batch_size=min(recipe.train.batch_size, len(samples)),
        seed=recipe.seed,
        rank=ranks.rank(),
        ranks=ranks.count(),
    )


def _encoded(
    recipe: Recipe,
    mixture: Mixture,
    dataset: Dataset | Mixed,
    loader: Loader,
    split: str,
    listeners: Listeners,
) -> Iterator[Batch]:
    assert recipe.finetune is not None, "asked for by it"
    done = 0
    for batch in encoded(
        mixture.model,
        loader,
        tokens=mixture.reads_tokens,
        megabytes=recipe.finetune.cache_megabytes,
        of=len(dataset),
    ):
        done += len(batch)
        listeners.on_work(f"encoding {split}", done, len(dataset))
        yield batch
