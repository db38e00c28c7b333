import torch
from tests.conftest import small_batch

from sensorium.batch import Inputs
from sensorium.tasks import pairs
from sensorium.tasks.pairs import item_keys, spread_keys


def inputs(values: torch.Tensor, mask: torch.Tensor | None = None) -> Inputs:
    return Inputs(values, mask, torch.ones(len(values), dtype=torch.bool))


def test_equal_items_have_equal_keys_however_they_are_padded():
    ids = torch.tensor([[5, 6, 0], [5, 6, 7], [5, 6, 0], [6, 5, 0]])
    mask = torch.tensor([[1, 1, 0], [1, 1, 1], [1, 1, 0], [1, 1, 0]]).bool()
    first, second, third, turned = item_keys(inputs(ids, mask)).tolist()
    assert first == third
    assert len({first, second, turned}) == 3
    shorter = inputs(torch.tensor([[5, 6]]))
    assert item_keys(shorter).tolist() == [first]


def test_a_token_whose_number_is_zero_is_a_token():
    assert item_keys(inputs(torch.tensor([[5]]))) != item_keys(inputs(torch.tensor([[5, 0]])))


def test_sounds_and_clips_are_compared_by_their_real_frames():
    draw = torch.Generator().manual_seed(0)
    frames = torch.randn(2, 6, 4, generator=draw)
    frames[1, :3] = frames[0, :3]
    mask = torch.arange(6) < torch.tensor([[3], [3]])
    first, second = item_keys(inputs(frames, mask)).tolist()
    assert first == second
    first, second = item_keys(inputs(frames)).tolist()
    assert first != second
    clips = torch.randint(0, 256, (2, 5, 3, 4, 4), generator=draw).to(torch.uint8)
    long, short = inputs(clips), inputs(clips[:, :4])
    cut = inputs(clips, torch.tensor([[1, 1, 1, 1, 0]] * 2).bool())
    assert torch.equal(item_keys(cut), item_keys(short))
    assert not (item_keys(long) == item_keys(short)).any()


def test_pictures_of_their_own_shape_are_compared_by_their_real_patches():
    draw = torch.Generator().manual_seed(0)
    picture = torch.randint(0, 256, (3, 8, 4), generator=draw).to(torch.uint8)
    padded = torch.zeros(2, 3, 8, 12, dtype=torch.uint8)
    padded[0, :, :, :4] = picture
    padded[1, :, :, :4] = picture.flip(2)
    mask = torch.zeros(2, 2, 3, dtype=torch.bool)
    mask[:, :, 0] = True
    alone = item_keys(inputs(picture[None]))
    first, turned = item_keys(inputs(padded, mask)).tolist()
    assert first == alone.item()
    assert turned != first


def test_keys_of_places_and_values_do_not_meet():
    ids = torch.cartesian_prod(*[torch.arange(12)] * 3)
    assert len(item_keys(inputs(ids)).unique()) == 12**3
    places = torch.eye(60, dtype=torch.long).view(60, 3, 4, 5)
    assert len(item_keys(inputs(places)).unique()) == 60


def test_keys_do_not_depend_on_how_many_are_computed_at_a_time(monkeypatch):
    images = small_batch(7).inputs["image"]
    whole = item_keys(images)
    monkeypatch.setattr(pairs, "VALUES_AT_A_TIME", 2 * images.values[0].numel())
    assert torch.equal(item_keys(images), whole)
    assert len(whole.unique()) == 7


def test_absent_rows_have_the_key_zero():
    batch = small_batch(4, text=[True, False, True, False])
    keys = spread_keys(batch.inputs["text"])
    assert (keys != 0).tolist() == [True, False, True, False]
    nobody = small_batch(3, text=[False] * 3).inputs["text"]
    assert spread_keys(nobody).tolist() == [0, 0, 0]
