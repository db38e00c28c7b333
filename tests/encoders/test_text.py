import pytest
import torch
from tests.conftest import CONTEXT_TOKENS, VOCABULARY, small_batch

from sensorium.encoders import TextEncoder, TextEncoderConfig


def encoder(**config):
    torch.manual_seed(0)
    sizes = {"width": 16, "depth": 2, "heads": 2}
    return TextEncoder(TextEncoderConfig(**sizes | config), VOCABULARY, CONTEXT_TOKENS).eval()


@pytest.mark.parametrize("pooling", ["mean", "class", "attention"])
def test_padding_changes_nothing(pooling):
    text = small_batch(6).inputs["text"]
    model = encoder(pooling=pooling)
    whole = model(text)
    for i, length in enumerate(text.mask.sum(dim=1).tolist()):
        alone = model(
            text.rows(torch.tensor([i])).__class__(
                text.values[i : i + 1, :length],
                text.mask[i : i + 1, :length],
                text.present[i : i + 1],
            )
        )
        torch.testing.assert_close(alone.pooled[0], whole.pooled[i])
        torch.testing.assert_close(alone.tokens.values[0], whole.tokens.values[i, :length])


def test_length_buckets_give_the_same_tokens():
    text = small_batch(49).inputs["text"]
    plain, bucketed = encoder(), encoder(length_buckets=4)
    real = text.mask
    lengths = []
    bucketed.transformer.register_forward_pre_hook(lambda _, x: lengths.append(x[0].shape[:2]))
    torch.testing.assert_close(bucketed(text).tokens.values[real], plain(text).tokens.values[real])
    torch.testing.assert_close(bucketed(text).pooled, plain(text).pooled)
    assert [texts for texts, _ in lengths[:3]] == [17, 16, 16]  # not four of fewer than 16
    assert {tokens for _, tokens in lengths} <= {4, 8, text.values.shape[1]}


def test_a_text_longer_than_the_context_is_refused_with_both_lengths():
    with pytest.raises(ValueError, match=f"13 tokens came to an encoder of {CONTEXT_TOKENS}"):
        encoder().encode_ids(torch.zeros(1, 13, dtype=torch.long), None)


def test_words_may_begin_as_large_as_what_is_added_to_them():
    torch.manual_seed(0)
    model = TextEncoder(TextEncoderConfig(width=64, depth=0, heads=1, initial_words="unit"), 500, 8)
    assert model.embedding.weight.std().item() == pytest.approx(64**-0.5, rel=0.05)
    ids = torch.arange(8)[None]
    expected = 8 * model.embedding(ids) + model.positions
    torch.testing.assert_close(model.encode_ids(ids, None), model.transformer.norm(expected))
