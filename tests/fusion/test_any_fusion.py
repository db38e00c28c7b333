"""What all fusions share, beside what tests/contracts holds them to."""

import pytest
import torch
from tests.conftest import small_batch, small_model, small_model_config
from tests.fusion.reference import encodings_of, fusion_of

from sensorium.batch import Encoding, Tokens
from sensorium.fusion import FUSIONS, SelfAttentionConfig

ALL = ("image", "text", "audio", "video")


def taken(encodings: dict[str, Encoding], order: dict[str, list[int]]) -> dict[str, Encoding]:
    return {m: encodings[m].rows(torch.tensor(rows)) for m, rows in order.items()}


@pytest.mark.parametrize("fusion", FUSIONS)
def test_modalities_interact_in_all_but_the_sum(fusion):
    """In f(a) + g(b) the effect of another b is the same for every a."""
    encodings = encodings_of(["image", "text"])
    order = {"image": [0, 0, 3, 3], "text": [0, 3, 0, 3]}  # two samples with both, all four ways
    vectors = fusion_of(fusion, ["image", "text"])(taken(encodings, order)).vector
    interaction = (vectors[0] - vectors[1]) - (vectors[2] - vectors[3])
    assert (interaction.abs().max() < 1e-12) == (fusion == "sum")


@pytest.mark.parametrize("fusion", FUSIONS)
def test_gradients_reach_every_modality(fusion):
    model = small_model(small_model_config(fusion, modalities=ALL))
    model(small_batch(3, **{m: [True] * 3 for m in ALL})).fused.vector.square().sum().backward()
    for name, parameter in model.encoders.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    for modality in ALL:
        assert any(p.grad.abs().max() > 0 for p in model.encoders[modality].parameters())


@pytest.mark.parametrize("fusion", FUSIONS)
def test_every_weight_is_used_where_every_modality_is_there(fusion):
    model = small_model(small_model_config(fusion, modalities=ALL))
    fused = model(small_batch(3, **{m: [True, True, False] for m in ALL})).fused
    tokens = [t.values[t.mask].square().sum() for t in fused.tokens.values()]
    sum(tokens, fused.vector.square().sum()).backward()
    for name, parameter in model.fusion.named_parameters():
        assert parameter.grad is not None, name


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("only", ALL)
def test_one_modality_alone_is_legal_for_a_model_that_knows_no_other(fusion, only):
    model = small_model(small_model_config(fusion, modalities=[only])).eval()
    fused = model(small_batch(3, **{m: [True, True, False] for m in ALL})).fused
    assert fused.vector.shape == (3, 16)
    assert fused.vector.isfinite().all()


@pytest.mark.parametrize("fusion", FUSIONS)
def test_the_order_of_modalities_does_not_matter(fusion):
    fusion, encodings = fusion_of(fusion), encodings_of()
    turned = dict(reversed(encodings.items()))
    one, other = fusion(encodings), fusion(turned)
    torch.testing.assert_close(one.vector, other.vector)
    for m, tokens in one.tokens.items():
        torch.testing.assert_close(tokens.values[tokens.mask], other.tokens[m].values[tokens.mask])


@pytest.mark.parametrize("fusion", [name for name, f in FUSIONS.items() if f.keeps_tokens])
def test_the_tokens_of_each_modality_see_the_others(fusion):
    fusion, encodings = fusion_of(fusion, ["image", "text"]), encodings_of(["image", "text"])
    before = fusion(encodings)
    for changed, watched in (("image", "text"), ("text", "image")):
        tokens = encodings[changed].tokens
        other = Tokens(tokens.values + 1, tokens.mask)
        swapped = encodings | {
            changed: Encoding(other, encodings[changed].pooled, encodings[changed].present)
        }
        after = fusion(swapped).tokens[watched].values
        moved = (after - before.tokens[watched].values).abs().amax(dim=(1, 2))
        assert moved[0] > 1e-3  # who has both
        only = encodings[watched].present & ~encodings[changed].present
        real = encodings[watched].tokens.mask & only[:, None]
        torch.testing.assert_close(after[real], before.tokens[watched].values[real])


@pytest.mark.parametrize("name", FUSIONS)
def test_whether_tokens_are_kept_is_what_the_class_says(name):
    fused = fusion_of(name)(encodings_of())
    assert bool(fused.tokens) == FUSIONS[name].keeps_tokens
    for m, tokens in fused.tokens.items():
        assert torch.equal(tokens.mask, encodings_of()[m].tokens.mask)
        assert tokens.values.shape[2] == fused.vector.shape[1] == 16


@pytest.mark.parametrize(("width", "heads"), [(16, 1), (96, 1), (128, 2), (192, 3), (200, 2)])
def test_heads_that_are_left_out_divide_the_width(width, heads):
    assert SelfAttentionConfig(width=width).heads == heads
    assert SelfAttentionConfig(width=width, heads=1).heads == 1
